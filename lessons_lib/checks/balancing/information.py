"""Check of what an expert tells about the domain beyond the letter, against entropies letter by letter."""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    """Draw a table with zeros in which every letter occurs, one more often than the others."""
    n_letters, n_domains, n_experts = rng.randint(2, 3), rng.randint(2, 4), rng.randint(2, 4)
    while True:
        counts = [rng.choice((0, rng.randint(1, 20))) for _ in range(n_letters * n_domains * n_experts)]
        table = torch.tensor(counts).view(n_letters, n_domains, n_experts)
        table[rng.randrange(n_letters)] *= 4
        if (
            (table == 0).any()
            and table.sum((1, 2)).all()
            and table.sum((0, 2)).all()
            and table.sum((0, 1)).all()
        ):
            return {"table": table}


def _entropy_of(counts: list[int]) -> float:
    return -sum(n / sum(counts) * math.log2(n / sum(counts)) for n in counts if n)


def _by_entropies(table: Tensor) -> Tensor:
    """Return the mean over all tokens of H(domain) + H(expert) - H(both) of the token's letter."""
    bits = 0.0
    for of_letter in table:
        apart = _entropy_of(of_letter.sum(1).tolist()) + _entropy_of(of_letter.sum(0).tolist())
        share = of_letter.sum().item() / table.sum().item()
        bits += share * (apart - _entropy_of(of_letter.flatten().tolist()))
    return torch.tensor(bits, dtype=torch.float64)


def _of_letters(p: Tensor) -> Tensor:
    return p.sum((1, 2), keepdim=True)


def _apart(p: Tensor) -> Tensor:
    """Return what the shares (letters, domains, experts) would be if, letter by letter, nobody cared."""
    return p.sum(2, keepdim=True) * p.sum(1, keepdim=True) / _of_letters(p)


def _information(
    table: Tensor,
    *,
    start: Callable[[Tensor], Tensor] = lambda table: table,
    weigh: Callable[[Tensor], Tensor] = lambda p: p,
    apart: Callable[[Tensor], Tensor] = _apart,
    log: Callable[[Tensor], Tensor] = torch.log2,
    zeros_left_out: bool = True,
) -> Tensor:
    """Sum p log(p / apart) with one thing (or none) done the wrong way."""
    counts = start(table.double())
    p = counts / counts.sum()
    terms = weigh(p) * log(p / apart(p))
    return terms[p > 0].sum() if zeros_left_out else terms.sum()


INFORMATION_BEYOND = Exercise(
    "information_beyond",
    _draw,
    _by_entropies,
    (
        Misconception(
            "nats for bits",
            "Your number is too small by one factor, whatever the table. Of which base is the logarithm of "
            "a bit?",
            (partial(_information, log=torch.log),),
        ),
        Misconception(
            "zero times log zero",
            "There is a NaN. What is log(0), and what is 0 times that? What never occurred adds nothing to "
            "the sum, but the computer does not know that.",
            (partial(_information, zeros_left_out=False),),
        ),
        Misconception(
            "letters summed away",
            "You add up the letters first. Then an expert that goes by the letter alone tells something "
            "about the domain again. When should one letter's table meet the next one's?",
            (partial(_information, start=lambda table: table.sum(0, keepdim=True)),),
        ),
        Misconception(
            "letters counted equally",
            "You take the mean of the letters' numbers. In a text, a rare letter is not seen as often as a "
            "common one.",
            (partial(_information, weigh=lambda p: p / _of_letters(p) / len(p)),),
        ),
        Misconception(
            "letters added up",
            "With a single letter it is right. You add the letters' numbers; a token has one letter.",
            (partial(_information, weigh=lambda p: p / _of_letters(p)),),
        ),
        Misconception(
            "letter and expert together",
            "Your number says what letter and expert tell together. The letter alone tells something: how "
            "much is left for the expert?",
            (
                partial(
                    _information,
                    apart=lambda p: p.sum((0, 2), keepdim=True) * p.sum(1, keepdim=True),
                ),
            ),
        ),
        Misconception(
            "domain's share over all letters",
            "You compare with shares of the whole text. If, among the tokens of one letter, experts did not "
            "care about domains, what would be the share of a pair there?",
            (
                partial(
                    _information,
                    apart=lambda p: (
                        _of_letters(p) * p.sum((0, 2), keepdim=True) * p.sum((0, 1), keepdim=True)
                    ),
                ),
                partial(
                    _information,
                    apart=lambda p: p.sum(2, keepdim=True) * p.sum((0, 1), keepdim=True),
                ),
            ),
        ),
        Misconception(
            "counts for shares",
            "Double every count: nothing is learned about the domain. But your number changes.",
            (lambda table: table.sum() * _information(table),),
        ),
    ),
    lesson="06",
    returns=("bits",),
    edges={
        "experts that know nothing of domains": lambda c: {"table": torch.full((2, 3, 4), 5)},
        "experts that go by the letter alone": lambda c: {
            "table": torch.tensor([[[9, 0], [3, 0]], [[0, 2], [0, 8]]])
        },
        "an expert for each domain": lambda c: {"table": torch.eye(3, dtype=torch.int64).expand(2, 3, 3) * 7},
        "one letter": lambda c: {"table": c["table"].sum(0, keepdim=True)},
        "one domain": lambda c: {"table": c["table"].sum(1, keepdim=True)},
        "one expert": lambda c: {"table": c["table"].sum(2, keepdim=True)},
        "many tokens": lambda c: {"table": c["table"] * 100_000},
    },
)
