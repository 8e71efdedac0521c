"""Check of rounding to E4M3 by chance, against a search through the list of its values.

The random numbers are given, so there is one right answer. In every case some numbers do not go to the
nearest value; some are subnormal, some above both 448 and 57,344.
"""

import bisect
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.eight_bit_numbers.decode import FP8
from lessons_lib.checks.eight_bit_numbers.rounding import VALUES, round_wrongly

SIGNED = [-value for value in reversed(VALUES[1:])] + VALUES
Up = Callable[[Tensor, Tensor], Tensor]  # from u and the share of the gap below a number to: does it go up?


def _draw(rng: random.Random) -> dict[str, Any]:
    shares = [(0.3, 0.1), (0.7, 0.9), (0.4, 0.25), (0.6, 0.75)]  # up, down, up, down: none to the nearest
    shares += [  # no u is the share of a gap, nor of one twice as wide
        (rng.choice((0.2, 0.4, 0.6, 0.8)), rng.choice((0.15, 0.35, 0.45, 0.55, 0.85)))
        for _ in range(rng.randint(2, 6))
    ]
    codes = [rng.randint(0, 6), rng.randint(0, 6), *(rng.randint(8, 125) for _ in shares[2:])]
    rng.shuffle(codes)
    pairs = []
    for code, (share, u) in zip(codes, shares, strict=True):
        sign = rng.choice((-1, 1))
        below, above = VALUES[code], VALUES[code + 1]
        into = share if sign > 0 else 1 - share  # of the gap, away from zero
        pairs.append((sign * (below + into * (above - below)), u))
    pairs += [(rng.choice((-1.0, 1.0)) * size, 0.5) for size in (rng.randint(500, 30_000), 60_000.0)]
    rng.shuffle(pairs)
    return {"x": torch.tensor([x for x, _ in pairs]), "u": torch.tensor([u for _, u in pairs])}


def _searched(x: Tensor, u: Tensor) -> Tensor:
    out = []
    for number, chance in zip(x.tolist(), u.tolist(), strict=True):
        inside = max(-448.0, min(448.0, number))
        at = bisect.bisect_right(SIGNED, inside) - 1  # the value at or below it
        below, above = SIGNED[at], SIGNED[min(at + 1, len(SIGNED) - 1)]
        goes_up = above > below and chance < (inside - below) / (above - below)
        out.append(above if goes_up else below)
    return torch.tensor(out, dtype=torch.float64)


def _chance(
    x: Tensor,
    u: Tensor,
    *,
    up: Up = lambda u, share: u < share,
    by_size: bool = False,  # away from zero where it should be up
    **other: Any,
) -> Tensor:
    """Round with one thing (or none) done the wrong way."""

    def whole(n: Tensor) -> Tensor:
        return n.floor() + up(u.double(), n - n.floor())

    return (
        x.sign() * round_wrongly(x.abs(), whole=whole, **other)
        if by_size
        else round_wrongly(x, whole=whole, **other)
    )


ROUND_BY_CHANCE = Exercise(
    "round_by_chance",
    _draw,
    _searched,
    (
        Misconception(
            "rounded to the nearest",
            "You round to the nearest. Then a small change is lost every time: what has `u` to say?",
            (
                partial(_chance, up=lambda u, share: share >= 0.5),
                partial(_chance, up=lambda u, share: share > 0.5),
            ),
        ),
        Misconception(
            "chances exchanged",
            "A number just below a value should nearly always go up to it. Yours nearly always goes down.",
            (
                partial(_chance, up=lambda u, share: (u < 1 - share) & (share > 0)),
                partial(_chance, up=lambda u, share: (u > share) & (share > 0)),
                partial(_chance, up=lambda u, share: u < 1 - share),
                partial(_chance, up=lambda u, share: u > share),
            ),
        ),
        Misconception(
            "a fair coin",
            "You toss a fair coin. Would the average of many roundings be the number itself?",
            (
                partial(_chance, up=lambda u, share: (u < 0.5) & (share > 0)),
                partial(_chance, up=lambda u, share: u < 0.5),
            ),
        ),
        Misconception(
            "away from zero for up",
            "Numbers above zero are right. Below zero, is your upper value the larger one?",
            (partial(_chance, by_size=True),),
        ),
        Misconception(
            "always one way",
            "All of your numbers go the same way. Which of the two values did `u` choose?",
            (
                partial(_chance, up=lambda u, share: share > 0),
                partial(_chance, up=lambda u, share: share < 0),
            ),
        ),
        Misconception(
            "gaps halve for ever",
            "Your smallest numbers keep too many digits. The gaps halve from octave to octave, but not below "
            "the smallest normal number.",
            (partial(_chance, lowest=-40),),
        ),
        Misconception(
            "gaps twice too wide",
            "Your values are those of a format with a digit less. How many values has an octave, and where "
            "does yours begin?",
            (
                partial(_chance, digits=2),
                partial(_chance, octaves_up=1),
                partial(_chance, octaves_up=1, lowest=-5),
                partial(_chance, digits=2, lowest=-7),
            ),
        ),
        Misconception(
            "448 and 57344 exchanged",
            "Large numbers saturate at 57344, as those of E5M2 do. What is E4M3's largest value?",
            (partial(_chance, largest=57_344.0),),
        ),
        Misconception(
            "not saturated",
            "Your numbers grow without end. Which is the largest that this format holds?",
            (partial(_chance, largest=torch.inf),),
        ),
    ),
    lesson="09",
    returns=("rounded",),
    forbidden=FP8,
    edges={
        "too large, whatever u is": lambda c: {
            "x": torch.tensor([1e3, -1e3, 1e3, -1e3, 450.0, -450.0]),
            "u": torch.tensor([0.99, 0.99, 0.0, 0.0, 0.99, 0.99]),
        },
        "zeros": lambda c: {"x": c["x"] * 0},
        "values of E4M3": lambda c: {
            "x": torch.tensor([1.0, -1.125, 2.0**-9, -3 * 2.0**-9, 240.0, 448.0]),
            "u": torch.tensor([0.0, 0.1, 0.0, 0.5, 0.9, 0.0]),
        },
        "between zero and the smallest": lambda c: {
            "x": torch.tensor([5e-4, 5e-4, -5e-4, -5e-4]),
            "u": torch.tensor([0.1, 0.9, 0.1, 0.9]),
        },
        "around the largest": lambda c: {
            "x": torch.tensor([440.0, 440.0, 450.0, 479.0, -450.0, 1e30]),
            "u": torch.tensor([0.1, 0.9, 0.1, 0.1, 0.9, 0.0]),
        },
        "u is 0": lambda c: {"u": c["u"] * 0},
        "one number": lambda c: {"x": c["x"][:1], "u": c["u"][:1]},
    },
    tolerance=1e-6,  # every value is exact in float32, and the smallest is 0.002
    margin=1e-4,
)
