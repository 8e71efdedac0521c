"""Check of naming the fault of a run from its histories, against the rules in their order, run by run.

Every case has a run of each kind, a healthy one whose entropy is gone because it has learned, and one whose
estimate of the KL is now and then negative. The last step of each misleads.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

HEALTHY, GAMED, COLLAPSED, NEVER_PAID, FOREIGN, BOUNDLESS = range(6)
# how each kind ends: paid, truly right, entropy, KL
KINDS: tuple[tuple[float, ...], ...] = (
    (0.9, 0.9, 0.5, 0.3),
    (0.9, 0.2, 0.5, 0.3),
    (0.4, 0.4, 0.04, 0.3),
    (0.0, 0.2, 0.6, 0.3),
    (0.9, 0.9, 0.5, -0.3),
    (0.9, 0.9, 0.5, 0.3),
    (0.9, 0.9, 0.03, 0.3),  # has learned all it could: entropy is gone
)


def _run(rng: random.Random, kind: int, steps: int) -> list[list[float]]:
    paid, right, entropy, kl = (
        [round(x + rng.randint(-3, 3) / 100 * (x > 0.1), 2) for _ in range(steps)] for x in KINDS[kind]
    )
    if kind == HEALTHY:
        kl[rng.randrange(steps)] = -0.02  # an estimate
    if kind == GAMED:
        right[-1] = 0.8
    if kind == COLLAPSED:
        entropy[-1] = 0.2
    if kind == NEVER_PAID:
        right[0] = 0.0
    if kind == BOUNDLESS:
        kl[rng.randrange(3, steps)] = math.inf
    return [paid, right, entropy, kl]


def _draw(rng: random.Random) -> dict[str, Any]:
    kinds, steps = list(range(len(KINDS))), rng.randint(8, 13)
    rng.shuffle(kinds)
    runs = torch.tensor([_run(rng, kind, steps) for kind in kinds])  # (runs, dials, steps)
    return dict(zip(("paid", "right", "entropy", "kl"), runs.unbind(1), strict=True))


def _slow() -> dict[str, Any]:
    """Return runs that are gamed, or collapsed, at the end only, and one that is neither in the end."""
    paid = torch.tensor([[0.1] * 7 + [0.9] * 5, [0.9] * 7 + [0.4] * 5, [0.9] * 12])
    right = torch.tensor([[0.1] * 7 + [0.2] * 5, [0.9] * 7 + [0.4] * 5, [0.1] * 7 + [0.85] * 5])
    entropy = torch.tensor([[0.5] * 12, [0.9] * 7 + [0.04] * 5, [0.5] * 7 + [0.03] * 5])
    return {"paid": paid, "right": right, "entropy": entropy, "kl": torch.full((3, 12), 0.3)}


def _slope(dial: Tensor) -> Tensor:
    """Return five steps whose mean is 0.54, and 0.65 without the first of them."""
    return torch.tensor([0.1, 0.5, 0.6, 0.7, 0.8]).expand(len(dial), 5)


def _ending(dial: Tensor, end: float) -> Tensor:
    """Return a dial whose last five steps are these."""
    return torch.cat([dial[:, :-5] * 10, torch.full_like(dial[:, -5:], end)], 1)


def _by_rules(paid: Tensor, right: Tensor, entropy: Tensor, kl: Tensor) -> Tensor:
    named = []
    for dials in zip(paid.tolist(), right.tolist(), entropy.tolist(), kl.tolist(), strict=True):
        p, r, e = (sum(dial[-5:]) / 5 for dial in dials[:3])
        if any(math.isinf(x) for dial in dials for x in dial):
            named.append(BOUNDLESS)
        elif not any(dials[0]):
            named.append(NEVER_PAID)
        elif sum(dials[3]) / len(dials[3]) < 0:
            named.append(FOREIGN)
        elif p - r > 0.3:
            named.append(GAMED)
        else:
            named.append(COLLAPSED if e < 0.1 and r < 0.8 else HEALTHY)
    return torch.tensor(named)


def _ends(values: Tensor) -> Tensor:
    return values[:, -5:].mean(1)


def _name(
    paid: Tensor,
    right: Tensor,
    entropy: Tensor,
    kl: Tensor,
    *,
    at_end: Callable[[Tensor], Tensor] = _ends,
    foreign: Callable[[Tensor], Tensor] = lambda kl: kl.mean(1) < 0,
    gap: Callable[[Tensor, Tensor], Tensor] = lambda paid, right: paid - right > 0.3,
    unlearned: Callable[[Tensor, Tensor], Tensor] = lambda paid, right: right < 0.8,
    unpaid: Callable[[Tensor, Tensor], Tensor] = lambda paid, right: (paid == 0).all(1),
) -> Tensor:
    """Name the faults with one rule (or none) applied the wrong way."""
    p, r, e = at_end(paid), at_end(right), at_end(entropy)
    named = torch.full((len(paid),), HEALTHY)
    named[(e < 0.1) & unlearned(p, r)] = COLLAPSED
    named[gap(p, r)] = GAMED
    named[foreign(kl)] = FOREIGN
    named[unpaid(paid, right)] = NEVER_PAID
    named[torch.stack([paid, right, entropy, kl]).isinf().any(0).any(1)] = BOUNDLESS
    return named


FAULTS = Exercise(
    "name_fault",
    _draw,
    _by_rules,
    (
        Misconception(
            "low entropy taken for collapse",
            "A run that has learned all there is has no entropy left either. What tells it from one that "
            "stopped looking too soon?",
            (partial(_name, unlearned=lambda paid, right: torch.ones_like(paid, dtype=torch.bool)),),
        ),
        Misconception(
            "one negative KL taken for a fault",
            "An estimate scatters around what it estimates. Can a step be negative, or the mean?",
            (
                partial(_name, foreign=lambda kl: (kl < 0).any(1)),
                partial(_name, foreign=lambda kl: kl.amin(1) < 0),
            ),
        ),
        Misconception(
            "judged by what is paid",
            "A gamed run looks healthy to you. Which of the dials did nobody train on?",
            (
                partial(_name, gap=lambda paid, right: torch.zeros_like(paid, dtype=torch.bool)),
                partial(_name, gap=lambda paid, right: paid < 0.3),
            ),
        ),
        Misconception(
            "the last step alone",
            "One step is one batch. How many steps make an end here?",
            (partial(_name, at_end=lambda values: values[:, -1]),),
        ),
        Misconception(
            "never right taken for never paid",
            "A run may write right answers and not be paid for one. Which dial says what was paid?",
            (
                partial(_name, unpaid=lambda paid, right: (right == 0).all(1)),
                partial(_name, unpaid=lambda paid, right: _ends(right) == 0),
            ),
        ),
    ),
    lesson="15",
    returns=("faults",),
    edges={
        "one run": lambda c: {name: c[name][:1] for name in c},
        "all is 0": lambda c: {name: torch.zeros_like(c[name]) for name in c},
        "endless pay": lambda c: {"paid": c["paid"].clone().index_fill(1, torch.tensor([0]), math.inf)},
        "the end differs from the whole": lambda c: _slow(),
        "paid once, at the beginning": lambda c: {
            "paid": torch.cat([0 * c["paid"][:, :1] + 0.5, 0 * c["paid"][:, 1:]], 1)
        },
        "far more is right than is paid": lambda c: {"paid": c["right"], "right": c["paid"].clamp(min=0.9)},
        "the end begins at the fifth step from behind": lambda c: {
            "paid": torch.full_like(c["paid"], 0.9),
            "right": torch.cat([0 * c["right"][:, :-5] + 0.9, _slope(c["right"])], 1),
        },
        "entropy that is low, not gone": lambda c: {
            "paid": 0 * c["paid"] + 0.4,
            "right": 0 * c["right"] + 0.4,
            "entropy": 0 * c["entropy"] + 0.15,
        },
        "a KL of 0": lambda c: {"kl": 0 * c["kl"].clamp(max=1)},
        "a KL below 0 at the end alone": lambda c: {"kl": _ending(c["kl"].abs().clamp(max=0.4), -0.01)},
        "a KL above 0 at the end alone": lambda c: {"kl": _ending(-1 - c["kl"].abs().clamp(max=0.4), 0.01)},
        "never paid, and sampled by another": lambda c: {
            "paid": 0 * c["paid"],
            "kl": -c["kl"].abs().clamp(max=0.4),
        },
        "many steps": lambda c: {name: c[name].repeat(1, 3) for name in c},
    },
)
