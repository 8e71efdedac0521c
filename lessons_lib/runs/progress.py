"""The progress bar of every long cell: how far, and how much time is left.

Its first text, which a notebook stores and the tests compare, depends on `total` and `desc` alone. So a
run that is loaded makes the same bar as one that is trained, and fills it at once.

It is drawn a bounded number of times, however slow the machine: each drawing sends messages from the
kernel, and who reads them only when the cell has ended, as nbval does, loses those beyond some thousands,
the one that says "ended" among them.
"""

import math

from tqdm.auto import tqdm

from lessons_lib.signatures import checked

DRAWINGS = 200  # at most; each sends two or three messages


class Silent:
    """The progress of what is made or loaded on the way of another run, and has no bar of its own."""

    def update(self, n: int = 1) -> None:
        pass


@checked(total="0..")
def progress(total: int, desc: str) -> tqdm:
    """Return a bar of `total` steps: call `.update(n)` after n of them, `.close()` or `with` at the end.

    A widget in Jupyter, a line of text elsewhere.
    """
    # plain characters, because a Windows console may have no blocks
    return tqdm(
        total=total,
        desc=desc,
        unit="step",
        mininterval=0.25,
        miniters=max(1, math.ceil(total / DRAWINGS)),
        maxinterval=math.inf,  # else a thread of tqdm's draws at every step once a step took 10 seconds
        ascii=" #",
    )
