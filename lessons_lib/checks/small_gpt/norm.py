"""Check of RMSNorm, against a loop in Python numbers. Letters: b batch, t position."""

import math
import random
from functools import partial
from typing import Any

import torch
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


def _norm(
    x: Tensor,
    weight: Tensor,
    eps: float,
    *,
    axis: int | tuple[int, ...] = -1,
    centre: bool = False,
    spread: bool = False,  # a standard deviation for the root mean square
    total: bool = False,  # a sum where a mean belongs
    root: bool = True,
    outside: bool = False,  # eps added to the root, not under it
    weighed: bool = True,
) -> Tensor:
    """Normalise with one thing (or none) done the wrong way."""
    x = x.double()
    x = x - x.mean(axis, keepdim=True) if centre else x
    size = x.square().sum(axis, keepdim=True) if total else x.square().mean(axis, keepdim=True)
    size = x.var(axis, keepdim=True, correction=0) if spread else size
    size = size + (0.0 if outside else eps)
    size = (size.sqrt() if root else size) + (eps if outside else 0.0)
    return x / size * weight if weighed else x / size


RMS_NORM = Exercise(
    "rms_norm",
    _draw_norm,
    _norm_loop,
    (
        Misconception(
            "norm over the wrong axis",
            "Each token has its own scale. Over which numbers is your mean taken: those of one token, "
            "or some that belong to others?",
            tuple(partial(_norm, axis=axis) for axis in (1, 0, (0, 1), (1, 2), (0, 1, 2))),
        ),
        Misconception(
            "mean subtracted",
            "Try a vector whose numbers are all equal. RMSNorm gives about 1 times the weight; what do "
            "you get, and which older norm does that?",
            (partial(_norm, centre=True),),
        ),
        Misconception(
            "divided by the standard deviation",
            "You divide by how far the numbers are from their mean. Try a vector whose numbers are all "
            "equal: how large does it become, and what is its root mean square?",
            (
                partial(_norm, spread=True),
                lambda x, weight, eps: x / (x.var(-1, keepdim=True) + eps).sqrt() * weight,
                lambda x, weight, eps: x / (x.std(-1, keepdim=True) + eps) * weight,
            ),
        ),
        Misconception(
            "sum for mean",
            "Make the vector twice as long by repeating it. RMSNorm should not notice; yours shrinks.",
            (partial(_norm, total=True),),
        ),
        Misconception(
            "root missing",
            "Multiply x by 10 in your head: the result should hardly change. What does yours do, and "
            "which letter of R-M-S is not there yet?",
            (partial(_norm, root=False),),
        ),
        Misconception(
            "eps outside the root",
            "Nearly. eps is there so that a vector of zeros is not divided by zero; look again at what "
            "exactly it is added to in the formula.",
            (partial(_norm, outside=True),),
        ),
        Misconception(
            "weight forgotten",
            "The division is right. After it, what does the formula multiply by?",
            (partial(_norm, weighed=False),),
        ),
    ),
    lesson="01",
    forbidden=("rms_norm", "layer_norm", "normalize", "lessons_lib"),
    edges={
        "one text of one position": lambda c: {"x": c["x"][:1, :1]},
        "one channel": lambda c: {"x": c["x"][..., :1], "weight": c["weight"][:1]},
        "a vector of zeros": lambda c: {"x": 0 * c["x"], "eps": 1e-6},
        "small numbers": lambda c: {"x": c["x"] / 1000, "eps": 1e-6},
        "large numbers": lambda c: {"x": c["x"] * 1000},
        "weights of zero": lambda c: {"weight": 0 * c["weight"]},
        "eps of zero": lambda c: {"x": c["x"].abs() + 1, "eps": 0.0},
    },
)
