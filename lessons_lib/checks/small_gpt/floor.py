"""Check of the entropy floor of a process with a few contexts, against a loop in Python numbers."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import shares


def _draw(rng: random.Random) -> dict[str, Any]:
    contexts, vocab = rng.randint(2, 5), rng.randint(2, 6)
    probs = shares(rng, contexts, vocab)
    probs[0] = torch.tensor([0.5, 0.5] + [0.0] * (vocab - 2))  # at least one context is uncertain,
    probs[1] = torch.tensor([0.0] * (vocab - 1) + [1.0])  # and at least one token impossible
    return {"share": shares(rng, contexts), "probs": probs}


def _loop(share: Tensor, probs: Tensor) -> Tensor:
    total = 0.0
    for weight, row in zip(share.tolist(), probs.tolist(), strict=True):
        total += weight * sum(-p * math.log(p) for p in row if p > 0)
    return torch.tensor(total, dtype=torch.float64)


def _entropy(probs: Tensor) -> Tensor:
    return torch.special.entr(probs.double()).sum(-1)


def _answer(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda share, probs: function(share.double(), probs.double())


FLOOR = Exercise(
    "entropy_floor",
    _draw,
    _loop,
    (
        Misconception(
            "zero times log zero",
            "There is a NaN. What is log(0), and what is 0 times that? A token that never comes costs "
            "nothing, but the computer does not know that.",
            (_answer(lambda s, p: (s * -(p * p.log()).sum(-1)).sum()),),
        ),
        Misconception(
            "contexts counted equally",
            "A context that is rare should hardly matter. Which argument knows how rare it is?",
            (_answer(lambda s, p: _entropy(p).mean()),),
        ),
        Misconception(
            "contexts summed",
            "Split one context into two equal ones, each half as frequent: nothing has changed, so the "
            "floor should not. Yours does.",
            (_answer(lambda s, p: _entropy(p).sum()),),
        ),
        Misconception(
            "context thrown away",
            "You first mix the contexts, then ask how uncertain the mixture is. That is the best loss of "
            "a model that looks at nothing; it is never below the floor.",
            (_answer(lambda s, p: _entropy(s @ p)),),
        ),
        Misconception(
            "bits for nats",
            "Your number is about 1.44 times too large. Which logarithm belongs to nats?",
            (_answer(lambda s, p: (s * _entropy(p)).sum() / math.log(2)),),
        ),
        Misconception(
            "sign",
            "The size is right. Can uncertainty be negative?",
            (_answer(lambda s, p: -(s * _entropy(p)).sum()),),
        ),
        Misconception(
            "surprise of the context, too",
            "Yours is too large wherever there are two contexts: it also counts how surprising the "
            "context is. Does the predictor of the text know it?",
            (_answer(lambda s, p: _entropy(s[:, None] * p).sum()),),
        ),
    ),
    lesson="01",
    edges={
        "one context": lambda c: {"share": torch.ones(1), "probs": c["probs"][:1]},
        "nothing is uncertain": lambda c: {"probs": torch.eye(4)[: len(c["share"])], "share": c["share"][:4]},
        "a context that never comes": lambda c: {"share": torch.eye(len(c["share"]))[0]},
        "a token that comes once in a million": lambda c: {
            "share": torch.ones(1),
            "probs": torch.tensor([[1 - 1e-6, 1e-6]]),
        },
        "many tokens, all equally likely": lambda c: {
            "share": torch.tensor([0.25, 0.75]),
            "probs": torch.full((2, 200), 1 / 200),
        },
    },
    returns=("floor",),
)
