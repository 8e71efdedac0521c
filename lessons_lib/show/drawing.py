"""What many figures draw: a line with the band of its seeds, and one heading over several panels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

PALE = "#eef2f8"  # the ground of a box


def mean(values: Iterable[float]) -> float:
    """Return the mean of a few numbers."""
    values = list(values)
    return sum(values) / len(values)


def smoothed(values: Tensor, window: int) -> Tensor:
    """Return the means of `window` neighbours (..., steps - window + 1) of values (..., steps)."""
    return values.unfold(-1, window, 1).mean(-1)


def band(
    axes,
    x: Sequence[float] | np.ndarray | Tensor,
    seeds: Tensor | Iterable,
    *,
    alpha: float = 0.15,
    middle=np.mean,
    **look,
) -> list[float]:
    """Draw the middle of `seeds` (seeds, places) over `x` as a line, and their range as a band behind it.

    `look` is the line's; the band has its colour. Returns the middle at each place.
    """
    values = np.asarray(seeds if isinstance(seeds, Tensor) else list(seeds))
    line = middle(values, axis=0)
    (drawn,) = axes.plot(x, line, **look)
    if len(values) > 1:
        axes.fill_between(x, values.min(0), values.max(0), color=drawn.get_color(), alpha=alpha, lw=0)
    return line.tolist()


def heading(fig, title: str, **look) -> None:
    """Write what a figure of several panels says above them, from its left edge."""
    fig.suptitle(title, **dict(x=0.01, ha="left", fontsize=11) | look)
