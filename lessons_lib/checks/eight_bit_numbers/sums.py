"""Check of adding up with few bits and promotion, against a loop in Python's own floats.

The products are quarters and the sums small, so that everything but the cut is exact, in float32 too.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.eight_bit_numbers.rounding import round_wrongly


def _draw(rng: random.Random) -> dict[str, Any]:
    every = rng.randint(3, 5)
    n = every * rng.randint(2, 3) + rng.randint(1, every - 1)  # a rest is left over
    rows = [[rng.randint(1, 100) / 4 for _ in range(n)] for _ in range(rng.randint(1, 3))]
    for row in rows:
        row[rng.randrange(n)] *= -1
    return {"products": torch.tensor(rows), "bits": rng.randint(5, 6), "every": every}


def _loop(products: Tensor, bits: int, every: int) -> Tensor:
    totals = []
    for row in products.tolist():
        total = running = 0.0
        for i, product in enumerate(row):
            running += product
            unit = 2.0 ** (math.frexp(running)[1] - bits)
            running = math.trunc(running / unit) * unit
            if (i + 1) % every == 0:
                total, running = total + running, 0.0
        totals.append(total + running)
    return torch.tensor(totals, dtype=torch.float64)


def _cut(x: Tensor, bits: int) -> Tensor:
    mantissa, exponent = torch.frexp(x)
    return torch.ldexp((mantissa * 2.0**bits).trunc(), exponent - bits)


def _whole(x: Tensor, bits: int) -> Tensor:
    return x


def _in_fp8(x: Tensor, bits: int) -> Tensor:
    return round_wrongly(x)


def _add(
    products: Tensor,
    bits: int,
    every: int,
    *,
    store: Callable[[Tensor, int], Tensor] = _cut,  # what becomes of the running sum
    promote: bool = True,
    early: int = 0,  # by how many products the first promotion comes too early
    promoted: Callable[[Tensor, int], Tensor] = _whole,  # what becomes of the total
    moved: Callable[[Tensor, int], Tensor] = _whole,  # what becomes of a sum on its way there
    at_the_end: bool = True,  # whether that also happens when the rest is added
    restart: bool = True,
    rest: bool = True,
) -> Tensor:
    """Add up with one thing (or none) done the wrong way."""
    products = products.double()
    total = running = torch.zeros(len(products), dtype=torch.float64)
    for i, column in enumerate(products.T):
        running = store(running + column, bits)
        if promote and (i + 1 + early) % every == 0:
            total = promoted(total + moved(running, bits), bits)
            running = torch.zeros_like(running) if restart else running
    if not rest:
        return total
    total = total + moved(running, bits)
    return promoted(total, bits) if at_the_end else total


ADD_UP = Exercise(
    "add_up",
    _draw,
    _loop,
    (
        Misconception(
            "accumulating in FP8",
            "Your running sum is a number of 8 bits, which has four digits and no more, whatever `bits` "
            "says. Only the factors were FP8.",
            (
                partial(_add, store=_in_fp8),
                partial(_add, store=_in_fp8, promote=False),
                partial(_add, store=_in_fp8, promoted=_in_fp8),
            ),
        ),
        Misconception(
            "never promoted",
            "One sum runs from the first product to the last, and loses more the longer it gets. Which "
            "argument has no effect?",
            (partial(_add, promote=False),),
        ),
        Misconception(
            "promoted sum cut too",
            "Promotion helps because something loses nothing. Does your total?",
            (partial(_add, promoted=_cut), partial(_add, promoted=_cut, at_the_end=False)),
        ),
        Misconception(
            "rest lost",
            "The last products are missing: there are fewer of them than make a promotion.",
            (partial(_add, rest=False),),
        ),
        Misconception(
            "promoted one product too early",
            "Your first promotion comes too early: after how many products? Count them from 1.",
            (
                lambda products, bits, every: _add(products, bits, every, early=every - 1),
                partial(_add, early=1),
            ),
        ),
        Misconception(
            "not started again",
            "Your total is far too large. What has been moved already is moved again.",
            (partial(_add, restart=False), partial(_add, restart=False, rest=False)),
        ),
        Misconception(
            "cut too late",
            "You add without loss and cut afterwards, or never. The hardware loses something in each "
            "addition.",
            (
                partial(_add, store=_whole),
                partial(_add, store=_whole, moved=_cut),
                partial(_add, store=_whole, promoted=_cut),
            ),
        ),
    ),
    lesson="09",
    returns=("totals",),
    edges={
        "promoted each time": lambda c: {"every": 1},
        "never promoted before the end": lambda c: {"every": c["products"].shape[1] + 1},
        "promoted at the very end": lambda c: {"every": c["products"].shape[1]},
        "one product": lambda c: {"products": c["products"][:, :1]},
        "products of 0": lambda c: {"products": c["products"] * 0},
        "many bits": lambda c: {"bits": 20},
        "below zero": lambda c: {"products": -c["products"].abs()},
    },
    tolerance=1e-5,  # sums are quarters, below 1,000
    margin=1e-3,
)
