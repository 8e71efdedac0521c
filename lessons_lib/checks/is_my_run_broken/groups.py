"""Check of the mask of answers that teach, against a loop over groups that compares rewards two by two."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    size, groups = rng.randint(2, 4), []
    kinds = ["right", "wrong", "form", *["mixed"] * rng.randint(1, 3)]
    for kind in rng.sample(kinds, len(kinds)):
        group = {"right": [1.1] * size, "wrong": [0.0] * size, "form": [0.1] * size}.get(kind)
        if group is None:
            group = [1.1, 0.1, *(rng.choice((0.0, 0.1, 1.1)) for _ in range(size - 2))]
            rng.shuffle(group)
        groups.append(group)
    return {"rewards": torch.tensor(groups).flatten(), "group_size": size}


def _loop(rewards: Tensor, group_size: int) -> Tensor:
    values, mask = rewards.tolist(), []
    for start in range(0, len(values), group_size):
        group = values[start : start + group_size]
        mask += [float(any(one != other for one in group for other in group))] * group_size
    return torch.tensor(mask)


def _teaching(
    rewards: Tensor,
    group_size: int,
    *,
    alive: Callable[[Tensor], Tensor] = lambda groups: groups.amax(1) > groups.amin(1),
    cut: Callable[[Tensor, int], Tensor] = lambda rewards, size: rewards.view(-1, size),
) -> Tensor:
    """Mark with one thing (or none) done the wrong way."""
    groups = cut(rewards, group_size)
    return alive(groups).double().repeat_interleave(groups.shape[1])[: len(rewards)]


def _interleaved(rewards: Tensor, group_size: int) -> Tensor:
    groups = rewards.view(group_size, -1)
    return (groups.amax(0) > groups.amin(0)).double().repeat(group_size)


GROUPS = Exercise(
    "teaching",
    _draw,
    _loop,
    (
        Misconception(
            "only unpaid groups dropped",
            "A group of which all are right: what are its advantages?",
            (partial(_teaching, alive=lambda groups: groups.amax(1) > 0),),
        ),
        Misconception(
            "only right groups dropped",
            "A group of which nobody was paid: what are its advantages?",
            (
                partial(_teaching, alive=lambda groups: groups.amin(1) < groups.max()),
                partial(_teaching, alive=lambda groups: groups.mean(1) < groups.max()),
            ),
        ),
        Misconception(
            "all right and all wrong dropped, equals in between kept",
            "A group that is paid for its form alone is neither all right nor unpaid. Does it teach?",
            (
                partial(
                    _teaching, alive=lambda groups: (groups.amax(1) > 0) & (groups.amin(1) < groups.max())
                ),
            ),
        ),
        Misconception(
            "the batch taken for one group",
            "You compare answers to different questions. Who are the answers of a group?",
            (partial(_teaching, cut=lambda rewards, size: rewards.view(1, -1)),),
        ),
        Misconception(
            "answers instead of groups",
            "A wrong answer among right ones is pushed as well. Whole groups teach, or are silent.",
            (
                lambda rewards, group_size: (rewards > 0).double(),
                lambda rewards, group_size: (rewards > 0.5).double(),
            ),
        ),
        Misconception(
            "answers of a group taken to lie apart",
            "You take the answers of a group to lie apart, one in each round of the questions. How do "
            "groups stand in the text?",
            (
                _interleaved,
                partial(_teaching, cut=lambda rewards, size: rewards.view(size, -1).T),
            ),
        ),
    ),
    lesson="15",
    returns=("mask",),
    edges={
        "an answer is paid its group's mean": lambda c: {
            "rewards": torch.tensor([0.0, 0.5, 1.0, 0.5, 0.5, 0.5]),
            "group_size": 3,
        },
        "all equal": lambda c: {"rewards": c["rewards"] * 0 + 0.1},
        "groups of one": lambda c: {"group_size": 1},
        "one group": lambda c: {"rewards": c["rewards"][: c["group_size"]]},
        "nearly equal": lambda c: {"rewards": torch.tensor([1.0, 1.001] * c["group_size"])},
        "negative": lambda c: {"rewards": c["rewards"] - 2},
    },
)
