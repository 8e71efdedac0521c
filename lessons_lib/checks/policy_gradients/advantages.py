"""Check of advantages within groups, against Python's `statistics`.

Rewards are quarters, whose means are exact: a group of equal rewards has a deviation of exactly 0, and
every case has one. `eps` is large, so that its place is seen.
"""

import random
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    n_groups, size = rng.randint(2, 3), rng.randint(2, 4)
    groups = [[rng.randint(0, 8) / 4 for _ in range(size)] for _ in range(n_groups)]
    groups[rng.randrange(n_groups)] = [rng.randint(0, 8) / 4] * size
    return {
        "rewards": torch.tensor(groups).flatten(),
        "group_size": size,
        "eps": rng.choice((0.05, 0.1, 0.2)),
    }


def _by_group(rewards: Tensor, group_size: int, eps: float) -> Tensor:
    advantages = []
    for start in range(0, len(rewards), group_size):
        group = rewards[start : start + group_size].tolist()
        mean, deviation = statistics.mean(group), statistics.stdev(group)
        advantages += [(reward - mean) / (deviation + eps) for reward in group]
    return torch.tensor(advantages, dtype=torch.float64)


def _everyone(groups: Tensor) -> Tensor:
    return groups.flatten()[None]  # (1, all)


def _same(groups: Tensor) -> Tensor:
    return groups


def _advantages(
    rewards: Tensor,
    group_size: int,
    eps: float,
    *,
    centre_of: Callable[[Tensor], Tensor] = _same,
    spread_of: Callable[[Tensor], Tensor] = _same,
    spread: Callable[[Tensor, float], Tensor] = lambda groups, eps: groups.std(1, keepdim=True) + eps,
) -> Tensor:
    """Compute advantages with one thing (or none) done the wrong way."""
    groups = rewards.double().view(-1, group_size)
    centred = groups - centre_of(groups).mean(1, keepdim=True)
    return (centred / spread(spread_of(groups), eps)).flatten()


def _in_turns(rewards: Tensor, group_size: int, eps: float) -> Tensor:
    groups = rewards.view(group_size, -1).T.flatten()
    return _advantages(groups, group_size, eps)


def _in_turns_and_back(rewards: Tensor, group_size: int, eps: float) -> Tensor:
    return _in_turns(rewards, group_size, eps).view(-1, group_size).T.flatten()


ADVANTAGES = Exercise(
    "advantages",
    _draw,
    _by_group,
    (
        Misconception(
            "over the whole batch",
            "Whose rewards go into your mean and your deviation? An answer is compared with other answers "
            "to the same question, not with those to an easier one.",
            (
                partial(_advantages, centre_of=_everyone, spread_of=_everyone),
                partial(_advantages, spread_of=_everyone),
                partial(_advantages, centre_of=_everyone),
            ),
        ),
        Misconception(
            "population deviation",
            "Your deviation is that of a whole population. These few answers are a sample of all that could "
            "be written: by how many is the sum of squares divided?",
            (
                partial(
                    _advantages, spread=lambda groups, eps: groups.std(1, keepdim=True, correction=0) + eps
                ),
            ),
        ),
        Misconception(
            "no epsilon",
            "You divide by the deviation as it is. The text has something added to it, and a question whose "
            "answers all earn the same shows why.",
            (
                partial(_advantages, spread=lambda groups, eps: groups.std(1, keepdim=True)),
                partial(_advantages, spread=lambda groups, eps: groups.std(1, keepdim=True).clamp(min=1e-9)),
            ),
        ),
        Misconception(
            "deviation left out",
            "Yours is centred, and that is all. That form has a name in the lesson; here it is asked in "
            "units of the deviation.",
            (partial(_advantages, spread=lambda groups, eps: torch.ones(len(groups), 1)),),
        ),
        Misconception(
            "variance for deviation",
            "Double all rewards: yours become smaller. What has the same unit as a reward?",
            (partial(_advantages, spread=lambda groups, eps: groups.var(1, keepdim=True) + eps),),
        ),
        Misconception(
            "groups dealt out in turns",
            "Yours takes answers that lie apart for one group. The answers to a question are neighbours: "
            "print your matrix of groups.",
            (_in_turns, _in_turns_and_back),
        ),
    ),
    lesson="13",
    show={"rewards": lambda rewards: f"torch.tensor({rewards.tolist()})"},
)
