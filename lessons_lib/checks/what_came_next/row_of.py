"""Check of the row that an n-gram leads to, against arithmetic on Python's whole numbers."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from lessons_lib.checks.checker import Exercise, Misconception

FACTORS = (1_000_003, 10_007, 101)


def _draw(rng: random.Random) -> dict[str, Any]:
    tokens = tuple(rng.randint(0, 30) for _ in range(rng.randint(4, 7)))
    return {
        "tokens": tokens,
        "at": rng.choice([0, 1, rng.randrange(len(tokens)), len(tokens) - 2]),
        "order": rng.randint(2, 3),
        "size": rng.choice([31, 101, 499]),
    }


def _row(
    tokens: tuple[int, ...],
    at: int,
    order: int,
    size: int,
    *,
    step: int = -1,
    more: int = 1,
    mix: Callable[[int, int], int] = lambda a, b: a ^ b,
    wraps: bool = False,
    factor: Callable[[int, int], int] = lambda back, order: FACTORS[back],
    cut: bool = False,  # take the remainder of each product
) -> int:
    """Mix with one thing (or none) done the wrong way."""
    mixed = 0
    for back in range(order):
        place = at + step * back
        inside = 0 <= place < len(tokens) or (wraps and -len(tokens) <= place < 0)
        token = tokens[place] + more if inside else 0
        product = token * factor(back, order)
        mixed = mix(mixed, product % size if cut else product)
    return mixed % size


ROW_OF = Exercise(
    "row_of",
    _draw,
    _row,
    (
        Misconception(
            "tokens that come after",
            "Your n-gram begins at the position and goes on behind it, where nothing is known yet.",
            (partial(_row, step=1),),
        ),
        Misconception(
            "added up",
            "You add the products. The text mixes their bits.",
            (partial(_row, mix=lambda a, b: a + b),),
        ),
        Misconception(
            "token 0 counts like none",
            "Token 0 and no token at all lead to the same row in yours.",
            (partial(_row, more=0),),
        ),
        Misconception(
            "the end of the text before its beginning",
            "At the first positions you use tokens from the end: Python counts -1 from the back.",
            (partial(_row, wraps=True),),
        ),
        Misconception(
            "factors in the other order",
            "Which token gets the largest factor: the one at the position, or the earliest of the n-gram?",
            (partial(_row, factor=lambda back, order: FACTORS[order - 1 - back]),),
        ),
        Misconception(
            "remainder before mixing",
            "You take a remainder of each product. The text takes one, of what comes out when all are "
            "combined.",
            (partial(_row, cut=True),),
        ),
    ),
    lesson="19",
    returns=("row",),
    edges={
        "the first position": lambda c: {"at": 0},
        "the last position": lambda c: {"at": len(c["tokens"]) - 1},
        "all tokens 0": lambda c: {"tokens": (0,) * len(c["tokens"])},
        "one token": lambda c: {"tokens": (7,), "at": 0},
        "one row": lambda c: {"size": 1},
    },
)
