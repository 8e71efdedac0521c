"""Where E4M3 is taken to end: misconceptions of every check whose scale is a power of two."""

from collections.abc import Callable
from functools import partial

from lessons_lib.checks.checker import Misconception


def wrong_ends(scale: Callable) -> tuple[Misconception, Misconception]:
    """Return those of ends at 512 and at 256; `scale` computes with `largest` and with `whole` of a power."""
    return (
        Misconception(
            "format taken to end at 512",
            "Most of your scales are right. What becomes of an amax of 500 with the scale that you "
            "give it? The format ends before the next power of two.",
            (
                partial(scale, largest=512.0),
                partial(scale, largest=512.0, whole=lambda n: n.floor() + 1),
            ),
        ),
        Misconception(
            "format taken to end at 256",
            "Many of your scales are twice as large as they need to be. How far does E4M3 reach "
            "beyond its largest power of two?",
            (partial(scale, largest=256.0),),
        ),
    )
