"""Check of k3 times the importance ratio, as DeepSeek-V3.2 has it, and of its gradient, against a loop.

With d the reference's log-probability minus the model's and r the ratio of the model's probability to that of
the model that sampled, a token adds r (exp(d) - d - 1), whose derivative by the model's log-probability is
-r d: the ratio's own gradient takes away all but that.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    logps = [-rng.randint(10, 40) / 20 for _ in range(rng.randint(3, 6))]
    moved = [rng.choice((-1, 1)) * rng.randint(6, 16) / 20 for _ in logps]
    apart = [rng.choice((-1, 1)) * rng.randint(4, 24) / 20 for _ in logps]
    moved[:2], apart[:2] = [0.4, -0.5], [0.6, -0.7]  # both have both signs in every case
    return {
        "logps": torch.tensor(logps),
        "old_logps": torch.tensor([min(new - m, -0.05) for new, m in zip(logps, moved, strict=True)]),
        "ref_logps": torch.tensor([min(new + d, -0.05) for new, d in zip(logps, apart, strict=True)]),
    }


def _loop(logps: Tensor, old_logps: Tensor, ref_logps: Tensor) -> tuple[Tensor, Tensor]:
    value, gradient = 0.0, []
    for new, old, ref in zip(logps.tolist(), old_logps.tolist(), ref_logps.tolist(), strict=True):
        ratio, d = math.exp(new - old), ref - new
        value += ratio * (math.exp(d) - d - 1) / len(logps)
        gradient.append(-ratio * d / len(logps))
    return torch.tensor(value, dtype=torch.float64), torch.tensor(gradient, dtype=torch.float64)


def _k3(new: Tensor, ref: Tensor) -> Tensor:
    apart = ref - new
    return apart.exp() - apart - 1


def _ratio(new: Tensor, old: Tensor, ref: Tensor) -> Tensor:
    return (new - old).exp()


def _divergence(
    logps: Tensor,
    old_logps: Tensor,
    ref_logps: Tensor,
    *,
    ratio: Callable[[Tensor, Tensor, Tensor], Tensor] = _ratio,
    term: Callable[[Tensor, Tensor], Tensor] = _k3,
    mean: Callable[[Tensor, Tensor], Tensor] = lambda weighted, ratios: weighted.mean(),
) -> Tensor:
    """Compute the estimate with one thing (or none) done the wrong way."""
    new, old, ref = logps.double(), old_logps.double(), ref_logps.double()
    ratios = ratio(new, old, ref)
    return mean(ratios * term(new, ref), ratios)


CORRECTED_DIVERGENCE = Exercise(
    "corrected_divergence",
    _draw,
    _loop,
    (
        Misconception(
            "no ratio",
            "Your result has no trace of old_logps. Who wrote the tokens, and whose average is wanted?",
            (partial(_divergence, ratio=lambda new, old, ref: torch.ones_like(new)),),
        ),
        Misconception(
            "ratio without a gradient",
            "The value is right, the gradient is not: your ratio is taken for a constant. Its gradient is "
            "what turns the other divergence's into this one's.",
            (partial(_divergence, ratio=lambda new, old, ref: (new - old).exp().detach()),),
        ),
        Misconception(
            "gradient through the ratio alone",
            "The value is right, the gradient is not: your k3 is taken for a constant. It depends on the "
            "model, too.",
            (partial(_divergence, term=lambda new, ref: _k3(new, ref).detach()),),
        ),
        Misconception(
            "ratio upside down",
            "Where a token has become likelier since it was written, your weight is below 1. What the model "
            "would write twice as often should count twice.",
            (partial(_divergence, ratio=lambda new, old, ref: (old - new).exp()),),
        ),
        Misconception(
            "ratio to the reference",
            "Your weight compares the model with the reference. The one that matters here is the model that "
            "wrote the tokens.",
            (
                partial(_divergence, ratio=lambda new, old, ref: (new - ref).exp()),
                partial(_divergence, ratio=lambda new, old, ref: (ref - old).exp()),
            ),
        ),
        Misconception(
            "distance from the older model",
            "Your k3 is that from the model that wrote the tokens. How far is it from the reference?",
            (
                lambda logps, old_logps, ref_logps: _divergence(logps, old_logps, old_logps),
                lambda logps, old_logps, ref_logps: _divergence(logps, ref_logps, old_logps),
            ),
        ),
        Misconception(
            "roles exchanged",
            "Look at your k3: whose probability is in the numerator?",
            (partial(_divergence, term=lambda new, ref: _k3(ref, new)),),
        ),
        Misconception(
            "mean of differences",
            "You weigh plain differences of log-probabilities, k1. For a token it may be negative; the text "
            "names another estimate.",
            (partial(_divergence, term=lambda new, ref: new - ref),),
        ),
        Misconception(
            "half the squares",
            "You weigh k2, squares of differences. The text names another estimate.",
            (
                partial(_divergence, term=lambda new, ref: (new - ref).square() / 2),
                partial(_divergence, term=lambda new, ref: (new - ref).square()),
            ),
        ),
        Misconception(
            "one left over",
            "Let reference and model agree: their divergence is 0. What is yours?",
            (partial(_divergence, term=lambda new, ref: _k3(new, ref) + 1),),
        ),
        Misconception(
            "sign turned",
            "Yours is at its largest, 0, where model and reference agree, and it is added to a loss. Where "
            "would training go?",
            (partial(_divergence, term=lambda new, ref: -_k3(new, ref)),),
        ),
        Misconception(
            "divided by the sum of the ratios",
            "You divide by the sum of the weights. The text asks for a plain mean over the tokens.",
            (partial(_divergence, mean=lambda weighted, ratios: weighted.sum() / ratios.sum()),),
        ),
    ),
    lesson="13",
    observe=with_gradient,
    returns=("divergence", "logps.grad"),
    edges={
        "on-policy": lambda c: {"old_logps": c["logps"].clone()},
        "the reference wrote": lambda c: {"old_logps": c["ref_logps"].clone()},
        "model and reference equal": lambda c: {"ref_logps": c["logps"].clone()},
        "one token": lambda c: {n: c[n][:1] for n in c},
        "far apart": lambda c: {"ref_logps": c["logps"] - 12},
        "much likelier than when written": lambda c: {"old_logps": c["logps"] - 4},
    },
)
