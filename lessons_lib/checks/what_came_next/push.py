"""Check of what a KL from the student asks of its scores, against torch's own gradient."""

import random
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(2, 7)
    p, q = (torch.tensor([float(rng.randint(1, 9)) for _ in range(n)]) for _ in range(2))
    return {"p": p / p.sum(), "q": q / q.sum()}


def _by_autograd(p: Tensor, q: Tensor) -> Tensor:
    scores = p.double().log().requires_grad_()
    loss = F.kl_div(q.double().log(), scores.log_softmax(-1), log_target=True, reduction="sum")
    return -torch.autograd.grad(loss, scores)[0].float()


def _pushed(p: Tensor, q: Tensor, *, baseline: float = 1.0, sign: float = 1.0, weigh: bool = True) -> Tensor:
    """Push with one thing (or none) done the wrong way."""
    ratio = (q / p).log()
    return sign * (p if weigh else 1) * (ratio - baseline * (p * ratio).sum())


def _forward(p: Tensor, q: Tensor) -> Tensor:
    return q - p


PUSH = Exercise(
    "push_of_scores",
    _draw,
    _by_autograd,
    (
        Misconception(
            "the KL from the teacher",
            "That is what imitation asks for, the KL from the teacher. The text asks for the other one.",
            (_forward,),
        ),
        Misconception(
            "the mean not taken off",
            "Your pushes do not add up to 0. Scores that all rise alike change nothing.",
            (partial(_pushed, baseline=0.0),),
        ),
        Misconception(
            "uphill",
            "You push away from the teacher: the KL would grow.",
            (partial(_pushed, sign=-1.0),),
        ),
        Misconception(
            "not weighed by p",
            "You push a symbol that the student hardly ever writes as hard as any other. How often "
            "does each push occur?",
            (partial(_pushed, weigh=False),),
        ),
    ),
    lesson="19",
    returns=("push",),
    edges={
        "alike": lambda c: {"q": c["p"]},
        "two symbols": lambda c: {"p": torch.tensor([0.5, 0.5]), "q": torch.tensor([0.9, 0.1])},
        "nearly sure": lambda c: {
            "p": torch.tensor([0.998, 0.001, 0.001]),
            "q": torch.tensor([0.2, 0.4, 0.4]),
        },
        "even": lambda c: {"p": torch.full_like(c["p"], 1 / len(c["p"]))},
    },
)
