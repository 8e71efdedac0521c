"""Check of the auxiliary loss and its gradient, against a loop and a gradient worked out by hand.

With p the affinities, f counted, L = alpha sum_i f_i mean_t p_ti. The derivative of p_ti by the token's score
j is p_ti (1 if i = j, else 0) - p_ti p_tj, so that of L is alpha / N p_tj (f_j - sum_i f_i p_ti).
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    scores = distinct(rng, rng.randint(3, 5), rng.randint(3, 5))
    ids = scores.topk(rng.randint(1, 2)).indices
    return {"scores": scores, "ids": ids, "alpha": rng.choice((4.0, 8.0, 16.0))}


def _loop(scores: Tensor, ids: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    (n, n_experts), k = scores.shape, ids.shape[1]
    chosen = ids.flatten().tolist()
    f = [n_experts / (k * n) * chosen.count(i) for i in range(n_experts)]
    loss, gradient = 0.0, []
    for row in scores.tolist():
        total = sum(map(math.exp, row))
        p = [math.exp(score) / total for score in row]
        pressure = sum(f_i * p_i for f_i, p_i in zip(f, p, strict=True))
        loss += alpha / n * pressure
        gradient.append([alpha / n * p_i * (f_i - pressure) for f_i, p_i in zip(f, p, strict=True)])
    return torch.tensor(loss, dtype=torch.float64), torch.tensor(gradient, dtype=torch.float64)


def _counts(affinity: Tensor, picked: Tensor) -> Tensor:
    return picked.sum(0)


def _loss(
    scores: Tensor,
    ids: Tensor,
    alpha: float,
    *,
    axis: int = -1,
    load: Callable[[Tensor, Tensor], Tensor] = _counts,
    factor: Callable[[int, int, int], float] = lambda n, e, k: e / (k * n),
    share: Callable[[Tensor], Tensor] = lambda affinity: affinity.mean(0),
) -> Tensor:
    """Compute the loss with one thing (or none) done the wrong way."""
    affinity = scores.double().softmax(axis)
    picked = torch.zeros_like(affinity).scatter(1, ids, 1.0)
    f = factor(len(scores), scores.shape[1], ids.shape[1]) * load(affinity, picked)
    return alpha * (f * share(affinity)).sum()


AUXILIARY_LOSS = Exercise(
    "auxiliary_loss",
    _draw,
    _loop,
    (
        Misconception(
            "without the factor E / K",
            "For an even load the loss should be alpha, however many experts there are. What is yours then?",
            (
                partial(_loss, factor=lambda n, e, k: 1 / (k * n)),
                partial(_loss, factor=lambda n, e, k: 1 / n),
                partial(_loss, factor=lambda n, e, k: e / n),
                partial(_loss, factor=lambda n, e, k: 1.0),
            ),
        ),
        Misconception(
            "f differentiable",
            "Part of your gradient comes through f. But a number of tokens is a whole number. By which of "
            "the two factors alone should the router be pushed?",
            (
                partial(_loss, load=lambda affinity, picked: (picked + affinity - affinity.detach()).sum(0)),
                partial(
                    _loss, load=lambda affinity, picked: (picked * (1 + affinity - affinity.detach())).sum(0)
                ),
                partial(_loss, load=lambda affinity, picked: (picked * affinity).sum(0)),
                partial(_loss, load=lambda affinity, picked: affinity.sum(0), factor=lambda n, e, k: e / n),
                partial(_loss, load=lambda affinity, picked: affinity.sum(0)),
            ),
        ),
        Misconception(
            "no gradient",
            "The value is right, and the router learns nothing from it: the gradient is 0 everywhere. Where "
            "was it cut off?",
            (partial(_loss, share=lambda affinity: affinity.detach().mean(0)),),
        ),
        Misconception(
            "summed over the tokens",
            "Your loss grows with the number of tokens. Which of its two factors is meant to be a mean?",
            (partial(_loss, share=lambda affinity: affinity.sum(0)),),
        ),
        Misconception(
            "softmax over the tokens",
            "Your affinities add up to 1 over the tokens. Then every expert has the same mean, and nothing "
            "is pushed. Over what should they add up to 1?",
            (partial(_loss, axis=0),),
        ),
    ),
    lesson="05",
    observe=with_gradient,
    returns=("loss", "scores.grad"),
)
