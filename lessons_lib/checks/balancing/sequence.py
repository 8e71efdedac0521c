"""Check of the sequence-wise loss and its gradient, against a loop and a gradient worked out by hand.

With S the sum of a token's affinities s, L = alpha / (B T) sum over tokens and i of f_i s_i / S, where f
belongs to the token's own sequence. Its derivative by s_j is alpha / (B T) (f_j - sum_i f_i s_i / S) / S.
"""

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
    shape = rng.randint(2, 3), rng.randint(2, 4), rng.randint(3, 5)
    affinity = distinct(rng, *shape, low=5, high=95)
    return {"affinity": affinity, "k": rng.randint(1, 2), "alpha": rng.choice((4.0, 8.0, 16.0))}


def _loop(affinity: Tensor, k: int, alpha: float) -> tuple[Tensor, Tensor]:
    (sequences, length, n_experts), loss = affinity.shape, 0.0
    gradient = torch.zeros(affinity.shape, dtype=torch.float64)
    for b, rows in enumerate(affinity.tolist()):
        chosen = [i for s in rows for i in sorted(range(n_experts), key=lambda i: -s[i])[:k]]
        f = [n_experts / (k * length) * chosen.count(i) for i in range(n_experts)]
        for t, s in enumerate(rows):
            pressure = sum(f_i * s_i for f_i, s_i in zip(f, s, strict=True)) / sum(s)
            loss += alpha / (sequences * length) * pressure
            for j in range(n_experts):
                gradient[b, t, j] = alpha / (sequences * length) * (f[j] - pressure) / sum(s)
    return torch.tensor(loss, dtype=torch.float64), gradient


def _shares(affinity: Tensor) -> Tensor:
    return affinity / affinity.sum(-1, keepdim=True)


def _counted(picked: Tensor, share: Tensor) -> Tensor:
    return picked


def _loss(
    affinity: Tensor,
    k: int,
    alpha: float,
    *,
    axis: int = 1,  # over which f and P are made: 0 the sequences, 1 the tokens
    whole: bool = False,  # all sequences as one
    share: Callable[[Tensor], Tensor] = _shares,
    counted: Callable[[Tensor, Tensor], Tensor] = _counted,
    factor: Callable[[int, int], float] = lambda e, k: e / k,
    over_sequences: Callable[[Tensor], Tensor] = torch.mean,
) -> Tensor:
    """Compute the loss with one thing (or none) done the wrong way."""
    s = affinity.double().flatten(0, 1).unsqueeze(0) if whole else affinity.double()
    picked = torch.zeros_like(s).scatter(-1, s.topk(k).indices, 1.0)
    f = counted(picked, share(s)).mean(axis) * factor(s.shape[-1], k)
    return alpha * over_sequences((f * share(s).mean(axis)).sum(-1))


SEQUENCE_LOSS = Exercise(
    "sequence_loss",
    _draw,
    _loop,
    (
        Misconception(
            "over the whole batch",
            "You count all texts as one: what one of them has too much of, another may make good. Within "
            "what should the load be even?",
            (partial(_loss, whole=True),),
        ),
        Misconception(
            "mean over the wrong axis",
            "You average over the texts, for each position by itself. Over what does one text's mean go?",
            (partial(_loss, axis=0), partial(_loss, axis=0, over_sequences=torch.sum)),
        ),
        Misconception(
            "shares not normalised",
            "Sigmoids of one token need not add up to 1, so your P is no share. Then all affinities falling "
            "together would lower the loss.",
            (partial(_loss, share=lambda s: s),),
        ),
        Misconception(
            "without the factor E / K",
            "For an even load the loss should be alpha, however many experts there are. What is yours then?",
            (
                partial(_loss, factor=lambda e, k: 1.0),
                partial(_loss, factor=lambda e, k: 1 / k),
                partial(_loss, factor=lambda e, k: e),
            ),
        ),
        Misconception(
            "f differentiable",
            "Part of your gradient comes through f. But a number of tokens is a whole number. By which of "
            "the two factors alone should the router be pushed?",
            (
                partial(_loss, counted=lambda picked, share: picked + share - share.detach()),
                partial(_loss, counted=lambda picked, share: picked * (1 + share - share.detach())),
                partial(_loss, counted=lambda picked, share: picked * share),
                partial(_loss, counted=lambda picked, share: share, factor=lambda e, k: e),
                partial(_loss, counted=lambda picked, share: share),
            ),
        ),
        Misconception(
            "summed over the texts",
            "Your loss grows with the number of texts in a batch. How is it made one number of many?",
            (partial(_loss, over_sequences=torch.sum),),
        ),
        Misconception(
            "no gradient",
            "The value is right, and the router learns nothing from it: the gradient is 0 everywhere. Where "
            "was it cut off?",
            (partial(_loss, share=lambda s: _shares(s).detach()),),
        ),
    ),
    lesson="06",
    observe=with_gradient,
    returns=("loss", "affinity.grad"),
)
