"""Times from seconds to millions of years on one line, each place ten times the one before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS

YEAR = 365.25 * 24 * 3600  # seconds
UNITS = {
    "1 second": 1.0,
    "a minute": 60.0,
    "an hour": 3600.0,
    "a day": 86_400.0,
    "a year": YEAR,
    "a century": 100 * YEAR,
    "10,000 years": 1e4 * YEAR,
    "a million years": 1e6 * YEAR,
}


@explained
def in_words(seconds: float) -> str:
    """Return a time in the largest unit that fits at least once: "54 days", "1.4 seconds"."""
    sizes = {
        "years": YEAR,
        "days": 86_400.0,
        "hours": 3600.0,
        "minutes": 60.0,
        "seconds": 1.0,
        "milliseconds": 1e-3,
    }
    unit, size = next(((u, s) for u, s in sizes.items() if seconds >= s), ("milliseconds", 1e-3))
    count = seconds / size
    return f"{count:.1f} {unit}" if count < 10 else f"{count:,.0f} {unit}"


@explained
def time_line(times: Mapping[str, float], lit: str, *, title: str):
    """Return a figure of `times` (name: seconds) on one logarithmic axis; `lit` is drawn largest.

    Names stand in turn above and below the line, in the order of their times.
    """
    if lit not in times or min(times.values()) <= 0:
        raise ValueError(f"times must be above 0, and {lit!r} one of them; got {dict(times)}")
    fig, axes = plt.subplots(figsize=(7.27, 3.1))
    low = min(1.0, *times.values()) / 4
    high = max(UNITS["a million years"], *times.values()) * 8
    axes.plot([low, high], [0, 0], color="0.4", lw=1.2, ls="-", zorder=1)
    heights = (0.4, -0.4, 0.8, -0.8)
    for place, (name, seconds) in enumerate(sorted(times.items(), key=lambda item: item[1])):
        y = heights[place % 4]
        is_lit = name == lit
        colour = COLOURS[1] if is_lit else COLOURS[0]
        axes.plot([seconds] * 2, [0, y * 0.8], color=colour, lw=1.1, ls="-", zorder=1)
        axes.plot(seconds, 0, "D" if is_lit else "o", color=colour, ms=9 if is_lit else 6, zorder=3)
        share = math.log(seconds / low) / math.log(high / low)
        side = "left" if share < 0.18 else "right" if share > 0.82 else "center"
        look: dict[str, Any] = dict(ha=side, va="bottom" if y > 0 else "top", color=colour, linespacing=1.15)
        weight = "bold" if is_lit else "normal"
        axes.text(seconds, y * 0.82, f"{name}\n{in_words(seconds)}", fontsize=8.5, weight=weight, **look)
    axes.set_xscale("log")
    axes.set_xticks(list(UNITS.values()), ["\n".join(name.rsplit(" ", 1)) for name in UNITS], fontsize=8)
    axes.minorticks_off()
    axes.set(xlim=(low, high), ylim=(-1.7, 1.7), yticks=(), xlabel="time, log axis")
    axes.spines["left"].set_visible(False)
    axes.set_title(title)
    return fig
