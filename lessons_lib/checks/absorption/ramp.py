"""Check of YaRN's ramp, against counting the turns of one rotary pair after the other.

Cases are drawn in which both ends of the ramp lie inside the pairs, off whole numbers, and apart.
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
        clear = all(0.1 < end % 1 < 0.9 for end in (low, high))  # or rounding would be a matter of luck
        if clear and 1 < low < high - 2 and high < case["width"] // 2 - 2:
            return case


def _counted(width: int, theta: float, length: int, beta_fast: float, beta_slow: float) -> Tensor:
    """Find the last pair with `beta_fast` turns or more, the first with `beta_slow` or fewer."""
    turns = [_turns(i, width, theta, length) for i in range(width // 2)]
    low = max(i for i, n in enumerate(turns) if n >= beta_fast)
    high = min(i for i, n in enumerate(turns) if n <= beta_slow)
    out = [0.0 if i < low else 1.0 if i > high else (i - low) / (high - low) for i in range(width // 2)]
    return torch.tensor(out, dtype=torch.float64)


def _ramp(
    width: int,
    theta: float,
    length: int,
    beta_fast: float,
    beta_slow: float,
    *,
    turn: float = 2 * math.pi,  # the angle of a full turn
    stride: float = 1.0,  # what an index counts, in pairs: half a pair is a channel
    floor: Callable[[float], float] = math.floor,
    ceil: Callable[[float], float] = math.ceil,
    exchanged: bool = False,
    least: float | None = None,  # high - low is at least this, as in DeepSeek's code
    clamped: bool = True,
) -> Tensor:
    """Build the ramp with one thing (or none) done the wrong way."""
    ends = (beta_slow, beta_fast) if exchanged else (beta_fast, beta_slow)
    low, high = (_pair(turns * turn / (2 * math.pi), width, theta, length) / stride for turns in ends)
    low, high = floor(low), ceil(high)
    rise = high - low if least is None else max(high - low, least)
    ramp = (torch.arange(width // 2, dtype=torch.float64) - low) / rise
    return ramp.clamp(0, 1) if clamped else ramp


def _over_turns(width: int, theta: float, length: int, beta_fast: float, beta_slow: float) -> Tensor:
    """Draw the ramp over the number of turns, as the YaRN paper does."""
    turns = torch.tensor([_turns(i, width, theta, length) for i in range(width // 2)], dtype=torch.float64)
    return ((beta_fast - turns) / (beta_fast - beta_slow)).clamp(0, 1)


YARN_RAMP = Exercise(
    "yarn_ramp",
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
            "betas exchanged",
            "Pair 0 turns fastest. At which end of the row, then, do the pairs with beta_fast turns lie?",
            (partial(_ramp, exchanged=True), partial(_ramp, exchanged=True, least=0.001)),
        ),
        Misconception(
            "ramp over the turns",
            "That is the ramp of the YaRN paper, straight if drawn over the number of turns. DeepSeek's is "
            "straight if drawn over something else.",
            (_over_turns,),
        ),
        Misconception(
            "radians for turns",
            "Your ramp lies too far to the slow side. An angle is counted in radians: how many make a turn?",
            (partial(_ramp, turn=1.0),),
        ),
        Misconception(
            "channels for pairs",
            "Your ends lie at twice the index at which they should. Are you counting channels, or pairs?",
            (partial(_ramp, stride=0.5),),
        ),
        Misconception(
            "ends not rounded",
            "The ends of your ramp lie between pairs. Each should be a whole pair, further out.",
            (partial(_ramp, floor=float, ceil=float),),
        ),
        Misconception(
            "ends rounded inwards",
            "An end of your ramp is a pair too far inside. Which way should each of the two be rounded?",
            (
                partial(_ramp, floor=math.ceil, ceil=math.floor),
                partial(_ramp, ceil=math.floor),
                partial(_ramp, floor=math.ceil),
                partial(_ramp, floor=round, ceil=round),
            ),
        ),
        Misconception(
            "not cut off",
            "Between the ends it is right. Outside, can a pair be slowed down by less than nothing, or by "
            "more than all?",
            (partial(_ramp, clamped=False),),
        ),
    ),
    lesson="04",
    returns=("ramp",),
)
