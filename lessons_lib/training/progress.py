"""The progress bar of every long cell: how far, and how much time is left.

Its first text, which a notebook stores and the tests compare, depends on `total` and `desc` alone. So a
run that is loaded makes the same bar as one that is trained, and fills it at once.
"""

from tqdm.auto import tqdm


def progress(total: int, desc: str) -> tqdm:
    """Return a bar of `total` steps: call `.update(n)` after n of them, `.close()` or `with` at the end.

    A widget in Jupyter, a line of text elsewhere.
    """
    # plain characters, because a Windows console may have no blocks
    return tqdm(total=total, desc=desc, unit="step", mininterval=0.25, ascii=" #")
