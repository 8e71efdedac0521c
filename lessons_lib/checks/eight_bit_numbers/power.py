"""Check of scales that are powers of two, against doubling and halving until the largest number fits."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.eight_bit_numbers.ends import wrong_ends


def _draw(rng: random.Random) -> dict[str, Any]:
    exact = 448 * 2.0 ** rng.randint(-3, 4)
    just_above = 448 * 2.0 ** rng.randint(0, 4) + rng.randint(1, 9)
    # Odd: none is 1.5 times 448 times a power of two, which the nearest power would be undecided about.
    others = [2.0 * rng.randint(15, 4500) + 1 for _ in range(rng.randint(1, 6))]
    numbers = [exact, just_above, *others]
    rng.shuffle(numbers)
    return {"amax": torch.tensor(numbers)}


def _doubled(amax: Tensor) -> Tensor:
    scales = []
    for size in amax.tolist():
        scale = 1.0
        while size / scale > 448:
            scale *= 2
        while size / (scale / 2) <= 448:
            scale /= 2
        scales.append(scale)
    return torch.tensor(scales, dtype=torch.float64)


def _power(
    amax: Tensor,
    *,
    largest: float = 448.0,
    whole: Callable[[Tensor], Tensor] = torch.ceil,
    sign: int = 1,
) -> Tensor:
    """Find the power of two with one thing (or none) done the wrong way."""
    return 2.0 ** (sign * whole((amax.double() / largest).log2()))


POWER_SCALE = Exercise(
    "power_scale",
    _draw,
    _doubled,
    (
        Misconception(
            "rounded down",
            "Divide the largest number by your scale: does the result fit the format?",
            (partial(_power, whole=torch.floor), partial(_power, whole=lambda n: n.ceil() - 1)),
        ),
        Misconception(
            "rounded to the nearest",
            "Some of your scales are right. With the others, what becomes of the number that amax was taken "
            "from?",
            (
                partial(_power, whole=torch.round),
                lambda amax: _nearer_in_size(amax),
            ),
        ),
        Misconception(
            "always one up",
            "A scale that is a power of two already need not be changed. Nor is a second doubling of use.",
            (
                partial(_power, whole=lambda n: n.floor() + 1),
                partial(_power, whole=lambda n: n.ceil() + 1),
            ),
        ),
        Misconception(
            "largest value forgotten",
            "Your scale brings the largest number to 1. The format reaches much further.",
            (partial(_power, largest=1.0),),
        ),
        Misconception(
            "448 and 57344 exchanged",
            "Your scale brings the largest number to 57344, where E5M2 ends. What is E4M3's largest value?",
            (partial(_power, largest=57_344.0),),
        ),
        Misconception(
            "scale inverted",
            "Larger numbers should have larger scales: they are divided by them.",
            (partial(_power, sign=-1),),
        ),
        Misconception(
            "exponent returned",
            "That is the exponent of the scale, which is what a byte of E8M0 would store. What is the scale?",
            (lambda amax: (amax.double() / 448).log2().ceil(),),
        ),
        Misconception(
            "not a power of two",
            "That is the exact scale, with all its digits. Which powers of two are near it?",
            (lambda amax: amax.double() / 448,),
        ),
        *wrong_ends(_power),
    ),
    lesson="09",
    returns=("scales",),
    absolute=0.0,
    edges={
        "very small": lambda c: {"amax": torch.tensor([1e-6, 3e-5, 448 * 2.0**-20, 1e-12])},
        "very large": lambda c: {"amax": torch.tensor([1e6, 448 * 2.0**20, 3e9])},
        "just above and below": lambda c: {"amax": torch.tensor([447.0, 448.0, 449.0, 895.0, 896.0, 897.0])},
        "one tile": lambda c: {"amax": c["amax"][:1]},
    },
)


def _nearer_in_size(amax: Tensor) -> Tensor:
    """Take the nearer of the two powers by distance, not by ratio."""
    exact = amax.double() / 448
    down, up = _power(amax, whole=torch.floor), _power(amax)
    return torch.where(exact - down < up - exact, down, up)
