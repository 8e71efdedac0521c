"""Draw the numbers of a check's cases: few decimals, so that a case can be printed and pasted.

Draws come from a `random.Random` that the checker seeds afresh each time, never from global ones.
"""

import random
from typing import Any

import torch
from torch import Tensor


def tenths(rng: random.Random, *shape: int) -> Tensor:
    """Return a float32 tensor of the given shape, each value one of -2.0, -1.9, ..., 2.0."""
    numbers = [rng.randint(-20, 20) / 10 for _ in range(torch.Size(shape).numel())]
    return torch.tensor(numbers).reshape(shape)


def distinct(rng: random.Random, *shape: int, low: int = -200, high: int = 200) -> Tensor:
    """Return a float32 tensor of hundredths, `low` to `high` of them, in which no value stands twice.

    For what is ranked: two equal values would leave the rank to chance.
    """
    numbers = rng.sample(range(low, high + 1), torch.Size(shape).numel())
    return (torch.tensor(numbers) / 100).reshape(shape)


def shares(rng: random.Random, *shape: int) -> Tensor:
    """Return float32 shares in tenths (some are 0), each row of the last axis adding up to 1."""
    rows = []
    for _ in range(torch.Size(shape[:-1]).numel()):
        cuts = sorted(rng.randint(0, 10) for _ in range(shape[-1] - 1))
        rows.append([(b - a) / 10 for a, b in zip([0, *cuts], [*cuts, 10], strict=True)])
    return torch.tensor(rows).reshape(shape)


def ids(rng: random.Random, n: int, *shape: int) -> Tensor:
    """Return an int64 tensor of ids 0 .. n - 1."""
    return torch.tensor([rng.randrange(n) for _ in range(torch.Size(shape).numel())]).reshape(shape)


def size(case: dict[str, Any]) -> int:
    """Count the numbers in a case."""
    return sum(value.numel() if isinstance(value, Tensor) else 1 for value in case.values())
