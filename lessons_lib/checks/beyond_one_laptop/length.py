"""Check of a gradient's length over ranks, against the vector that one process would have."""

import random
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    return {
        "slices": tenths(rng, rng.randint(2, 4), rng.randint(2, 3)),
        "copy": tenths(rng, rng.randint(2, 3)),
    }


def _in_one_piece(slices: Tensor, copy: Tensor) -> Tensor:
    return torch.tensor(sum(x * x for x in [*slices.flatten().tolist(), *copy.tolist()]) ** 0.5)


GRADIENT_LENGTH = Exercise(
    "gradient_length",
    _draw,
    _in_one_piece,
    (
        Misconception(
            "copies count on every rank",
            "Each rank adds the squares of its copy. How often does the model have these numbers?",
            (lambda slices, copy: (slices.square().sum() + len(slices) * copy.square().sum()).sqrt(),),
        ),
        Misconception(
            "the copy is forgotten",
            "Change a number of the copy: your length stays the same. Should it?",
            (lambda slices, copy: slices.norm(),),
        ),
        Misconception(
            "lengths added up",
            "Two vectors of length 3 and 4 at a right angle: how long are they together?",
            (lambda slices, copy: slices.norm(dim=1).sum() + copy.norm(),),
        ),
        Misconception(
            "one rank's length",
            "That is what rank 0 sees. By what would the others clip?",
            (lambda slices, copy: torch.cat([slices[0], copy]).norm(),),
        ),
        Misconception(
            "the square of the length",
            "Twice the gradient: is your number twice as large, or four times?",
            (lambda slices, copy: slices.square().sum() + copy.square().sum(),),
        ),
    ),
    lesson="20",
    returns=("length",),
    edges={
        "one rank": lambda c: {"slices": c["slices"][:1]},
        "nothing is copied": lambda c: {"copy": torch.zeros(0)},
        "all zero": lambda c: {"slices": torch.zeros(2, 2), "copy": torch.zeros(2)},
        "very long": lambda c: {"slices": c["slices"] * 1e4, "copy": c["copy"] * 1e4},
    },
)
