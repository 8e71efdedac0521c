"""Check of the k3 estimate of a divergence and its gradient, against a loop worked out by hand.

With d the reference's log-probability minus the model's, a token adds exp(d) - d - 1, whose derivative by the
model's is 1 - exp(d).
"""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    logps = [-rng.randint(2, 40) / 20 for _ in range(rng.randint(3, 6))]
    apart = [rng.choice((-1, 1)) * rng.randint(4, 24) / 20 for _ in logps]
    return {
        "logps": torch.tensor(logps),
        "ref_logps": torch.tensor([min(new + d, -0.05) for new, d in zip(logps, apart, strict=True)]),
    }


def _loop(logps: Tensor, ref_logps: Tensor) -> tuple[Tensor, Tensor]:
    apart = [ref - new for new, ref in zip(logps.tolist(), ref_logps.tolist(), strict=True)]
    value = sum(math.exp(d) - d - 1 for d in apart) / len(apart)
    gradient = [(1 - math.exp(d)) / len(apart) for d in apart]
    return torch.tensor(value, dtype=torch.float64), torch.tensor(gradient, dtype=torch.float64)


def _answer(term: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return the mean over tokens of `term`, from their two log-probabilities."""

    def mean(logps: Tensor, ref_logps: Tensor) -> Tensor:
        return term(logps.double(), ref_logps.double()).mean()

    return mean


def _k3(logps: Tensor, ref_logps: Tensor) -> Tensor:
    apart = ref_logps - logps
    return apart.exp() - apart - 1


DIVERGENCE = Exercise(
    "divergence",
    _draw,
    _loop,
    (
        Misconception(
            "mean of differences",
            "Look at your gradient: it is the same for every token, wherever the reference stands. Averaged "
            "over samples that pushes nothing anywhere.",
            (_answer(lambda new, ref: new - ref), _answer(lambda new, ref: ref - new)),
        ),
        Misconception(
            "roles exchanged",
            "Yours is never negative, and 0 when both agree: good. But whose probability is in the "
            "numerator? The tokens were sampled by the model that is trained.",
            (_answer(lambda new, ref: _k3(ref, new)),),
        ),
        Misconception(
            "sign turned",
            "Yours is at its largest, 0, where both agree, and it is added to a loss. Where would training "
            "go?",
            (_answer(lambda new, ref: -_k3(new, ref)),),
        ),
        Misconception(
            "half the squares",
            "That is the estimate k2. It is fine for models close together; the text asks for the one that "
            "is right on average however far they are.",
            (
                _answer(lambda new, ref: (ref - new).square() / 2),
                _answer(lambda new, ref: (ref - new).square()),
            ),
        ),
        Misconception(
            "one left over",
            "Two equal models have a divergence of 0. What is yours?",
            (_answer(lambda new, ref: _k3(new, ref) + 1),),
        ),
        Misconception(
            "logarithm added",
            "Let the reference fall below the model: your estimate becomes negative. One of the two terms "
            "has the wrong sign.",
            (_answer(lambda new, ref: (ref - new).exp() + (ref - new) - 1),),
        ),
        Misconception(
            "weighted by the probability again",
            "You multiply by the model's probability. But likely tokens were sampled more often to begin "
            "with.",
            (
                _answer(lambda new, ref: new.exp() * _k3(new, ref)),
                _answer(lambda new, ref: new.exp() * (new - ref)),
            ),
        ),
    ),
    lesson="13",
    observe=with_gradient,
    returns=("divergence", "logps.grad"),
)
