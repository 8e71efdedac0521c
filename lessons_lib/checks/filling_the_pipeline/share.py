"""Check of which share of a step each rank waits, against a walk along the gaps."""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    """Draw pieces of work that follow each other on each rank; the step begins at 0, on some rank."""
    ranks, pieces = rng.randint(2, 4), rng.randint(2, 5)
    lengths = [[rng.randint(1, 20) / 10 for _ in range(pieces)] for _ in range(ranks)]
    gaps = [[rng.randint(1, 15) / 10 for _ in range(pieces)] for _ in range(ranks)]
    gaps[rng.randrange(ranks)][0] = 0
    ends = (torch.tensor(lengths) + torch.tensor(gaps)).cumsum(1)
    return {"starts": ends - torch.tensor(lengths), "ends": ends}


def _by_gaps(starts: Tensor, ends: Tensor) -> Tensor:
    step = ends.max().item()
    shares = []
    for start, end in zip(starts.tolist(), ends.tolist()):
        gaps, clock = 0.0, 0.0
        for one, other in zip(start, end):
            gaps, clock = gaps + one - clock, other
        shares.append((gaps + step - clock) / step)
    return torch.tensor(shares)


def _share(
    starts: Tensor,
    ends: Tensor,
    *,
    own_start: bool = False,
    own_end: bool = False,
    of_work: bool = False,
    working: bool = False,
) -> Tensor:
    """Compute the share with one thing (or none) done the wrong way."""
    busy = (ends - starts).sum(1)
    begin = starts[:, 0] if own_start else torch.zeros(len(starts))
    finish = ends[:, -1] if own_end else ends.max().expand(len(ends))
    waiting = finish - begin - busy
    return (busy if working else waiting) / (busy if of_work else finish - begin)


WAITING_SHARE = Exercise(
    "waiting_share",
    _draw,
    _by_gaps,
    (
        Misconception(
            "between a rank's own first and last piece",
            "You count a rank's gaps from its own first piece to its own last. When does the step begin and "
            "end?",
            (
                lambda starts, ends: (starts[:, 1:] - ends[:, :-1]).sum(1) / ends.max(),
                partial(_share, own_start=True, own_end=True),
            ),
        ),
        Misconception(
            "to a rank's own end",
            "A rank that ends early has no wait afterwards, in your count. Can the next step begin without "
            "the others?",
            (partial(_share, own_end=True),),
        ),
        Misconception(
            "from a rank's own start",
            "A rank that begins late has not waited, in your count. What did it do from 0 on?",
            (partial(_share, own_start=True),),
        ),
        Misconception(
            "the share of work",
            "A rank that never waits gets 1 from you. Which share was asked for?",
            (partial(_share, working=True),),
        ),
        Misconception(
            "relative to the work",
            "Your share may exceed 1. What is it a share of?",
            (partial(_share, of_work=True),),
        ),
        Misconception(
            "time for share",
            "That is how long each rank waits. Of what is it a share?",
            (lambda starts, ends: ends.max() - (ends - starts).sum(1),),
        ),
    ),
    lesson="11",
    returns=("shares",),
    edges={
        "nobody works before 1": lambda c: {"starts": c["starts"] + 1, "ends": c["ends"] + 1},
        "one rank, never idle": lambda c: {
            "starts": torch.tensor([[0.0, 1.0]]),
            "ends": torch.tensor([[1.0, 3.0]]),
        },
        "one piece on each rank": lambda c: {"starts": c["starts"][:, :1], "ends": c["ends"][:, :1]},
        "a step of a million": lambda c: {"starts": c["starts"] * 1e6, "ends": c["ends"] * 1e6},
        "a rank that works for an instant": lambda c: {
            "starts": torch.tensor([[0.0, 1.0], [1.0, 1.0]]),
            "ends": torch.tensor([[1.0, 9.0], [1.0, 1.0]]),
        },
    },
)
