"""Check of V3's router, whose bias chooses and does not weigh, against a loop in Python numbers."""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct

Routed = tuple[Tensor, Tensor]


def _draw(rng: random.Random) -> dict[str, Any]:
    while True:
        n, n_experts = rng.randint(2, 4), rng.randint(4, 6)
        logits, bias = distinct(rng, n, n_experts), distinct(rng, n_experts, low=-30, high=30)
        ranked = logits.sigmoid() + bias, logits + bias
        if all((scores.sort(-1).values.diff() > 1e-3).all() for scores in ranked):  # no two as good
            scale = rng.choice((1.5, 2.0, 2.5, 3.0))
            return {"logits": logits, "bias": bias, "k": rng.randint(2, 3), "route_scale": scale}


def _loop(logits: Tensor, bias: Tensor, k: int, route_scale: float) -> Routed:
    ids, weights = [], []
    for row in logits.tolist():
        s = [1 / (1 + math.exp(-logit)) for logit in row]
        ranked = sorted(range(len(s)), key=lambda i: -(s[i] + bias[i].item()))
        chosen = ranked[:k]
        ids.append(chosen)
        weights.append([route_scale * s[i] / sum(s[j] for j in chosen) for i in chosen])
    return torch.tensor(ids), torch.tensor(weights, dtype=torch.float64)


def _biased(logits: Tensor, bias: Tensor) -> Tensor:
    return logits.sigmoid() + bias


def _plain(logits: Tensor, bias: Tensor) -> Tensor:
    return logits.sigmoid()


def _soft(logits: Tensor, bias: Tensor) -> Tensor:
    return logits.softmax(-1)


def _bias_inside(logits: Tensor, bias: Tensor) -> Tensor:
    return (logits + bias).sigmoid()


def _shares(logits: Tensor, bias: Tensor) -> Tensor:
    s = logits.sigmoid()
    return s / s.sum(-1, keepdim=True)


def _plus_bias(affinity: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda logits, bias: affinity(logits, bias) + bias


def _route(
    logits: Tensor,
    bias: Tensor,
    k: int,
    route_scale: float,
    *,
    rank: Callable[[Tensor, Tensor], Tensor] = _biased,
    weigh: Callable[[Tensor, Tensor], Tensor] = _plain,
    normalise: bool = True,
    scaled: bool = True,
) -> Routed:
    """Rank experts by `rank`, weigh the best by `weigh`, with one thing (or none) done the wrong way."""
    case = logits.double(), bias.double()
    ids = rank(*case).topk(k).indices
    weights = weigh(*case).gather(-1, ids)
    weights = weights / weights.sum(-1, keepdim=True) if normalise else weights
    return ids, weights * (route_scale if scaled else 1)


ROUTE_WITH_BIAS = Exercise(
    "route_with_bias",
    _draw,
    _loop,
    (
        Misconception(
            "bias in the weights",
            "Your experts are the right ones. But an expert that was idle speaks louder in your layer, only "
            "because its bias grew. What may the bias do, and what not?",
            (partial(_route, weigh=_biased), partial(_route, weigh=_biased, normalise=False)),
        ),
        Misconception(
            "softmax for sigmoid",
            "In your router an affinity falls when another expert's rises. V3 judges each expert by itself.",
            (
                partial(_route, rank=_plus_bias(_soft), weigh=_soft),
                partial(_route, rank=_plus_bias(_soft), weigh=_soft, normalise=False),
                partial(_route, weigh=_soft),
            ),
        ),
        Misconception(
            "normalised before selection",
            "You divide by the affinities of all experts. Most of these are not chosen: over whom should "
            "the weights of a token add up?",
            (
                partial(_route, weigh=_shares, normalise=False),
                partial(_route, rank=_plus_bias(_shares), weigh=_shares, normalise=False),
                partial(_route, rank=_plus_bias(_shares)),
            ),
        ),
        Misconception(
            "weights not normalised",
            "Your weights are affinities times the scale. Before the scale, what should one token's weights "
            "add up to?",
            (partial(_route, normalise=False), partial(_route, normalise=False, scaled=False)),
        ),
        Misconception(
            "route_scale forgotten",
            "A token's weights add up to 1 in your function, whatever route_scale is. To what should they?",
            (partial(_route, scaled=False),),
        ),
        Misconception(
            "bias without effect",
            "Your experts are those with the largest affinity. Then how should an idle expert ever be "
            "chosen?",
            (partial(_route, rank=_plain),),
        ),
        Misconception(
            "bias before the sigmoid",
            "You add the bias to the logits. There it counts for less where a sigmoid is flat. To what does "
            "V3 add it?",
            (partial(_route, rank=_bias_inside), partial(_route, rank=_bias_inside, weigh=_bias_inside)),
        ),
    ),
    lesson="06",
    returns=("ids", "weights"),
    edges={
        "k is 1": lambda c: {"k": 1},
        "k is all": lambda c: {"k": c["logits"].shape[1]},
        "one token": lambda c: {"logits": c["logits"][:1]},
        "no bias": lambda c: {"bias": c["bias"] * 0},
        "a bias that decides alone": lambda c: {"bias": 100 * c["bias"]},
        "a scale of 1": lambda c: {"route_scale": 1.0},
    },
)
