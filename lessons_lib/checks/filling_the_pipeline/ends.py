"""Check of when forwards end on ranks that are not equally fast, against a loop over both."""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    times = [rng.randint(1, 40) / 10 for _ in range(rng.randint(2, 5))]
    return {"times": torch.tensor(times), "micro_batches": rng.randint(2, 6)}


def _ends(
    times: Tensor,
    micro_batches: int,
    *,
    before: bool = True,
    own: bool = True,
    added: bool = False,
    own_time: bool = True,
) -> Tensor:
    """Follow every micro-batch down the ranks, with one thing (or none) done the wrong way."""
    end = torch.zeros(micro_batches, len(times))
    for micro in range(micro_batches):
        for rank, time in enumerate(times):
            arrives = end[micro, rank - 1] if before and rank > 0 else torch.tensor(0.0)
            free = end[micro - 1, rank] if own and micro > 0 else torch.tensor(0.0)
            begin = arrives + free if added else torch.maximum(arrives, free)
            end[micro, rank] = begin + time
    return end if own_time else end - times


def _in_turn(times: Tensor, micro_batches: int) -> Tensor:
    return times.cumsum(0) + times.sum() * torch.arange(micro_batches).unsqueeze(1)


def _all_alike(times: Tensor, micro_batches: int) -> Tensor:
    places = torch.arange(micro_batches).unsqueeze(1) + torch.arange(len(times)) + 1
    return places * times


FORWARDS_END = Exercise(
    "forwards_end",
    _draw,
    _ends,
    (
        Misconception(
            "a rank does not wait for the one before",
            "Your ranks all begin at 0. What does a rank need before it can begin a micro-batch?",
            (partial(_ends, before=False),),
        ),
        Misconception(
            "a rank does several micro-batches at once",
            "In your table all micro-batches are equally early. Can a rank do two of them at a time?",
            (partial(_ends, own=False),),
        ),
        Misconception(
            "one micro-batch after the other",
            "You send a micro-batch when the one before has passed all ranks. Must rank 0 wait that long?",
            (_in_turn,),
        ),
        Misconception(
            "both waits added up",
            "Two things must have happened before a piece of work. Do they happen one after the other?",
            (partial(_ends, added=True),),
        ),
        Misconception(
            "all ranks taken as equally fast",
            "That would be right if every rank took as long as this one. What does a slow one do to those "
            "behind it?",
            (_all_alike,),
        ),
        Misconception(
            "when they begin",
            "These are the times at which the forwards begin. What was asked for?",
            (partial(_ends, own_time=False),),
        ),
        Misconception(
            "all ranks in step",
            "Your ranks begin each piece together, when the slowest has ended. Must a quick rank wait for "
            "those that it needs nothing from?",
            (lambda times, n: _all_alike(times.max().expand(len(times)), n),),
        ),
        Misconception(
            "only the first rank is ever busy",
            "Each of your micro-batches walks down as if the ranks were free. What if a slow rank still "
            "has the one before?",
            (lambda times, n: times.cumsum(0) + times[0] * torch.arange(n).unsqueeze(1),),
        ),
    ),
    lesson="11",
    returns=("ends",),
    edges={
        "one micro-batch": lambda c: {"micro_batches": 1},
        "one rank": lambda c: {"times": c["times"][:1]},
        "a rank that takes no time": lambda c: {"times": torch.tensor([1.0, 0.0, 2.0])},
        "a very slow rank": lambda c: {"times": torch.tensor([1.0, 1e4, 1.0])},
        "all equally fast": lambda c: {"times": torch.full((4,), 0.5)},
    },
)
