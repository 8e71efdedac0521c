"""Check of the YaRN paper's ramp, against counting the turns of one rotary pair after the other.

Straight over the number of turns (arXiv:2309.00071, section 3.2), where the released code of DeepSeek, which
the lesson builds, is straight over the index of the pair. Cases are drawn in which both ends of the ramp lie
inside the pairs, and apart.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _turns(pair: float, width: int, theta: float, length: int) -> float:
    return length * theta ** (-2 * pair / width) / (2 * math.pi)


def _pair(turns: float, width: int, theta: float, length: int) -> float:
    return width * math.log(length / (2 * math.pi * turns)) / (2 * math.log(theta))


def _draw(rng: random.Random) -> dict[str, Any]:
    while True:
        case: dict[str, Any] = {
            "width": rng.choice((24, 32, 48, 64)),
            "theta": rng.choice((500.0, 2000.0, 10_000.0, 50_000.0)),
            "length": rng.choice((256, 512, 1024, 2048, 4096)),
            "beta_fast": rng.choice((8, 16, 32)),
            "beta_slow": rng.choice((1, 2)),
        }
        *of_pair, fast, slow = case.values()
        low, high = _pair(fast, *of_pair), _pair(slow, *of_pair)
        if 1 < low < high - 3 and high < case["width"] // 2 - 2:
            return case


def _counted(width: int, theta: float, length: int, beta_fast: float, beta_slow: float) -> Tensor:
    out = []
    for pair in range(width // 2):
        turns = _turns(pair, width, theta, length)
        share = (beta_fast - turns) / (beta_fast - beta_slow)
        out.append(0.0 if turns >= beta_fast else 1.0 if turns <= beta_slow else share)
    return torch.tensor(out, dtype=torch.float64)


def _ramp(
    width: int,
    theta: float,
    length: int,
    beta_fast: float,
    beta_slow: float,
    *,
    turn: float = 2 * math.pi,  # the angle of a full turn
    stride: float = 2.0,  # channels from pair to pair
    scale: Callable[[Tensor], Tensor] = lambda turns: turns,  # over which the ramp is straight
    clamped: bool = True,
) -> Tensor:
    """Build the ramp with one thing (or none) done the wrong way."""
    at = torch.arange(width // 2, dtype=torch.float64)
    turns = length * theta ** (-stride * at / width) / turn
    ends = torch.tensor([beta_fast, beta_slow], dtype=torch.float64)
    fast, slow = scale(ends)
    ramp = (fast - scale(turns)) / (fast - slow)
    return ramp.clamp(0, 1) if clamped else ramp


def _over_pairs(
    width: int, theta: float, length: int, beta_fast: float, beta_slow: float, whole: bool
) -> Tensor:
    """Draw the ramp over the index of the pair, as DeepSeek's code does; `whole`: with its rounded ends."""
    low, high = (_pair(turns, width, theta, length) for turns in (beta_fast, beta_slow))
    if whole:
        low, high = math.floor(low), math.ceil(high)
    return ((torch.arange(width // 2, dtype=torch.float64) - low) / (high - low)).clamp(0, 1)


RAMP_OF_TURNS = Exercise(
    "ramp_of_turns",
    _draw,
    _counted,
    (
        Misconception(
            "ramp inverted",
            "Your fast pairs are slowed down and your slow ones are not. Which of them have shown the "
            "model every angle?",
            (lambda *case: 1 - _ramp(*case),),
        ),
        Misconception(
            "over the pairs",
            "That is the ramp of the lesson, straight from pair to pair. Here it should be straight if drawn "
            "over the number of turns.",
            (partial(_over_pairs, whole=True), partial(_over_pairs, whole=False)),
        ),
        Misconception(
            "over the wavelengths",
            "Your ramp is straight over the tokens that a turn takes. Here it should be straight over turns.",
            (partial(_ramp, scale=lambda turns: 1 / turns),),
        ),
        Misconception(
            "radians for turns",
            "Your ramp lies too far to the slow side. An angle is counted in radians: how many make a turn?",
            (partial(_ramp, turn=1.0),),
        ),
        Misconception(
            "channels for pairs",
            "Your pairs turn too fast: the exponent counts channels, of which a pair has two.",
            (partial(_ramp, stride=1.0),),
        ),
        Misconception(
            "not cut off",
            "Between the ends it is right. Outside, can a pair be slowed down by less than nothing, or by "
            "more than all?",
            (partial(_ramp, clamped=False),),
        ),
    ),
    lesson="18",
    returns=("ramp",),
    edges={
        "DeepSeek-V3": lambda c: {
            "width": 64,
            "theta": 10_000.0,
            "length": 4096,
            "beta_fast": 32,
            "beta_slow": 1,
        },
        "a wide head": lambda c: {
            "width": 256,
            "theta": 500_000.0,
            "length": 8192,
            "beta_fast": 16,
            "beta_slow": 2,
        },
    },
)
