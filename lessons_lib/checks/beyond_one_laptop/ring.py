"""Check of what a rank of a ring sends, against a ring that is followed piece by piece."""

import random
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    ranks = rng.randint(3, 8)
    return {"n_bytes": ranks * rng.randint(1, 50) * 4, "ranks": ranks}


def _followed(n_bytes: int, ranks: int) -> Tensor:
    piece, sent = n_bytes / ranks, [0.0, 0.0]
    for phase in range(2):  # sums travel round the ring, then what is summed
        for _ in range(ranks - 1):
            sent[phase] += piece
    return torch.tensor([sum(sent), sent[0], sent[1]])


RING_BYTES = Exercise(
    "ring_bytes",
    _draw,
    _followed,
    (
        Misconception(
            "to every other rank",
            "Does a rank of a ring send all of its tensor to each of the others? To whom does it talk?",
            (lambda n_bytes, ranks: torch.tensor([2.0, 1.0, 1.0]) * n_bytes * (ranks - 1),),
        ),
        Misconception(
            "a round too many",
            "After how many rounds has a piece been at every rank, if it starts at one of them?",
            (lambda n_bytes, ranks: torch.tensor([2.0, 1.0, 1.0]) * n_bytes,),
        ),
        Misconception(
            "sums only",
            "After your all-reduce each rank has the sum of one piece. Who tells it the other sums?",
            (lambda n_bytes, ranks: torch.tensor([1.0, 1.0, 1.0]) * n_bytes * (ranks - 1) / ranks,),
        ),
        Misconception(
            "a single piece",
            "You count one round. How many rounds does a ring of more than two take?",
            (lambda n_bytes, ranks: torch.tensor([2.0, 1.0, 1.0]) * n_bytes / ranks,),
        ),
        Misconception(
            "the all-gather costs as much as the all-reduce",
            "An all-reduce is a reduce-scatter, then an all-gather. Can one of the two cost as much as both?",
            (lambda n_bytes, ranks: torch.tensor([2.0, 1.0, 2.0]) * n_bytes * (ranks - 1) / ranks,),
        ),
    ),
    lesson="20",
    returns=("sent",),
    edges={
        "one rank": lambda c: {"n_bytes": 40, "ranks": 1},
        "two ranks": lambda c: {"n_bytes": 40, "ranks": 2},
        "nothing to send": lambda c: {"n_bytes": 0},
        "very many ranks": lambda c: {"n_bytes": 2048 * 100, "ranks": 2048},
    },
)
