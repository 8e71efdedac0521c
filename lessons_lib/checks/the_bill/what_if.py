"""Check of a bill, and of what it would be on another chip, against a loop over the stages of a training."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(2, 4)
    price, other = rng.sample((1.5, 2.0, 2.5, 3.0, 4.0), 2)
    return {
        "hours": torch.tensor([float(rng.randint(5, 900)) for _ in range(n)]),
        "share": torch.tensor([x / 10 for x in rng.sample((1, 2, 3, 4, 6, 7), n)]),
        "faster": rng.choice((1.5, 2.0, 3.0)),
        "price": price,
        "other_price": other,
    }


def _stage_by_stage(
    hours: Tensor, share: Tensor, faster: float, price: float, other_price: float
) -> tuple[Tensor, Tensor]:
    now = then = 0.0
    for time, part in zip(hours.tolist(), share.tolist(), strict=True):
        talking, computing = time * part, time - time * part
        now += time * price
        then += (computing + talking / faster) * other_price
    return torch.tensor(now, dtype=torch.float64), torch.tensor(then, dtype=torch.float64)


def _bill(
    hours: Tensor,
    share: Tensor,
    faster: float,
    price: float,
    other_price: float,
    *,
    left: Callable[[Tensor, float], Tensor] = lambda s, f: 1 - s + s / f,  # of an hour, on the other chip
    paid: Callable[[float, float], float] = lambda price, other: other,
    stages: Callable[[Tensor], Tensor] = torch.sum,
    averaged: bool = False,  # one share for all stages
) -> tuple[Tensor, Tensor]:
    """Add up with one thing (or none) done the wrong way."""
    hours, share = hours.double(), share.double()
    share = share.mean().expand_as(share) if averaged else share
    return price * stages(hours), paid(price, other_price) * stages(hours * left(share, faster))


WHAT_IF = Exercise(
    "what_if_dollars",
    _draw,
    _stage_by_stage,
    (
        Misconception(
            "everything faster",
            "You let all of the time pass more quickly. The chips compute as before.",
            (partial(_bill, left=lambda s, f: torch.ones_like(s) / f),),
        ),
        Misconception(
            "only what is faster",
            "You count the part that becomes faster. What of the rest of each hour?",
            (partial(_bill, left=lambda s, f: s / f),),
        ),
        Misconception(
            "communication for nothing",
            "You let communication take no time at all. How much of it stays?",
            (partial(_bill, left=lambda s, f: 1 - s),),
        ),
        Misconception(
            "shares exchanged",
            "You make the computing faster, and leave the communication as it was.",
            (partial(_bill, left=lambda s, f: s + (1 - s) / f),),
        ),
        Misconception(
            "speeds averaged",
            "You average two speeds. The share is one of time on the old chip: what becomes of those "
            "minutes?",
            (partial(_bill, left=lambda s, f: 1 / (1 - s + s * f)),),
        ),
        Misconception(
            "slower for faster",
            "On a chip that communicates faster your training takes longer. Twice as fast: is that twice "
            "the time, or half?",
            (partial(_bill, left=lambda s, f: 1 - s + s * f),),
        ),
        Misconception(
            "the old price",
            "The hours are right. Who pays the difference between the two chips?",
            (
                partial(_bill, paid=lambda price, other: price),
                partial(_bill, paid=lambda price, other: other - price),
            ),
        ),
        Misconception(
            "one share for all stages",
            "You average the shares over the stages. A stage of a few hours then speaks for one of many.",
            (partial(_bill, averaged=True),),
        ),
        Misconception(
            "first stage only",
            "You bill one stage. The others are on the bill too, however short.",
            (partial(_bill, stages=lambda x: x[0]),),
        ),
    ),
    lesson="12",
    returns=("now", "then"),
    edges={
        "one stage": lambda c: {n: c[n][:1] for n in ("hours", "share")},
        "no communication": lambda c: {"share": c["share"] * 0},
        "nothing but communication": lambda c: {"share": c["share"] * 0 + 1},
        "a chip that is no faster": lambda c: {"faster": 1.0},
        "a chip that costs nothing": lambda c: {"other_price": 0.0},
        "a slower chip": lambda c: {"faster": 0.5},
    },
)
