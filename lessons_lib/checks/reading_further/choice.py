"""Check of a choice that ties cannot change, against sorting (score, position) pairs."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    visible, later = rng.randint(4, 7), rng.randint(1, 2)
    values = [0.0, 0.0, 0.0, 0.5, -0.4, *(rng.randint(1, 9) / 10 for _ in range(visible))][:visible]
    rng.shuffle(values)
    scores = torch.tensor([*values, *[-torch.inf] * later])
    return {"scores": scores, "k": rng.randint(2, visible + 1)}


def _sorted(scores: Tensor, k: int) -> Tensor:
    pairs = [(score, place) for place, score in enumerate(scores.tolist()) if score > -torch.inf]
    best = sorted(pairs, reverse=True)[:k]
    return torch.tensor(sorted(place for _, place in best), dtype=torch.int64)


def _choose(
    scores: Tensor,
    k: int,
    *,
    visible: Callable[[Tensor], Tensor] = lambda scores: scores > -torch.inf,
    rank: Callable[[float, int], tuple] = lambda score, place: (-score, -place),
    order: Callable[[list[int]], list[int]] = sorted,
) -> Tensor:
    """Choose with one thing (or none) done the wrong way."""
    places = visible(scores).nonzero().flatten().tolist()
    best = sorted(places, key=lambda place: rank(scores[place].item(), place))[:k]
    return torch.tensor(order(best), dtype=torch.int64)


def _all_of_a_tie(scores: Tensor, k: int) -> Tensor:
    places = (scores > -torch.inf).nonzero().flatten()
    least = scores[places].sort(descending=True).values[min(k, len(places)) - 1]
    return places[scores[places] >= least]


CHOICE = Exercise(
    "keep_best",
    _draw,
    _sorted,
    (
        Misconception(
            "ties to the earlier position",
            "Where two scores are equal, you keep the earlier one. The text asks for the other.",
            (partial(_choose, rank=lambda score, place: (-score, place)),),
        ),
        Misconception(
            "positions that are not there",
            "You keep a position whose score is minus infinity: it comes after the query. What if there are "
            "fewer than k?",
            (partial(_choose, visible=lambda scores: scores >= -torch.inf),),
        ),
        Misconception(
            "in the order of scores",
            "The right positions, but not in the order asked for.",
            (partial(_choose, order=list),),
        ),
        Misconception(
            "the lowest kept",
            "You keep the positions that matter least.",
            (partial(_choose, rank=lambda score, place: (score, -place)),),
        ),
        Misconception(
            "all of a tie kept",
            "You keep everything that is as good as the last one chosen. That can be more than k.",
            (_all_of_a_tie,),
        ),
        Misconception(
            "the latest kept",
            "You keep the last positions, whatever their scores: a window.",
            (partial(_choose, rank=lambda score, place: (-place,)),),
        ),
    ),
    lesson="18",
    returns=("positions",),
    edges={
        "all equal": lambda c: {"scores": torch.zeros(5), "k": 2},
        "one position": lambda c: {"scores": c["scores"][:1], "k": 1},
        "more than there are": lambda c: {"k": 50},
        "as many as there are": lambda c: {"scores": c["scores"][:3], "k": 3},
        "all below 0": lambda c: {"scores": torch.tensor([-3.0, -1.0, -1.0, -2.0, -torch.inf]), "k": 2},
        "a tie across the cut": lambda c: {"scores": torch.tensor([1.0, 0.0, 0.0, 0.0, 2.0]), "k": 3},
        "zeros of either sign": lambda c: {"scores": torch.tensor([0.0, -0.0, 0.0, -0.0]), "k": 2},
        "large numbers": lambda c: {"scores": torch.tensor([1e30, -1e30, 1e30, 3e30]), "k": 2},
    },
)
