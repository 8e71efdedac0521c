"""Check of Sinkhorn's rounds, against loops over columns and rows."""

import math
import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(2, 4)
    return {"logits": 2 * tenths(rng, n, n), "times": rng.randint(1, 3)}


def _loops(logits: Tensor, times: int) -> Tensor:
    m = [[math.exp(x) for x in row] for row in logits.tolist()]
    n = len(m)
    for _ in range(times):
        sums = [sum(m[i][j] for i in range(n)) for j in range(n)]
        m = [[m[i][j] / sums[j] for j in range(n)] for i in range(n)]
        m = [[x / sum(row) for x in row] for row in m]
    return torch.tensor(m)


def _mixed(
    logits: Tensor, times: int, *, first: int = -2, form=torch.exp, fixed: int | None = None
) -> Tensor:
    """Mix with one thing (or none) done the wrong way; `first` is the axis of the first sums."""
    m = form(logits)
    for _ in range(times if fixed is None else fixed):
        m = m / m.sum(first, keepdim=True)
        m = m / m.sum(-3 - first, keepdim=True)
    return m


def _at_once(logits: Tensor, times: int) -> Tensor:
    m = logits.exp()
    for _ in range(times):
        m = m / m.sum(-2, keepdim=True) / m.sum(-1, keepdim=True)
    return m


MIX = Exercise(
    "mixing_matrix",
    _draw,
    _loops,
    (
        Misconception(
            "columns last",
            "Your columns sum to 1 exactly, your rows only nearly. Which of them comes last in the text?",
            (partial(_mixed, first=-1),),
        ),
        Misconception(
            "one round whatever is asked",
            "Your result is the same for any number of rounds.",
            (partial(_mixed, fixed=1),),
        ),
        Misconception(
            "both sums of the same matrix",
            "You divide by sums of rows that were taken before the columns were divided.",
            (_at_once,),
        ),
        Misconception(
            "squares for exponentials",
            "Your numbers are made positive in another way than by the exponential.",
            (partial(_mixed, form=lambda x: x.square() + 1e-9),),
        ),
    ),
    lesson="19",
    returns=("matrix",),
    edges={
        "one round": lambda c: {"times": 1},
        "many rounds": lambda c: {"times": 20},
        "two streams": lambda c: {"logits": torch.tensor([[1.0, 0.0], [0.5, 2.0]])},
        "all equal": lambda c: {"logits": torch.zeros(3, 3)},
        "negative": lambda c: {"logits": -c["logits"].abs() - 1},
        "one stream": lambda c: {"logits": torch.tensor([[0.7]])},
    },
)
