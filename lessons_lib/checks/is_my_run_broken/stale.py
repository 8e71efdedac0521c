"""Check of the mask that keeps answers which are not both bad and stale, against a loop over answers.

Every case has answers of either sign that have become rarer, likelier and neither; behind their ends stands
what would turn most of the verdicts.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw_answers(rng: random.Random) -> dict[str, Any]:
    kinds = [(sign, drift) for sign in (-1, 1) for drift in (-0.35, 0.0, 0.35)]
    kinds += [(-1, 0.12), (rng.choice((-1, 1)), 0.35)]
    rng.shuffle(kinds)
    positions, rows = rng.randint(5, 8), len(kinds)
    written = [rng.randint(2, 3) for _ in kinds]
    mask = torch.arange(positions) < torch.tensor(written)[:, None]
    old = torch.tensor([[-rng.randint(14, 50) / 20 for _ in range(positions)] for _ in range(rows)])
    fallen = torch.tensor([[drift + rng.choice((-0.01, 0.01))] * positions for _, drift in kinds])
    for row, n in enumerate(written):  # the first word has fallen further than the last: the mean counts
        fallen[row, 0] += (apart := rng.choice((-0.5, 0.5)))
        fallen[row, n - 1] -= apart
    behind = torch.tensor([[rng.choice((-1.5, 0.0, 1.5)) for _ in range(positions)] for _ in kinds])
    return {
        "advantages": torch.tensor([sign * rng.randint(2, 20) / 10 for sign, _ in kinds]),
        "logps": old - torch.where(mask, fallen, behind),
        "old_logps": old,
        "mask": mask,
        "delta": rng.choice((0.19, 0.2)),
    }


def _answer_by_answer(
    advantages: Tensor, logps: Tensor, old_logps: Tensor, mask: Tensor, delta: float
) -> Tensor:
    keep = []
    for advantage, new, old, there in zip(
        *(x.tolist() for x in (advantages, logps, old_logps, mask)), strict=True
    ):
        fallen = [o - n for o, n, written in zip(old, new, there, strict=True) if written]
        keep.append(float(not (advantage < 0 and sum(fallen) / len(fallen) > delta)))
    return torch.tensor(keep)


def _keep(
    advantages: Tensor,
    logps: Tensor,
    old_logps: Tensor,
    mask: Tensor,
    delta: float,
    *,
    bad: Callable[[Tensor], Tensor] = lambda advantages: advantages < 0,
    length: Callable[[Tensor], Tensor | int] = lambda mask: mask.sum(1),
    seen: Callable[[Tensor], Tensor] = lambda fallen: fallen,
    counted: Callable[[Tensor], Tensor] = lambda mask: mask,
    drift: Callable[[Tensor, float], Tensor] = lambda fallen, delta: fallen > delta,
) -> Tensor:
    """Mark the answers that stay with one thing (or none) done the wrong way."""
    fallen = seen(((old_logps - logps).double() * counted(mask)).sum(1) / length(mask))
    return (~(bad(advantages) & drift(fallen, delta))).double()


def _either(advantages: Tensor, logps: Tensor, old_logps: Tensor, mask: Tensor, delta: float) -> Tensor:
    fresh = _keep(advantages, logps, old_logps, mask, delta, bad=lambda advantages: advantages < math.inf)
    return fresh * (advantages >= 0)


KEPT = Exercise(
    "kept",
    _draw_answers,
    _answer_by_answer,
    (
        Misconception(
            "good answers dropped too",
            "An answer that was better than its group and has become rare is worth pulling back. Which "
            "argument says how good it was?",
            (partial(_keep, bad=lambda advantages: torch.ones_like(advantages, dtype=torch.bool)),),
        ),
        Misconception(
            "every bad answer dropped",
            "You drop whatever was worse than its group. A bad answer that the policy would still write is "
            "the one to learn from.",
            (partial(_keep, drift=lambda fallen, delta: torch.ones_like(fallen, dtype=torch.bool)),),
        ),
        Misconception(
            "good answers dropped instead",
            "Which answers push away from themselves without a bound: those with a positive advantage?",
            (partial(_keep, bad=lambda advantages: advantages > 0),),
        ),
        Misconception(
            "bad or stale",
            "One of the two is enough for you to drop an answer. What does the text join them by?",
            (_either,),
        ),
        Misconception(
            "drift upside down",
            "Stale answers are those that the policy would no longer write: has it made yours rarer?",
            (partial(_keep, seen=lambda fallen: -fallen),),
        ),
        Misconception(
            "drift in either direction",
            "Which of the two directions makes an answer foreign to the present policy?",
            (partial(_keep, seen=lambda fallen: fallen.abs()),),
        ),
        Misconception(
            "a sum instead of a mean",
            "Long answers are dropped for being long. The drift was to be per word.",
            (partial(_keep, length=lambda mask: 1),),
        ),
        Misconception(
            "padding in the mean",
            "Put padding behind the answers, and fewer are dropped. Among how many words is the mean?",
            (partial(_keep, length=lambda mask: mask.shape[1]),),
        ),
        Misconception(
            "words behind the end",
            "Change a log-probability where mask is False: should that decide about an answer?",
            (
                partial(_keep, counted=torch.ones_like),
                partial(_keep, counted=torch.ones_like, length=lambda mask: mask.shape[1]),
            ),
        ),
    ),
    lesson="15",
    returns=("mask",),
    edges={
        "nothing has moved": lambda c: {"old_logps": c["logps"].clone()},
        "one answer": lambda c: {n: c[n][:1] for n in ("advantages", "logps", "old_logps", "mask")},
        "advantages of 0": lambda c: {"advantages": c["advantages"] * 0},
        "one word written": lambda c: {
            "mask": torch.arange(c["mask"].shape[1]).expand_as(c["mask"]) == 0,
            "logps": c["old_logps"] - 0.3,
        },
        "a large delta": lambda c: {"delta": 5.0},
    },
)
