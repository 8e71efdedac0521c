"""Check of rounding to E4M3, against a search through the list of its values.

Every case holds a tie that goes down, numbers among the subnormals, and numbers above both 448 and 57,344.
"""

import bisect
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

# Place in the list = code, so an even place is an even mantissa.
VALUES = [m / 8 * 2.0**-6 for m in range(8)]
VALUES += [(1 + m / 8) * 2.0 ** (e - 7) for e in range(1, 16) for m in range(8)][:-1]  # the last is NaN


def nearest_value(x: float) -> float:
    """Return the value of E4M3 nearest to `x`, by looking at the two around it."""
    size = min(abs(x), VALUES[-1])
    above = bisect.bisect_left(VALUES, size)
    below = max(above - 1, 0)
    up, down = VALUES[above] - size, size - VALUES[below]
    place = above if up < down or (up == down and above % 2 == 0) else below
    return VALUES[place] if x >= 0 else -VALUES[place]


def round_wrongly(
    x: Tensor,
    *,
    whole: Callable[[Tensor], Tensor] = torch.round,
    lowest: float = -6,  # the gaps stop halving at this exponent
    digits: int = 3,
    octaves_up: int = 0,  # by which the exponent is overestimated
    largest: float = 448.0,
    flush: str = "",  # what is set to 0: numbers "before" or "after" rounding, below the normal ones
) -> Tensor:
    """Round with one thing (or none) done the wrong way."""
    x = x.double()
    exponent = (torch.frexp(x).exponent - 1 + octaves_up).clamp(min=lowest)
    gap = torch.ldexp(torch.ones_like(x), exponent - digits)
    rounded = (whole(x / gap) * gap).clamp(-largest, largest)
    if flush:
        rounded = torch.where((x if flush == "before" else rounded).abs() < 2**-6, 0.0, rounded)
    return rounded


def _draw(rng: random.Random) -> dict[str, Any]:
    def tie(mantissa: int) -> float:
        return (8.5 + mantissa) * 2.0 ** rng.randint(-4, 4)

    numbers = [
        tie(2 * rng.randint(0, 3)),
        tie(rng.randint(0, 7)),
        rng.randint(10, 155) / 10_000,
        rng.randint(15, 155) / 10_000,
        rng.randint(500, 30_000),
        rng.randint(60_000, 200_000),
        *(rng.randint(1, 9999) / 10 ** rng.randint(2, 6) for _ in range(rng.randint(0, 5))),
    ]
    rng.shuffle(numbers)
    return {"x": torch.tensor([rng.choice((-1.0, 1.0)) * number for number in numbers])}


def _searched(x: Tensor) -> Tensor:
    return torch.tensor([nearest_value(number) for number in x.tolist()], dtype=torch.float64)


ROUND_E4M3 = Exercise(
    "round_e4m3",
    _draw,
    _searched,
    (
        Misconception(
            "truncation for rounding",
            "You always take the value on the same side. Which of the two neighbours is the nearer one?",
            (
                partial(round_wrongly, whole=torch.trunc),
                partial(round_wrongly, whole=torch.floor),
                partial(round_wrongly, whole=torch.ceil),
            ),
        ),
        Misconception(
            "ties away from zero",
            "Only numbers in the middle of two values are wrong. Yours all go the same way; the rule sends "
            "them by the last digit of the mantissa.",
            (
                partial(round_wrongly, whole=lambda n: n.sign() * (n.abs() + 0.5).floor()),
                partial(round_wrongly, whole=lambda n: (n + 0.5).floor()),
                partial(round_wrongly, whole=lambda n: n.sign() * (n.abs() - 0.5).ceil()),
            ),
        ),
        Misconception(
            "subnormals flushed",
            "Everything below the smallest normal number becomes 0. Which values are there between them?",
            (partial(round_wrongly, flush="before"), partial(round_wrongly, flush="after")),
        ),
        Misconception(
            "gaps halve for ever",
            "Your smallest numbers keep too many digits. The gaps halve from octave to octave, but not below "
            "the smallest normal number.",
            (partial(round_wrongly, lowest=-40),),
        ),
        Misconception(
            "exponent bias off by one",
            "Only the smallest numbers are wrong: your gaps stop halving at the octave beside the right one. "
            "What is the exponent of the smallest normal number?",
            (partial(round_wrongly, lowest=-7), partial(round_wrongly, lowest=-5)),
        ),
        Misconception(
            "gaps twice too wide",
            "Your values are those of a format with a digit less. How many values has an octave, and where "
            "does yours begin?",
            (
                partial(round_wrongly, digits=2),
                partial(round_wrongly, octaves_up=1),
                partial(round_wrongly, octaves_up=1, lowest=-5),
                partial(round_wrongly, digits=2, lowest=-7),
            ),
        ),
        Misconception(
            "448 and 57344 exchanged",
            "Large numbers saturate where those of the other 8-bit format do.",
            (partial(round_wrongly, largest=57_344.0),),
        ),
        Misconception(
            "not saturated",
            "Your numbers grow without end. Which is the largest that this format holds?",
            (partial(round_wrongly, largest=torch.inf),),
        ),
        Misconception(
            "top exponent given away",
            "Your numbers end an octave too early, as if the top exponent were kept for infinities.",
            (partial(round_wrongly, largest=240.0),),
        ),
    ),
    lesson="09",
    returns=("rounded",),
    tolerance=1e-6,  # every value is exact in float32, and the smallest is 0.002
    margin=1e-4,
)
