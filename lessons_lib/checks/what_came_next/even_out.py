"""Check of Newton-Schulz, against a singular value decomposition and the polynomial of each value."""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths

A, B, C = 3.4445, -4.7750, 2.0315


def _draw(rng: random.Random) -> dict[str, Any]:
    rows, columns = rng.randint(2, 4), rng.randint(2, 4)
    g = tenths(rng, rows, columns)
    g[0, 0], g[1, 1] = 1.3, -0.7  # never all zeros, never of rank 1
    return {"g": g, "rounds": rng.randint(1, 2)}


def _decomposed(g: Tensor, rounds: int) -> Tensor:
    u, s, vt = torch.linalg.svd(g, full_matrices=False)
    s = s / s.square().sum().sqrt()
    for _ in range(rounds):
        s = A * s + B * s**3 + C * s**5
    return u @ torch.diag(s) @ vt


def _rounds(g: Tensor, rounds: int, *, by: str = "all", fifth: float = C, more: int = 0) -> Tensor:
    """Even out with one thing (or none) done the wrong way."""
    scale = {"all": g.norm(), "largest": torch.linalg.matrix_norm(g, 2), "nothing": torch.tensor(1.0)}
    scale |= {"squares": g.square().sum()}
    x = g / scale[by]
    for _ in range(rounds + more):
        square = x @ x.T
        x = A * x + (B * square + fifth * square @ square) @ x
    return x


def _number_by_number(g: Tensor, rounds: int) -> Tensor:
    x = g / g.norm()
    for _ in range(rounds):
        x = A * x + B * x**3 + C * x**5
    return x


EVEN_OUT = Exercise(
    "even_out",
    _draw,
    _decomposed,
    (
        Misconception(
            "not made small first",
            "Your matrix goes into the first round as it came. For which singular values is the polynomial?",
            (partial(_rounds, by="nothing"),),
        ),
        Misconception(
            "divided by the largest singular value",
            "You begin with a largest singular value of exactly 1. The text divides by another length.",
            (partial(_rounds, by="largest"),),
        ),
        Misconception(
            "the fifth power left out",
            "Your polynomial ends with the third power.",
            (partial(_rounds, fifth=0.0),),
        ),
        Misconception(
            "a round too few",
            "What you return is what the matrix was one round earlier.",
            (partial(_rounds, more=-1),),
        ),
        Misconception(
            "the root forgotten",
            "Make g ten times as large: your result changes, and should not. By which length do you "
            "divide at the start?",
            (partial(_rounds, by="squares"),),
        ),
        Misconception(
            "powers of single numbers",
            "You take the powers of single numbers. The equation multiplies matrices, and so acts on "
            "singular values.",
            (_number_by_number,),
        ),
    ),
    lesson="19",
    returns=("evened",),
    edges={
        "one round": lambda c: {"rounds": 1},
        "no round": lambda c: {"rounds": 0},
        "tall": lambda c: {"g": torch.tensor([[3.0, 1.0], [0.0, 2.0], [1.0, 0.5]])},
        "large numbers": lambda c: {"g": 1000 * c["g"], "rounds": 1},
        "small numbers": lambda c: {"g": c["g"] / 100},
        "singular values all equal": lambda c: {"g": torch.eye(3)},
    },
)
