"""Check of a router's bias moved by the counts of all ranks, against a loop over experts."""

import random
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    ranks, experts = rng.randint(2, 4), rng.randint(3, 5)
    counts = [[rng.randint(0, 12) for _ in range(experts)] for _ in range(ranks)]
    if rng.random() < 0.5:  # one expert with exactly the mean
        counts = [[(experts - 1) * n for n in row[:-1]] + [sum(row[:-1])] for row in counts]
    speed = rng.choice([0.25, 0.5, 1.0, 2.0])
    return {"bias": tenths(rng, experts), "counts": torch.tensor(counts), "speed": speed}


def _expert_by_expert(bias: Tensor, counts: Tensor, speed: float) -> Tensor:
    totals = [sum(column) for column in zip(*counts.tolist(), strict=True)]
    moved = []
    for value, total in zip(bias.tolist(), totals, strict=True):
        over = total * len(totals) - sum(totals)
        moved.append(value - speed * ((over > 0) - (over < 0)))
    return torch.tensor(moved)


def _signs(load: Tensor) -> Tensor:
    load = load.double()
    return torch.sign(load - load.mean(dim=-1, keepdim=True)).float()


BIAS_STEP = Exercise(
    "bias_step",
    _draw,
    _expert_by_expert,
    (
        Misconception(
            "the first rank's counts alone",
            "Your bias depends on rank 0's counts only. What would rank 1's copy of the router become?",
            (lambda bias, counts, speed: bias - speed * _signs(counts[0]),),
        ),
        Misconception(
            "each rank's steps averaged",
            "You take a step for each rank and average. Is the sign of a sum the mean of signs?",
            (lambda bias, counts, speed: bias - speed * _signs(counts).mean(0),),
        ),
        Misconception(
            "the wrong way",
            "In your step an expert with too many tokens gets more. Which way should its bias go?",
            (lambda bias, counts, speed: bias + speed * _signs(counts.sum(0)),),
        ),
        Misconception(
            "in proportion to the load",
            "In yours an expert far above the mean moves further than one just above. Does the rule say so?",
            (
                lambda bias, counts, speed: (
                    bias - speed * (counts.sum(0).float() - counts.sum(0).float().mean())
                ),
            ),
        ),
        Misconception(
            "each rank's steps added up",
            "Your bias moves further with more ranks. How many steps does the router take?",
            (lambda bias, counts, speed: bias - speed * _signs(counts).sum(0),),
        ),
        Misconception(
            "the mean pushed",
            "An expert with exactly the mean moves in yours. What does the text say of it?",
            (
                lambda bias, counts, speed: bias - speed * (2.0 * (_signs(counts.sum(0)) > 0) - 1),
                lambda bias, counts, speed: bias - speed * (2.0 * (_signs(counts.sum(0)) >= 0) - 1),
            ),
        ),
    ),
    lesson="20",
    returns=("bias",),
    edges={
        "one rank": lambda c: {"counts": c["counts"][:1]},
        "all experts equally busy": lambda c: {"counts": torch.full_like(c["counts"], 3)},
        "no speed": lambda c: {"speed": 0.0},
        "ranks that cancel out": lambda c: {
            "bias": torch.zeros(2),
            "counts": torch.tensor([[9, 1], [1, 9]]),
        },
        "one expert takes all": lambda c: {
            "bias": torch.zeros(3),
            "counts": torch.tensor([[100, 0, 0], [50, 0, 0]]),
        },
    },
)
