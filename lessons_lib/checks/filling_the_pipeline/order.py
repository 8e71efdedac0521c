"""Check of 1F1B's list of a rank, against the library's schedule."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.parallel.schedules import one_f_one_b


def _draw(rng: random.Random) -> dict[str, Any]:
    ranks = rng.randint(3, 6)
    return {"rank": rng.randrange(ranks), "ranks": ranks, "micro_batches": rng.randint(1, 8)}


def _from_the_library(rank: int, ranks: int, micro_batches: int) -> Tensor:
    steps = one_f_one_b(ranks, micro_batches)[rank]
    return torch.tensor([(a.micro + 1) * (1 if a.kind == "F" else -1) for a in steps])  # type: ignore[union-attr]


def _order(
    rank: int,
    ranks: int,
    micro_batches: int,
    *,
    ahead: Callable[[int, int, int], int] = lambda rank, ranks, n: ranks - 1 - rank,
    capped: bool = True,
    first: int = 1,  # the number of the first micro-batch
) -> Tensor:
    """Write the list with one thing (or none) done the wrong way."""
    warm = ahead(rank, ranks, micro_batches)
    warm = min(warm, micro_batches) if capped else warm
    work = list(range(1, warm + 1))
    for i in range(1, micro_batches + 1):
        work += [warm + i] * (warm + i <= micro_batches) + [-i]
    return torch.tensor([w - 1 + first if w > 0 else w + 1 - first for w in work])


ORDER_1F1B = Exercise(
    "order_1f1b",
    _draw,
    _from_the_library,
    (
        Misconception(
            "one too many ahead",
            "Count what the last rank does before its first backward: how many forwards does it need?",
            (partial(_order, ahead=lambda rank, ranks, n: ranks - rank),),
        ),
        Misconception(
            "one too few ahead",
            "A micro-batch goes down to the last rank and back. Has this rank enough to do meanwhile?",
            (partial(_order, ahead=lambda rank, ranks, n: max(ranks - 2 - rank, 0)),),
        ),
        Misconception(
            "counted from the first rank",
            "Your first rank goes ahead least. Which rank waits longest for its first backward?",
            (partial(_order, ahead=lambda rank, ranks, n: rank),),
        ),
        Misconception(
            "as far ahead on every rank",
            "All your ranks go equally far ahead. Does the last one have to wait for a backward at all?",
            (partial(_order, ahead=lambda rank, ranks, n: ranks - 1),),
        ),
        Misconception(
            "all forwards first",
            "That is GPipe's order: it holds the activations of all micro-batches. When could the first "
            "backward come?",
            (partial(_order, ahead=lambda rank, ranks, n: n),),
        ),
        Misconception(
            "micro-batches that are not there",
            "With few micro-batches your list has more forwards than there are. How far ahead can a rank "
            "go then?",
            (partial(_order, capped=False),),
        ),
        Misconception(
            "micro-batches counted from 0",
            "Your first micro-batch has the number 0, and minus 0 is 0: its backward can't be told "
            "from its forward. From which number on does the text count?",
            (partial(_order, first=0),),
        ),
    ),
    lesson="11",
    returns=("work",),
    edges={
        "one rank": lambda c: {"rank": 0, "ranks": 1},
        "one micro-batch": lambda c: {"micro_batches": 1},
        "fewer micro-batches than ranks": lambda c: {"rank": 0, "ranks": 8, "micro_batches": 3},
        "the last rank": lambda c: {"rank": c["ranks"] - 1},
        "many micro-batches": lambda c: {"micro_batches": 60},
    },
)
