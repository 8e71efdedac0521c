"""Check of an expert's load and the maximum violation, against counting choice by choice."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

Counted = tuple[Tensor, Tensor]


def _draw(rng: random.Random) -> dict[str, Any]:
    """Draw choices in which the last expert is idle, and at least one before it; in a third nobody is."""
    idle = rng.random() < 2 / 3
    while True:
        n, n_experts, k = rng.randint(3, 6), rng.randint(5, 7), rng.randint(2, 3)
        at_work = rng.sample(range(n_experts - 1), n_experts - 2) if idle else range(n_experts)
        ids = torch.tensor([rng.sample(at_work, k) for _ in range(n)])
        if idle or len(ids.unique()) == n_experts:
            return {"ids": ids, "n_experts": n_experts}


def _loop(ids: Tensor, n_experts: int) -> Counted:
    load = [0] * n_experts
    for row in ids.tolist():
        for expert in row:
            load[expert] += 1
    shares = torch.tensor([n / sum(load) for n in load], dtype=torch.float64)
    return shares, torch.tensor(max(load) * n_experts / sum(load) - 1, dtype=torch.float64)


def _load(
    ids: Tensor,
    n_experts: int,
    *,
    count: Callable[[Tensor, int], Tensor] = lambda ids, n: torch.bincount(ids.flatten(), minlength=n),
    share_of: Callable[[Tensor], int] = torch.numel,
    violation: Callable[[Tensor, Tensor, int], Tensor] = lambda load, shares, n: load.max() / load.mean() - 1,
) -> Counted:
    """Count with one thing (or none) done the wrong way."""
    load = count(ids, n_experts).double()
    shares = load / share_of(ids)
    return shares, violation(load, shares, n_experts)


def _by_share(load: Tensor, shares: Tensor, n: int) -> Tensor:
    return shares.max() * n - 1


def _present(ids: Tensor, n: int) -> Tensor:
    return ids.unique(return_counts=True)[1]


def _up_to_the_last(ids: Tensor, n: int) -> Tensor:
    return torch.bincount(ids.flatten())


LOAD_SHARES = Exercise(
    "load_shares",
    _draw,
    _loop,
    (
        Misconception(
            "share of tokens",
            "Your shares add up to more than 1. A token chooses several experts: of what should an expert's "
            "share be a part?",
            (partial(_load, share_of=len), partial(_load, share_of=len, violation=_by_share)),
        ),
        Misconception(
            "idle experts left out",
            "An expert without a token has a load, too. How many shares should there be?",
            tuple(
                partial(_load, count=count, violation=violation)
                for count in (_present, _up_to_the_last)
                for violation in (lambda load, shares, n: load.max() / load.mean() - 1, _by_share)
            ),
        ),
        Misconception(
            "first choices only",
            "You count each token once, at its best expert. Who else works for it?",
            (
                partial(_load, count=lambda ids, n: torch.bincount(ids[:, 0], minlength=n), share_of=len),
                partial(_load, count=lambda ids, n: torch.bincount(ids[:, 0], minlength=n)),
            ),
        ),
        Misconception(
            "difference for quotient",
            "Your shares are right. Your violation is how far the busiest expert lies above the mean in "
            "tokens or in shares. In multiples of what is it counted?",
            (
                partial(_load, violation=lambda load, shares, n: load.max() - load.mean()),
                partial(_load, violation=lambda load, shares, n: shares.max() - 1 / n),
            ),
        ),
        Misconception(
            "one not taken off",
            "Your shares are right. What does your violation give for a load that is even, and what should "
            "it?",
            (partial(_load, violation=lambda load, shares, n: load.max() / load.mean()),),
        ),
        Misconception(
            "distance from the least busy expert",
            "Your shares are right. Your violation changes with the load of the least busy expert. "
            "With which load does the text compare the largest?",
            (
                partial(_load, violation=lambda load, shares, n: (load.max() - load.min()) / load.mean()),
                partial(_load, violation=lambda load, shares, n: load.max() - load.min()),
                partial(_load, violation=lambda load, shares, n: shares.max() - shares.min()),
            ),
        ),
    ),
    lesson="05",
    returns=("shares", "violation"),
    edges={
        "one token": lambda c: {"ids": c["ids"][:1]},
        "one choice for each token": lambda c: {"ids": c["ids"][:, :1]},
        "all at the first expert": lambda c: {"ids": c["ids"][:, :1] * 0},
        "all at the last expert": lambda c: {"ids": c["ids"][:, :1] * 0 + c["n_experts"] - 1},
        "an even load": lambda c: {"ids": torch.arange(c["n_experts"]).flip(0)[:, None]},
        "a single expert": lambda c: {"ids": c["ids"][:, :1] * 0, "n_experts": 1},
    },
)
