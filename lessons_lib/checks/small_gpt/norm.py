"""Check of RMSNorm, against a loop in Python numbers. Letters: b batch, t position."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw_norm(rng: random.Random) -> dict[str, Any]:
    batch, position, dim = rng.randint(1, 2), rng.randint(2, 4), rng.randint(2, 5)
    x, weight = tenths(rng, batch, position, dim), tenths(rng, dim)
    return {"x": x, "weight": weight, "eps": rng.choice((0.1, 0.25, 0.5))}


def _norm_loop(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    out = torch.empty(x.shape, dtype=torch.float64)
    for b, row in enumerate(x.tolist()):
        for t, vector in enumerate(row):
            root = math.sqrt(sum(v * v for v in vector) / len(vector) + eps)
            out[b, t] = torch.tensor([v / root for v in vector]) * weight
    return out


def _norm_by(divisor: Callable[[Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Return a mistaken norm that divides by `divisor(x, eps)`."""
    return lambda x, weight, eps: x.double() / divisor(x.double(), eps) * weight


def _norm_over(axis: int | tuple[int, ...]) -> Callable[..., Tensor]:
    return _norm_by(lambda x, eps: (x.square().mean(axis, keepdim=True) + eps).sqrt())


def _layer_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return F.layer_norm(x.double(), x.shape[-1:], weight.double(), None, eps)


RMS_NORM = Exercise(
    "rms_norm",
    _draw_norm,
    _norm_loop,
    (
        Misconception(
            "norm over the wrong axis",
            "Each token has its own scale. Over which numbers is your mean taken: those of one token, "
            "or some that belong to others?",
            (_norm_over(1), _norm_over(0), _norm_over((0, 1)), _norm_over((1, 2)), _norm_over((0, 1, 2))),
        ),
        Misconception(
            "mean subtracted",
            "Try a vector whose numbers are all equal. RMSNorm gives about 1 times the weight; what do "
            "you get, and which older norm does that?",
            (_layer_norm,),
        ),
        Misconception(
            "sum for mean",
            "Make the vector twice as long by repeating it. RMSNorm should not notice; yours shrinks.",
            (_norm_by(lambda x, eps: (x.square().sum(-1, keepdim=True) + eps).sqrt()),),
        ),
        Misconception(
            "root missing",
            "Multiply x by 10 in your head: the result should hardly change. What does yours do, and "
            "which letter of R-M-S is not there yet?",
            (_norm_by(lambda x, eps: x.square().mean(-1, keepdim=True) + eps),),
        ),
        Misconception(
            "eps outside the root",
            "Nearly. eps is there so that a vector of zeros is not divided by zero; look again at what "
            "exactly it is added to in the formula.",
            (_norm_by(lambda x, eps: x.square().mean(-1, keepdim=True).sqrt() + eps),),
        ),
        Misconception(
            "weight forgotten",
            "The length is right. Which of the arguments have you not used?",
            (lambda x, weight, eps: _norm_loop(x, torch.ones_like(weight), eps),),
        ),
    ),
    lesson="01",
)
