"""Rounding to E4M3, by a search through the list of its values, and as it often goes wrong."""

import bisect
from collections.abc import Callable

import torch
from torch import Tensor

# Place in the list = code, so an even place is an even mantissa.
VALUES = [m / 8 * 2.0**-6 for m in range(8)]
VALUES += [(1 + m / 8) * 2.0 ** (e - 7) for e in range(1, 16) for m in range(8)][:-1]  # the last is NaN


def nearest_value(x: float) -> float:
    """Return the value of E4M3 nearest to `x`, by looking at the two around it."""
    size = min(abs(x), VALUES[-1])
    above = bisect.bisect_left(VALUES, size)
    below = max(above - 1, 0)
    up, down = VALUES[above] - size, size - VALUES[below]
    place = above if up < down or (up == down and above % 2 == 0) else below
    return VALUES[place] if x >= 0 else -VALUES[place]


def round_wrongly(
    x: Tensor,
    *,
    whole: Callable[[Tensor], Tensor] = torch.round,
    lowest: float = -6,  # the gaps stop halving at this exponent
    digits: int = 3,
    octaves_up: int = 0,  # by which the exponent is overestimated
    largest: float = 448.0,
    flush: str = "",  # what is set to 0: numbers "before" or "after" rounding, below the normal ones
) -> Tensor:
    """Round with one thing (or none) done the wrong way."""
    x = x.double()
    exponent = (torch.frexp(x).exponent - 1 + octaves_up).clamp(min=lowest)
    gap = torch.ldexp(torch.ones_like(x), exponent - digits)
    rounded = (whole(x / gap) * gap).clamp(-largest, largest)
    if flush:
        rounded = torch.where((x if flush == "before" else rounded).abs() < 2**-6, 0.0, rounded)
    return rounded
