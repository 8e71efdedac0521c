"""Check of the balance loss over devices and its gradient, against a loop and a gradient worked out by hand.

With p the affinities and f the mean load of an expert's device, counted, L = alpha sum_i f_i mean_t p_ti. The
derivative of p_ti by the token's score j is p_ti (1 if i = j, else 0) - p_ti p_tj, so that of L is
alpha / N p_tj (f_j - sum_i f_i p_ti). Source: DeepSeekMoE, arXiv:2401.06066, section 3.3.
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
    n_devices = rng.randint(2, 3)
    scores = distinct(rng, rng.randint(3, 5), n_devices * rng.randint(2, 3))
    ids = scores.topk(rng.randint(1, 3)).indices
    return {"scores": scores, "ids": ids, "n_devices": n_devices, "alpha": rng.choice((4.0, 8.0, 16.0))}


def _loop(scores: Tensor, ids: Tensor, n_devices: int, alpha: float) -> tuple[Tensor, Tensor]:
    (n, n_experts), k = scores.shape, ids.shape[1]
    chosen = ids.flatten().tolist()
    of_expert, each = (
        [n_experts / (k * n) * chosen.count(i) for i in range(n_experts)],
        n_experts // n_devices,
    )
    of_device = [sum(of_expert[d * each : (d + 1) * each]) / each for d in range(n_devices)]
    f = [of_device[i // each] for i in range(n_experts)]
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


def _of_device(x: Tensor, n: int) -> Tensor:
    """Return the sums over the experts of each of `n` devices, which are neighbours."""
    return x.view(n, -1).sum(1)


def _loss(
    scores: Tensor,
    ids: Tensor,
    n_devices: int,
    alpha: float,
    *,
    axis: int = -1,
    load: Callable[[Tensor, Tensor], Tensor] = _counts,
    factor: Callable[[int, int, int], float] = lambda n, e, k: e / (k * n),
    share: Callable[[Tensor], Tensor] = lambda affinity: affinity.mean(0),
    dealt: Callable[[Tensor, int], Tensor] = _of_device,
    load_mean: bool = True,
    share_mean: bool = False,
) -> Tensor:
    """Compute the loss with one thing (or none) done the wrong way."""
    affinity = scores.double().softmax(axis)
    picked = torch.zeros_like(affinity).scatter(1, ids, 1.0)
    f = factor(len(scores), scores.shape[1], ids.shape[1]) * load(affinity, picked)
    each = scores.shape[1] // n_devices
    of_devices = dealt(f, n_devices) / (each if load_mean else 1)
    return alpha * (of_devices * dealt(share(affinity), n_devices) / (each if share_mean else 1)).sum()


def _by_expert(scores: Tensor, ids: Tensor, n_devices: int, alpha: float) -> Tensor:
    return _loss(scores, ids, scores.shape[1], alpha)


DEVICE_LOSS = Exercise(
    "device_loss",
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
        Misconception(
            "expert by expert",
            "Your loss evens out single experts, as the lesson's does. Here one expert may have much, if its "
            "neighbours on the same device have little.",
            (_by_expert,),
        ),
        Misconception(
            "both sums, or both means",
            "Of a device's two numbers one is a mean over its experts and the other a sum. With an even load "
            "the loss is then alpha. What is yours?",
            (partial(_loss, load_mean=False), partial(_loss, share_mean=True)),
        ),
        Misconception(
            "experts dealt out",
            "Experts of a device are neighbours: the first ones live on the first device. Yours were dealt "
            "out to the devices like cards.",
            (partial(_loss, dealt=lambda x, n: x.view(-1, n).sum(0)),),
        ),
    ),
    lesson="05",
    observe=with_gradient,
    returns=("loss", "scores.grad"),
    edges={
        "one token": lambda c: {n: c[n][:1] for n in ("scores", "ids")},
        "all at one expert": lambda c: {"ids": c["ids"][:, :1] * 0},
        "equal scores": lambda c: {"scores": c["scores"] * 0},
        "very different scores": lambda c: {"scores": 8 * c["scores"]},
        "a small alpha": lambda c: {"alpha": 0.001},
        "one device": lambda c: {"n_devices": 1},
        "a device for each expert": lambda c: {"n_devices": c["scores"].shape[1]},
        "all experts chosen": lambda c: {"ids": c["scores"].argsort(-1)},
    },
)
