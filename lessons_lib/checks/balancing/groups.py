"""Check of group-limited choice, against a loop that ranks lists of experts.

Most scores are negative, as biases can make them, so that what stands at 0 wins.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct


def _best_two(grouped: Tensor) -> Tensor:
    return grouped.topk(2).values.sum(-1)


def _draw(rng: random.Random) -> dict[str, Any]:
    while True:
        n_groups, size = rng.randint(3, 4), rng.randint(3, 4)
        scores = distinct(rng, rng.randint(1, 3), n_groups * size, low=-150, high=50)
        grouped, dealt = scores.unflatten(-1, (n_groups, -1)), scores.unflatten(-1, (-1, n_groups)).mT
        ranked = (*map(_best_two, (grouped, dealt)), grouped.sum(-1), _best_two(grouped).sum(0))
        if all((score.sort().values.diff() > 5e-3).all() for score in ranked):  # no two groups as good
            return {"scores": scores, "k": rng.randint(2, 3), "n_groups": n_groups, "kept": rng.randint(1, 2)}


def _loop(scores: Tensor, k: int, n_groups: int, kept: int) -> Tensor:
    size, out = scores.shape[1] // n_groups, []
    for row in scores.tolist():
        groups = [range(g * size, (g + 1) * size) for g in range(n_groups)]
        groups.sort(key=lambda members: -sum(sorted((row[i] for i in members), reverse=True)[:2]))
        allowed = [i for members in groups[:kept] for i in members]
        out.append(sorted(allowed, key=lambda i: -row[i])[:k])
    return torch.tensor(out)


def _ranked(masked: Tensor, k: int) -> Tensor:
    """Rank like `topk`, but take the first of those that are equal."""
    return masked.argsort(dim=-1, descending=True, stable=True)[:, :k]


def _choose(
    scores: Tensor,
    k: int,
    n_groups: int,
    kept: int,
    *,
    cut: Callable[[Tensor, int], Tensor] = lambda ids, n: ids.unflatten(-1, (n, -1)),
    group_score: Callable[[Tensor], Tensor] = _best_two,
    left_out: float = -torch.inf,
    rank: Callable[[Tensor, int], Tensor] = lambda masked, k: masked.topk(k).indices,
) -> Tensor:
    """Choose with one thing (or none) done the wrong way; `cut` makes (groups, members) of expert ids."""
    members = cut(torch.arange(scores.shape[1]), n_groups)
    best = group_score(scores[:, members]).topk(kept).indices  # (N, kept)
    allowed = torch.zeros_like(scores, dtype=torch.bool).scatter(1, members[best].flatten(1), True)
    return rank(scores.masked_fill(~allowed, left_out), k)


CHOOSE_IN_GROUPS = Exercise(
    "choose_in_groups",
    _draw,
    _loop,
    (
        Misconception(
            "masked with 0",
            "Your groups are right, yet experts of other groups are chosen. Here scores may be negative: "
            "which number is sure to lose against them?",
            (
                partial(_choose, left_out=0.0),
                partial(_choose, left_out=0.0, rank=_ranked),
                partial(
                    _choose, left_out=0.0, rank=lambda masked, k: masked.sort(descending=True).indices[:, :k]
                ),
            ),
        ),
        Misconception(
            "group score by max",
            "Your groups are those with the best single expert. A token will use several: by how many of "
            "its experts is a group judged here?",
            (partial(_choose, group_score=lambda grouped: grouped.amax(-1)),),
        ),
        Misconception(
            "group score over all members",
            "You judge a group by all of its experts. Most of them will not be used by this token.",
            (partial(_choose, group_score=lambda grouped: grouped.sum(-1)),),
        ),
        Misconception(
            "groups dealt out",
            "Experts of a group are neighbours, since they live on the same machine. Yours were dealt out "
            "to the groups like cards.",
            (partial(_choose, cut=lambda ids, n: ids.unflatten(-1, (-1, n)).T),),
        ),
        Misconception(
            "no limit",
            "You return the best experts of all groups. From how many groups may they come?",
            (lambda scores, k, n_groups, kept: scores.topk(k).indices,),
        ),
        Misconception(
            "same groups for all tokens",
            "Your tokens all use the same groups. Who chooses them, one token or the batch?",
            (
                partial(
                    _choose,
                    group_score=lambda grouped: (
                        _best_two(grouped).sum(0, keepdim=True).expand(len(grouped), -1)
                    ),
                ),
            ),
        ),
    ),
    lesson="06",
    returns=("ids",),
)
