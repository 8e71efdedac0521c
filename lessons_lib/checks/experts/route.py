"""Checks of a softmax router, for K experts and for one, against a loop over tokens in Python numbers.

With one expert the gradient counts, too. With p the affinities of a token and b its best expert, the
derivative of the weight p_b by the token's score j is p_b (1 if j = b, else 0) - p_b p_j.
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
from lessons_lib.checks.gradients import with_weights_gradient

Routed = tuple[Tensor, Tensor]
RoutedToOne = tuple[Tensor, Tensor, Tensor]  # with the gradient


def _draw_scores(rng: random.Random) -> Tensor:
    """Draw scores that can be ranked, also after a softmax over the wrong axis."""
    while True:
        scores = distinct(rng, rng.randint(2, 4), rng.randint(4, 6))
        if (scores.softmax(0).sort(-1).values.diff() > 1e-4).all():
            return scores


def _draw(rng: random.Random) -> dict[str, Any]:
    return {"scores": _draw_scores(rng), "k": rng.randint(2, 3)}


def _loop(scores: Tensor, k: int) -> Routed:
    ids, weights = [], []
    for row in scores.tolist():
        chosen = sorted(range(len(row)), key=lambda i: -row[i])[:k]
        rise = [math.exp(row[i]) for i in chosen]  # what all experts share of the softmax cancels
        ids.append(chosen)
        weights.append([r / sum(rise) for r in rise])
    return torch.tensor(ids), torch.tensor(weights, dtype=torch.float64)


def _softmax(scores: Tensor) -> Tensor:
    return scores.softmax(-1)


def _over_tokens(scores: Tensor) -> Tensor:
    return scores.softmax(0)


def _route(
    scores: Tensor,
    k: int,
    *,
    affinity: Callable[[Tensor], Tensor] = _softmax,
    weigh: Callable[[Tensor], Tensor] = lambda best: best / best.sum(-1, keepdim=True),
    largest: bool = True,
) -> Routed:
    """Route with one thing (or none) done the wrong way."""
    best, ids = affinity(scores.double()).topk(k, largest=largest)
    return ids, weigh(best)


def _as_they_are(best: Tensor) -> Tensor:
    return best


ROUTE = Exercise(
    "route",
    _draw,
    _loop,
    (
        Misconception(
            "weights not normalised",
            "Your weights are the affinities as they are. How much do the weights of one token's experts "
            "add up to, and how much should they?",
            (partial(_route, weigh=_as_they_are),),
        ),
        Misconception(
            "softmax over the tokens",
            "Your affinities add up to 1 over the tokens, as if an expert shared itself out among them. Who "
            "chooses here, and among whom?",
            (
                partial(_route, affinity=_over_tokens),
                partial(_route, affinity=_over_tokens, weigh=_as_they_are),
            ),
        ),
        Misconception(
            "scores for affinities",
            "Your experts are the right ones. But your weights are made of scores, which may be negative. "
            "What makes shares of them?",
            (
                partial(_route, affinity=_as_they_are),
                partial(_route, affinity=_as_they_are, weigh=_as_they_are),
            ),
        ),
        Misconception(
            "all chosen weigh the same",
            "Your experts are the right ones, and all of them count for the same. Then through what does "
            "the loss reach the router?",
            (partial(_route, weigh=lambda best: torch.full_like(best, 1 / best.shape[-1])),),
        ),
        Misconception(
            "worst experts chosen",
            "You choose the experts that fit the token least. In which order does your sort put them?",
            (partial(_route, largest=False), partial(_route, largest=False, weigh=_as_they_are)),
        ),
        Misconception(
            "shares of all tokens together",
            "Add up your weights over all tokens: that is 1. Over whose experts should they add up to it?",
            (partial(_route, weigh=lambda best: best / best.sum()),),
        ),
    ),
    lesson="05",
    returns=("ids", "weights"),
    edges={
        "k is 1": lambda c: {"k": 1},
        "k is all": lambda c: {"k": c["scores"].shape[1]},
        "one token": lambda c: {"scores": c["scores"][:1]},
        "very different scores": lambda c: {"scores": 12 * c["scores"]},
        "scores far from 0": lambda c: {"scores": c["scores"] - 20},
    },
)


def _draw_one(rng: random.Random) -> dict[str, Any]:
    return {"scores": _draw_scores(rng)}


def _loop_one(scores: Tensor) -> RoutedToOne:
    ids, weights, gradient = [], [], []
    for row in scores.tolist():
        total, best = sum(map(math.exp, row)), row.index(max(row))
        p = [math.exp(score) / total for score in row]
        ids.append(best)
        weights.append(p[best])
        gradient.append([p[best] * ((j == best) - p_j) for j, p_j in enumerate(p)])
    weighed, pulled = (torch.tensor(numbers, dtype=torch.float64) for numbers in (weights, gradient))
    return torch.tensor(ids), weighed, pulled


def _route_one(scores: Tensor, **changes: Any) -> Routed:
    ids, weights = _route(scores, 1, **{"weigh": _as_they_are, **changes})
    return ids[:, 0], weights[:, 0]


def _chosen_rightly_weighed_over_tokens(scores: Tensor) -> Routed:
    ids = scores.argmax(-1)
    return ids, _over_tokens(scores.double())[torch.arange(len(ids)), ids]


ROUTE_TO_ONE = Exercise(
    "route_to_one",
    _draw_one,
    _loop_one,
    (
        Misconception(
            "top-1 normalised",
            "Your weight is 1, whatever the scores are. Nudge a score: does the layer's answer change? Then "
            "what can the router learn?",
            (partial(_route_one, weigh=torch.ones_like),),
        ),
        Misconception(
            "weight cut off from the scores",
            "As numbers your weights are right, and the router learns nothing from them: the gradient of "
            "the scores is 0 everywhere. On the way from the scores to the weights, where was it cut off?",
            (partial(_route_one, weigh=torch.detach),),
        ),
        Misconception(
            "score for affinity",
            "Your expert is the right one, and its weight is a score. Weights are shares, between 0 and 1.",
            (partial(_route_one, affinity=_as_they_are),),
        ),
        Misconception(
            "softmax over the tokens",
            "Your affinities add up to 1 over the tokens, as if an expert shared itself out among them. Who "
            "chooses here, and among whom?",
            (partial(_route_one, affinity=_over_tokens), _chosen_rightly_weighed_over_tokens),
        ),
        Misconception(
            "each expert judged alone",
            "Your weight does not change when another expert's score does. Which function of lesson 05 "
            "compares all of them?",
            (partial(_route_one, affinity=torch.sigmoid),),
        ),
    ),
    lesson="05",
    observe=with_weights_gradient,
    returns=("ids", "weights", "scores.grad"),
    edges={
        "one token": lambda c: {"scores": c["scores"][:1]},
        "two experts": lambda c: {"scores": c["scores"][:, :2]},
        "very different scores": lambda c: {"scores": 12 * c["scores"]},
        "scores far from 0": lambda c: {"scores": c["scores"] - 20},
    },
)
