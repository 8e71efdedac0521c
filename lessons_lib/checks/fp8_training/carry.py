"""Check of a gradient that is carried through E4M3 with a loss scale, against a list of the values.

Gradients are millionths and loss scales powers of two: no scaled gradient lies in the middle of two values.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.eight_bit_numbers.rounding import nearest_value, round_wrongly


def _draw(rng: random.Random) -> dict[str, Any]:
    numbers = [rng.choice((-1, 1)) * rng.randint(100, 900) / 1e6 for _ in range(rng.randint(2, 8))]
    return {"g": torch.tensor(numbers), "loss_scale": 2.0 ** rng.randint(12, 17)}


def _carried(g: Tensor, loss_scale: float) -> Tensor:
    return torch.tensor([nearest_value(x * loss_scale) / loss_scale for x in g.tolist()]).double()


def _to_e5m2(x: Tensor) -> Tensor:
    return round_wrongly(x, digits=2, lowest=-14, largest=57_344.0)


def _carry(cast: Callable[[Tensor], Tensor], before: int, after: int) -> Callable[[Tensor, float], Tensor]:
    """Return what casts between two multiplications by the loss scale to these powers."""
    return lambda g, s: cast(g.double() * s**before) * s**after


CARRY_GRADIENT = Exercise(
    "carry_gradient",
    _draw,
    _carried,
    (
        Misconception(
            "cast without the scale",
            "All of it is 0: the cast is given numbers that its format does not reach down to. Which of your "
            "lines should come first?",
            (_carry(round_wrongly, 0, 0), _carry(round_wrongly, 0, 1), _carry(round_wrongly, -1, 1)),
        ),
        Misconception(
            "scale left on",
            "The numbers came through, but the optimizer would take steps many thousand times too long.",
            (_carry(round_wrongly, 1, 0), _carry(round_wrongly, 1, 1)),
        ),
        Misconception(
            "E5M2 for gradients",
            "That is the other format, which others took for gradients because of its range. Is range needed "
            "where there is a scale?",
            (_carry(_to_e5m2, 1, -1), _carry(_to_e5m2, 0, 0)),
        ),
        Misconception(
            "not rounded",
            "What you return is the gradient as it came, with more digits than 8 bits can hold.",
            (_carry(lambda x: x, 1, -1),),
        ),
        Misconception(
            "truncation for rounding",
            "Your digits are cut off, always towards 0. Is that the nearer value?",
            (_carry(lambda x: round_wrongly(x, whole=torch.trunc), 1, -1),),
        ),
    ),
    lesson="10",
    returns=("carried",),
    tolerance=1e-8,  # gradients are of size 1e-4
    margin=1e-6,
)
