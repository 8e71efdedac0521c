"""Check of the length from which choosing is cheaper, against trying one length after the other."""

import random
from functools import partial
from typing import Any

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    indexer = rng.randint(3, 20)
    ratio = rng.choice((2, 3, 5))  # so that equal costs occur
    attention = ratio * indexer + rng.choice((0, 0, 1, indexer // 2 + 1))
    return {"k": (ratio - 1) * rng.randint(2, 30), "indexer": indexer, "attention": attention}


def _tried(k: int, indexer: int, attention: int) -> int:
    if indexer >= attention:
        return 0
    length = k
    while length * indexer + k * attention >= length * attention:
        length += 1
    return length


def _length(
    k: int, indexer: int, attention: int, *, saved: bool = True, more: int = 1, never: bool = True
) -> int:
    """Compute with one thing (or none) done the wrong way."""
    if never and indexer >= attention:
        return 0
    return k * attention // ((attention - indexer) if saved else indexer) + more


def _free(k: int, indexer: int, attention: int) -> int:
    return k + 1 if indexer < attention else 0


def _or_equal(k: int, indexer: int, attention: int) -> int:
    return -(-k * attention // (attention - indexer)) if indexer < attention else 0


CROSSOVER = Exercise(
    "choosing_pays_from",
    _draw,
    _tried,
    (
        Misconception(
            "the indexer for nothing",
            "You count what attention saves. Who pays for reading all positions with the indexer?",
            (_free,),
        ),
        Misconception(
            "equal taken for cheaper",
            "At your length both cost the same in some cases. The question is from where on it is less.",
            (_or_equal,),
        ),
        Misconception(
            "one too short",
            "At your length it is not cheaper yet.",
            (partial(_length, more=0),),
        ),
        Misconception(
            "indexer against the k positions",
            "You ask where the indexer alone costs what k positions of attention do. What else is paid for, "
            "and what is it compared with?",
            (partial(_length, saved=False, more=0), partial(_length, saved=False)),
        ),
    ),
    lesson="18",
    returns=("length",),
    edges={
        "V3.2": lambda c: {"k": 2048, "indexer": 8192, "attention": 139_264},
        "an indexer as dear as attention": lambda c: {"indexer": c["attention"]},
        "a dearer one": lambda c: {"indexer": 2 * c["attention"]},
        "one position": lambda c: {"k": 1},
        "hardly cheaper": lambda c: {"k": 7, "indexer": 99, "attention": 100},
    },
)
