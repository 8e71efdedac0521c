"""Check of what an expert's number tells about the domain, against entropies counted in Python numbers."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    """Draw a table with a zero or more, in which no row and no column is empty."""
    while True:
        n_domains, n_experts = rng.randint(2, 4), rng.randint(2, 4)
        counts = [rng.choice((0, rng.randint(1, 30))) for _ in range(n_domains * n_experts)]
        table = torch.tensor(counts).view(n_domains, n_experts)
        if (table == 0).any() and table.sum(0).all() and table.sum(1).all():
            return {"table": table}


def _entropy_of(counts: list[int]) -> float:
    return -sum(n / sum(counts) * math.log2(n / sum(counts)) for n in counts if n)


def _by_entropies(table: Tensor) -> Tensor:
    """Return H(domain) + H(expert) - H(both)."""
    of_one = _entropy_of(table.sum(1).tolist()) + _entropy_of(table.sum(0).tolist())
    return torch.tensor(of_one - _entropy_of(table.flatten().tolist()), dtype=torch.float64)


def _rows_equal(table: Tensor) -> Tensor:
    return table / table.sum(1, keepdim=True) / len(table)


def _information(
    table: Tensor,
    *,
    start: Callable[[Tensor], Tensor] = lambda table: table / table.sum(),
    apart: Callable[[Tensor], Tensor] = lambda p: p.sum(1, keepdim=True) * p.sum(0, keepdim=True),
    log: Callable[[Tensor], Tensor] = torch.log2,
    zeros_left_out: bool = True,
) -> Tensor:
    """Sum p log(p / apart) with one thing (or none) done the wrong way."""
    p = start(table.double())
    terms = p * log(p / apart(p))
    return terms[p > 0].sum() if zeros_left_out else terms.sum()


def _entropy(axis: int | None) -> Callable[[Tensor], Tensor]:
    return lambda table: torch.tensor(
        _entropy_of((table.flatten() if axis is None else table.sum(axis)).tolist()), dtype=torch.float64
    )


def _answer(**changes: Any) -> Callable[[Tensor], Tensor]:
    return lambda table: _information(table, **changes)


EXPERT_INFORMATION = Exercise(
    "expert_information",
    _draw,
    _by_entropies,
    (
        Misconception(
            "nats for bits",
            "Your number is too small by one factor, whatever the table. Of which base is the logarithm of "
            "a bit?",
            (_answer(log=torch.log),),
        ),
        Misconception(
            "zero times log zero",
            "There is a NaN. What is log(0), and what is 0 times that? An expert that a domain never chose "
            "adds nothing to the sum, but the computer does not know that.",
            (_answer(zeros_left_out=False),),
        ),
        Misconception(
            "domains counted equally",
            "You make each domain's row add up to 1 first. Then a rare domain counts as much as a common "
            "one.",
            (
                _answer(start=_rows_equal),
                _answer(start=lambda table: table / table.sum(1, keepdim=True)),
            ),
        ),
        Misconception(
            "entropy for information",
            "You return an entropy: how uncertain a choice is, and not how much of it the other one tells. "
            "If experts did not care about domains, what would your number be?",
            (_entropy(0), _entropy(1), _entropy(None)),
        ),
        Misconception(
            "one of the shares left out",
            "You compare with the share of the domain, or with that of the expert. If they did not care "
            "about each other, what would be the share of a pair?",
            (
                _answer(apart=lambda p: p.sum(1, keepdim=True)),
                _answer(apart=lambda p: p.sum(0, keepdim=True)),
            ),
        ),
        Misconception(
            "counts for shares",
            "Double every count: nothing is learned about the domain. But your number changes.",
            (
                lambda table: table.sum() * _information(table),
                _answer(start=lambda table: table),
            ),
        ),
    ),
    lesson="06",
    returns=("bits",),
)
