"""Figures about what waiting costs: a step's time against traffic, and the parts of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS


@explained
def makespans(
    ratios: Sequence[float],
    times: Mapping[str, Sequence[float]],
    *,
    at: float,
    dots: Mapping[str, float],
    title: str,
) -> tuple[Figure, str]:
    """Return (figure, alt text): the time of a step against communication per computation, a line each.

    A dotted line stands at `at` (DeepSeek-V3's own ratio), a dot on each line that `dots` names, at a ratio.
    """
    fig, axes = plt.subplots(figsize=(7.27, 4.0))
    for i, row in enumerate(times.values()):
        axes.plot(ratios, row, color=COLOURS[i], ls=LINES[i])
    low = None
    for name in sorted(times, key=lambda name: times[name][-1]):  # names stand at the lines' ends
        gap = 0.045 * (max(row[-1] for row in times.values()) - min(row[0] for row in times.values()))
        low = times[name][-1] if low is None else max(times[name][-1], low + gap)
        colour = COLOURS[list(times).index(name)]
        axes.text(ratios[-1] * 1.012, low, name, color=colour, va="center", fontsize=9)
    axes.axvline(at, color="0.4", lw=1, ls=":")
    axes.text(at + 0.015, axes.get_ylim()[0], "V3 report: 1 to 1", va="bottom", fontsize=9)
    for name, ratio in dots.items():
        axes.plot([ratio], [_between(ratios, times[name], ratio)], MARKERS[0], color="black", ms=5, ls="none")
    axes.set(
        xlabel="communication / computation",
        ylabel="time of a step, forwards of a rank",
        xlim=(0, ratios[-1]),
    )
    axes.set_title(title)
    ends = "; ".join(f"{name} {row[0]:g} to {row[-1]:g}" for name, row in times.items())
    return (
        fig,
        f"{title}. Time of a step from no communication to {ratios[-1]:g} times the computation: {ends}.",
    )


def _between(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """Return y at x on the straight lines through the points."""
    right = next(i for i, one in enumerate(xs) if one >= x) or 1
    left = right - 1
    return ys[left] + (ys[right] - ys[left]) * (x - xs[left]) / (xs[right] - xs[left])


@explained
def parts_of_a_step(parts: Mapping[str, float], *, title: str, unit: str) -> tuple[Figure, str]:
    """Return (figure, alt text): what a step's time goes to, each part a bar that begins where one ended."""
    fig, axes = plt.subplots(figsize=(6.6, 0.9 + 0.3 * len(parts)))
    left, total = 0.0, sum(parts.values())
    for i, value in enumerate(parts.values()):
        last = i == len(parts) - 1
        axes.barh(
            i, value, left=left, color=COLOURS[1 if last else 0], hatch="///" if last else "", height=0.66
        )
        side = left + value + 0.01 * total if left < 0.8 * total else left - 0.01 * total
        axes.text(side, i, f"{value:g}", va="center", ha="left" if side > left else "right", fontsize=9)
        left += value
    axes.set_yticks(range(len(parts)), list(parts))
    axes.set(xlim=(0, 1.02 * total), ylim=(len(parts) - 0.5, -0.5), xlabel=unit)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)
    return fig, f"{title}. In {unit}: " + ", ".join(
        f"{name} {value:g}" for name, value in parts.items()
    ) + "."
