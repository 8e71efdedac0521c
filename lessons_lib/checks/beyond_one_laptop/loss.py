"""Check of the loss of a batch that ranks share unevenly, against a sum token by token."""

import random
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    ranks = rng.randint(2, 5)
    means = torch.tensor([rng.randint(1, 60) / 10 for _ in range(ranks)])
    return {"means": means, "tokens": torch.tensor(rng.sample(range(1, 40), ranks))}


def _one_by_one(means: Tensor, tokens: Tensor) -> Tensor:
    total, seen = 0.0, 0
    for mean, n in zip(means.tolist(), tokens.tolist(), strict=True):
        total, seen = total + mean * n, seen + n
    return torch.tensor(total / seen)


BATCH_LOSS = Exercise(
    "batch_loss",
    _draw,
    _one_by_one,
    (
        Misconception(
            "the mean of the means",
            "Let one rank have 1 token and another 99. How much should each count?",
            (lambda means, tokens: means.mean(),),
        ),
        Misconception(
            "the sum over all tokens",
            "Your number grows with the batch. Would the loss of twice as many tokens be twice as large?",
            (lambda means, tokens: (means * tokens).sum(),),
        ),
        Misconception(
            "the sum divided by the ranks",
            "You divide by the number of ranks what was summed over tokens. Of what is it the mean?",
            (lambda means, tokens: (means * tokens).sum() / len(means),),
        ),
        Misconception(
            "the first rank's loss",
            "That is what rank 0 would print. What have the others seen?",
            (lambda means, tokens: means[0],),
        ),
        Misconception(
            "weights upside down",
            "In your mean a rank with few tokens counts most. Which should?",
            (lambda means, tokens: (means / tokens).sum() / (1 / tokens).sum(),),
        ),
    ),
    lesson="20",
    returns=("loss",),
    edges={
        "one rank": lambda c: {"means": c["means"][:1], "tokens": c["tokens"][:1]},
        "a rank without tokens": lambda c: {
            "means": torch.tensor([2.0, 0.0, 4.0]),
            "tokens": torch.tensor([3, 0, 1]),
        },
        "equal tokens": lambda c: {"tokens": torch.full_like(c["tokens"], 7)},
        "a million tokens on one rank": lambda c: {
            "means": torch.tensor([1.0, 3.0]),
            "tokens": torch.tensor([1_000_000, 10]),
        },
    },
)
