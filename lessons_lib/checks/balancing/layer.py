"""Check of adding up shared and routed experts, against a loop over tokens and experts.

Letters: N tokens, S shared experts, K chosen ones, D width.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct, tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    n, s, k, dim = rng.randint(1, 3), rng.randint(1, 3), rng.randint(2, 4), rng.randint(2, 3)
    return {
        "shared": tenths(rng, n, s, dim),
        "routed": tenths(rng, n, k, dim),
        "affinity": distinct(rng, n, k, low=5, high=95),
        "route_scale": rng.choice((1.5, 2.0, 2.5, 3.0)),
    }


def _loop(shared: Tensor, routed: Tensor, affinity: Tensor, route_scale: float) -> Tensor:
    out = torch.zeros(len(shared), shared.shape[-1], dtype=torch.float64)
    for t in range(len(shared)):
        for answer in shared[t]:
            out[t] += answer
        whole = sum(affinity[t].tolist())
        for answer, s in zip(routed[t], affinity[t].tolist(), strict=True):
            out[t] += route_scale * s / whole * answer
    return out


def _normalised(affinity: Tensor) -> Tensor:
    return affinity / affinity.sum(1, keepdim=True)


def _add(
    shared: Tensor,
    routed: Tensor,
    affinity: Tensor,
    route_scale: float,
    *,
    of_shared: Callable[[int, int, float], float] = lambda s, k, scale: 1.0,  # what each is multiplied by
    weights: Callable[[Tensor], Tensor] = _normalised,
    scaled: bool = True,
) -> Tensor:
    """Add up with one thing (or none) done the wrong way."""
    w = weights(affinity.double()) * (route_scale if scaled else 1)
    one = of_shared(shared.shape[1], routed.shape[1], route_scale)
    return one * shared.double().sum(1) + (w.unsqueeze(-1) * routed.double()).sum(1)


def _gated(
    shared: Tensor, routed: Tensor, affinity: Tensor, route_scale: float, *, scale_all: bool | None
) -> Tensor:
    """Let shared experts take part in the normalisation, as if each had the affinity 1."""
    ones = torch.ones(shared.shape[:2], dtype=torch.float64)
    w = _normalised(torch.cat([ones, affinity.double()], 1))
    if scale_all is not None:
        w = (
            w * route_scale
            if scale_all
            else torch.cat([w[:, : ones.shape[1]], w[:, ones.shape[1] :] * route_scale], 1)
        )
    return (w.unsqueeze(-1) * torch.cat([shared, routed], 1).double()).sum(1)


ADD_UP_EXPERTS = Exercise(
    "add_up_experts",
    _draw,
    _loop,
    (
        Misconception(
            "shared experts gated",
            "Your shared experts are weighted. In equation 12, which experts have a weight, and which are "
            "simply added?",
            tuple(partial(_gated, scale_all=which) for which in (True, False, None)),
        ),
        Misconception(
            "route_scale on the shared experts",
            "The routed part is right. What else do you multiply by the scale?",
            (partial(_add, of_shared=lambda s, k, scale: scale),),
        ),
        Misconception(
            "route_scale forgotten",
            "The shared part is right, and the routed one is too small by a factor that you were given.",
            (partial(_add, scaled=False),),
        ),
        Misconception(
            "shared experts averaged",
            "With one shared expert it is right. Of several you take the mean; the text adds them.",
            (partial(_add, of_shared=lambda s, k, scale: 1 / s),),
        ),
        Misconception(
            "shared experts counted several times",
            "The routed part is right. How often do you add the answer of a shared expert, once, or once "
            "more with every chosen one?",
            (partial(_add, of_shared=lambda s, k, scale: k), partial(_add, of_shared=lambda s, k, scale: 2)),
        ),
        Misconception(
            "affinities not normalised",
            "The shared part is right. Before the scale, what should the weights of the chosen experts add "
            "up to?",
            (partial(_add, weights=lambda a: a), partial(_add, weights=lambda a: a, scaled=False)),
        ),
        Misconception(
            "routed experts not weighted",
            "The shared part is right. Your chosen experts all count for the same, however well they fit.",
            tuple(
                partial(_add, weights=weights, scaled=scaled)
                for weights in (torch.ones_like, lambda a: torch.ones_like(a) / a.shape[1])
                for scaled in (True, False)
            ),
        ),
    ),
    lesson="06",
    returns=("output",),
    edges={
        "one shared expert": lambda c: {"shared": c["shared"][:, :1]},
        "one chosen expert": lambda c: {n: c[n][:, :1] for n in ("routed", "affinity")},
        "one token": lambda c: {n: c[n][:1] for n in ("shared", "routed", "affinity")},
        "equal affinities": lambda c: {"affinity": c["affinity"] * 0 + 0.3},
        "a scale of 1": lambda c: {"route_scale": 1.0},
        "silent shared experts": lambda c: {"shared": c["shared"] * 0},
    },
)
