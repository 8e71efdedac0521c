"""Checks of what YaRN does with its ramp and its factor: slower pairs, and sharper scores."""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw_pairs(rng: random.Random) -> dict[str, Any]:
    between = sorted(rng.randint(1, 9) / 10 for _ in range(rng.randint(1, 3)))
    ramp = [0.0] * rng.randint(1, 2) + between + [1.0] * rng.randint(1, 2)
    turned = sorted((rng.randint(2, 30) / 10 for _ in ramp), reverse=True)
    return {
        "frequencies": torch.tensor(turned),
        "ramp": torch.tensor(ramp),
        "factor": rng.choice((4.0, 8.0, 16.0, 40.0)),
    }


def _slow_loop(frequencies: Tensor, ramp: Tensor, factor: float) -> Tensor:
    out = []
    for angle, share in zip(frequencies.tolist(), ramp.tolist(), strict=True):
        slowest = angle / factor
        out.append(angle + share * (slowest - angle))  # so far along the way from usual to slowest
    return torch.tensor(out, dtype=torch.float64)


SLOW_PAIRS = Exercise(
    "slow_pairs",
    _draw_pairs,
    _slow_loop,
    (
        Misconception(
            "factor multiplied",
            "Your pairs turn faster than before. A text that is so much longer should meet the angles "
            "that the short one met.",
            (lambda f, ramp, s: f * (1 - ramp) + f * s * ramp,),
        ),
        Misconception(
            "ramp inverted",
            "Look at the first pair: its ramp is 0, and you slow it down. What does a ramp of 0 say?",
            (lambda f, ramp, s: f * ramp + f / s * (1 - ramp),),
        ),
        Misconception(
            "all pairs slowed",
            "Every pair is slowed down by the whole factor. Which argument says that some should not be?",
            (lambda f, ramp, s: f / s,),
        ),
        Misconception(
            "factor on the ramp",
            "Both ends are right. In between you go a part of the way to the factor and divide then; the "
            "formula mixes two angles, each of them already worked out.",
            (lambda f, ramp, s: f / (1 + ramp * (s - 1)), lambda f, ramp, s: f * s**-ramp),
        ),
        Misconception(
            "slowed part only",
            "The slow pairs are right, the fast ones stand still. What is the other part of the mixture?",
            (lambda f, ramp, s: f / s * ramp,),
        ),
    ),
    lesson="18",
    returns=("slowed",),
    edges={
        "one pair": lambda c: {n: c[n][:1] for n in ("frequencies", "ramp")},
        "a ramp of zeros": lambda c: {"ramp": 0 * c["ramp"]},
        "a ramp of ones": lambda c: {"ramp": 0 * c["ramp"] + 1},
        "very slow pairs": lambda c: {"frequencies": c["frequencies"] / 10_000},
        "a factor just above 1": lambda c: {"factor": 1.25},
    },
)


def _draw_scores(rng: random.Random) -> dict[str, Any]:
    dots = (10 * tenths(rng, rng.randint(1, 2), rng.randint(2, 3), rng.randint(2, 4))).round()
    n = rng.choice((8, 12, 16, 24, 32))
    return {
        "dots": dots,
        "n": n,
        "r": n // rng.choice((1, 2, 4)),
        "factor": rng.choice((16.0, 24.0, 32.0, 40.0, 64.0)),
    }


def _score_loop(dots: Tensor, n: int, r: int, factor: float) -> Tensor:
    m = 1.0 + math.log(factor) / 10
    out = dots.double()
    for _ in range(2):  # as if the query had been multiplied by m, then the key
        out = out * m
    return out / math.sqrt(n + r)


def _scores(
    dots: Tensor,
    n: int,
    r: int,
    factor: float,
    *,
    power: int = 2,
    m: Callable[[float], float] = lambda s: 0.1 * math.log(s) + 1,
    width: Callable[[int, int], float] = lambda n, r: math.sqrt(n + r),
) -> Tensor:
    """Scale with one thing (or none) done the wrong way."""
    return dots.double() * m(factor) ** power / width(n, r)


YARN_SCORES = Exercise(
    "yarn_scores",
    _draw_scores,
    _score_loop,
    (
        Misconception(
            "mscale once",
            "Think of m as multiplied into the query and into the key. How often does their product have it?",
            (partial(_scores, power=1),),
        ),
        Misconception(
            "mscale left out",
            "That is the usual scale, and `factor` has no effect on your scores. Where does YaRN's m come "
            "in?",
            (partial(_scores, power=0),),
        ),
        Misconception(
            "mscale divides",
            "Among more keys the weights get flatter. Do your scores make them sharper again, or flatter "
            "still?",
            (partial(_scores, power=-2), partial(_scores, power=-1)),
        ),
        Misconception(
            "logarithm to base 10",
            "Your m is too small. Of which base is the logarithm that the formula asks for?",
            (partial(_scores, m=lambda s: 0.1 * math.log10(s) + 1),),
        ),
        Misconception(
            "a tenth forgotten",
            "Your scores are several times too large. With a factor of 40, m should be about 1.4.",
            (partial(_scores, m=lambda s: math.log(s) + 1),),
        ),
        Misconception(
            "scale without the rotary part",
            "Your m is right. By the root of which width are scores divided?",
            (partial(_scores, width=lambda n, r: math.sqrt(n)),),
        ),
        Misconception(
            "root forgotten",
            "Your m is right, and the width too; but the scores are too small by far. What is taken of "
            "the width before one divides by it?",
            (partial(_scores, width=lambda n, r: n + r),),
        ),
    ),
    lesson="18",
    returns=("scores",),
    edges={
        "one query and one key": lambda c: {"dots": c["dots"][:1, :1, :1]},
        "dot products of zero": lambda c: {"dots": 0 * c["dots"]},
        "a factor just above 1": lambda c: {"factor": 1.25},
        "DeepSeek-V3": lambda c: {"n": 128, "r": 64, "factor": 40.0},
    },
)
