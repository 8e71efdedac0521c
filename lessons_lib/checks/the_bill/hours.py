"""Check of the hours that a training takes, against a sum over the products of every parameter.

Numbers are as on a data sheet: parameters and tokens in billions, a peak in TFLOP/s.
"""

import random
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(1, 3)
    return {
        "active": torch.tensor([float(rng.randint(2, 60)) for _ in range(n)]),
        "tokens": torch.tensor([float(rng.randint(100, 9_000)) for _ in range(n)]),
        "fp8_share": torch.tensor([rng.choice((2, 3, 4, 6, 7, 8)) / 10 for _ in range(n)]),
        "bf16_peak": float(rng.choice((125, 312, 400, 990))),
        "utilisation": rng.randint(20, 60) / 100,
    }


def _run_by_run(
    active: Tensor, tokens: Tensor, fp8_share: Tensor, bf16_peak: float, utilisation: float
) -> Tensor:
    hours = []
    for n, d, share in zip(active.tolist(), tokens.tolist(), fp8_share.tolist(), strict=True):
        seconds = Fraction(0)
        for _ in ("forward", "gradient by the input", "gradient by the weights"):
            flops = 2 * Fraction(n) * Fraction(d) * 10**18  # a multiplication and an addition
            seconds += flops * (1 - Fraction(share)) / (Fraction(bf16_peak) * 10**12)
            seconds += flops * Fraction(share) / (Fraction(bf16_peak) * 2 * 10**12)
        hours.append(float(seconds / Fraction(utilisation) / 3600))
    return torch.tensor(hours, dtype=torch.float64)


def _hours(
    active: Tensor,
    tokens: Tensor,
    fp8_share: Tensor,
    bf16_peak: float,
    utilisation: float,
    *,
    products: int = 6,
    slowness: Callable[[Tensor], Tensor] = lambda s: 1 - s / 2,  # of a mixture, against BF16
    use: Callable[[float], float] = lambda u: u,
    unit: float = 3600.0,
) -> Tensor:
    """Compute hours with one thing (or none) done the wrong way."""
    flops = products * 1e18 * active.double() * tokens.double()
    return flops * slowness(fp8_share.double()) / (bf16_peak * 1e12 * use(utilisation)) / unit


TRAINING_HOURS = Exercise(
    "training_hours",
    _draw,
    _run_by_run,
    (
        Misconception(
            "FP8 peak for everything",
            "You let all of the work go at the rate of FP8. What is still done in BF16, and how fast?",
            (partial(_hours, slowness=lambda s: torch.full_like(s, 0.5)),),
        ),
        Misconception(
            "BF16 peak for everything",
            "Your hours are those of a training without FP8. Which argument has no effect?",
            (partial(_hours, slowness=torch.ones_like),),
        ),
        Misconception(
            "peaks averaged",
            "You average the two rates. Half of a way at 50 and half at 100: is that as quick as all of it "
            "at 75?",
            (partial(_hours, slowness=lambda s: 1 / (1 + s)),),
        ),
        Misconception(
            "shares exchanged",
            "You give the share of one kind of number to the other. Which peak belongs to `fp8_share`?",
            (partial(_hours, slowness=lambda s: (1 + s) / 2),),
        ),
        Misconception(
            "FP8 slower",
            "With more FP8 your training takes longer. Twice the peak: is that twice the time, or half?",
            (partial(_hours, slowness=lambda s: 1 + s),),
        ),
        Misconception(
            "forward pass alone",
            "You are short of a whole factor. A training also goes backwards, and that is two products for "
            "each of the forward pass.",
            (
                partial(_hours, products=2),
                partial(_hours, products=4),
                partial(_hours, products=3),
                partial(_hours, products=1),
            ),
        ),
        Misconception(
            "utilisation the wrong way",
            "A chip that is busy for a tenth of the time takes ten times as long. How long does yours take?",
            (partial(_hours, use=lambda u: 1 / u),),
        ),
        Misconception(
            "utilisation left out",
            "You let the chips work at their peak, which they never do.",
            (partial(_hours, use=lambda u: 1.0),),
        ),
        Misconception(
            "seconds for hours",
            "A peak counts operations in a second. What is asked for?",
            (partial(_hours, unit=1.0), partial(_hours, unit=60.0)),
        ),
    ),
    lesson="12",
    edges={
        "all in BF16": lambda c: {"fp8_share": c["fp8_share"] * 0},
        "all in FP8": lambda c: {"fp8_share": c["fp8_share"] * 0 + 1},
        "one training": lambda c: {n: c[n][:1] for n in ("active", "tokens", "fp8_share")},
        "the whole peak": lambda c: {"utilisation": 1.0},
        "a small model": lambda c: {"active": c["active"] / 100, "tokens": c["tokens"] / 1000},
    },
    returns=("hours",),
)
