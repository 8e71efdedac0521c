"""Check of the rotary embedding with halves paired, against a loop over pairs and positions."""

import math
import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, heads, position = rng.randint(1, 2), rng.randint(1, 2), rng.randint(2, 4)
    start, jump = rng.randint(1, 9), rng.choice((0, 0, 5))
    return {
        "x": tenths(rng, batch, heads, position, rng.choice((4, 6, 8))),
        "positions": torch.tensor([start + t + jump * (t > 1) for t in range(position)]),
        "theta": rng.choice((10.0, 50.0, 100.0)),
    }


def _loop(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    out, half = torch.empty(x.shape, dtype=torch.float64), x.shape[-1] // 2
    for t, position in enumerate(positions.tolist()):
        for i in range(half):
            angle = position * theta ** (-2 * i / x.shape[-1])
            a, b = x[..., t, i].double(), x[..., t, i + half].double()
            out[..., t, i] = a * math.cos(angle) - b * math.sin(angle)
            out[..., t, i + half] = b * math.cos(angle) + a * math.sin(angle)
    return out


def _rotate(
    x: Tensor,
    positions: Tensor,
    theta: float,
    *,
    turned: str = "halves",  # who is turned with whom: halves or neighbours
    angled: str = "halves",  # for which pairs the angles are laid out
    exponent: int = 2,  # pair i turns by theta ** (-exponent * i / width)
    sign: int = 1,
    start: int | None = None,  # count positions from here instead of using `positions`
    relative: bool = False,  # count them from the first row's
) -> Tensor:
    """Rotary embedding with one thing (or none) done the wrong way."""
    x, half = x.double(), x.shape[-1] // 2
    if start is not None:
        positions = torch.arange(start, start + len(positions))
    positions = positions - positions[0] if relative else positions
    powers = theta ** (-exponent * torch.arange(half, dtype=torch.float64) / x.shape[-1])
    angles = torch.outer(positions.double(), powers) * sign  # (position, half)
    angles = torch.cat([angles, angles], -1) if angled == "halves" else angles.repeat_interleave(2, -1)
    if turned == "halves":
        other = torch.cat([-x[..., half:], x[..., :half]], -1)
    else:
        other = torch.stack([-x[..., 1::2], x[..., 0::2]], -1).flatten(-2)
    return x * angles.cos() + other * angles.sin()


def _with_the_new_first(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    turned = _loop(x, positions, theta)
    again = torch.cat([turned[..., :half], x[..., half:].double()], -1)
    return torch.cat([turned[..., :half], _loop(again, positions, theta)[..., half:]], -1)


ROTATE = Exercise(
    "rotate_halves",
    _draw,
    _loop,
    (
        Misconception(
            "neighbours paired",
            "The angles are right, but not who is turned with whom. Take a width of 4 and write down "
            "which two channels share an angle in this exercise, and which two in your lines.",
            (
                partial(_rotate, turned="neighbours", angled="neighbours"),
                partial(_rotate, turned="halves", angled="neighbours"),
                partial(_rotate, turned="neighbours", angled="halves"),
            ),
        ),
        Misconception(
            "turned backwards",
            "Turn the pair (1, 0) by a quarter: it should land on (0, 1). Where does yours land?",
            (partial(_rotate, sign=-1),),
        ),
        Misconception(
            "positions not used",
            "Your first row behaves as if the text began with it. Which argument says where it stands?",
            (partial(_rotate, start=0), partial(_rotate, start=1), partial(_rotate, relative=True)),
        ),
        Misconception(
            "wrong frequencies",
            "The first pair is right, the others are not. Put i = 1 into the formula for the angle, and "
            "into your lines, and compare the exponents.",
            (partial(_rotate, exponent=1), partial(_rotate, exponent=-2)),
        ),
        Misconception(
            "second half turned with the new first",
            "The first half of the channels is right. By the time you turn the second, what has become of "
            "the first?",
            (_with_the_new_first,),
        ),
    ),
    lesson="01",
    edges={
        "the text's first position alone": lambda c: {"x": c["x"][:, :, :1], "positions": torch.tensor([0])},
        "positions that jump about": lambda c: {"positions": c["positions"].flip(0) ** 2},
        "one pair of channels": lambda c: {"x": c["x"][..., :2]},
        "far along in the text": lambda c: {"positions": c["positions"] + 150},
        "a theta of 10,000": lambda c: {"theta": 10_000.0},
    },
)
