"""Figures about faults of learning by reward: dials of runs side by side, words that two models judge apart.

The words give what a reader would say of each dial: where it begins and where it ends, to one decimal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lessons_lib.runs import Seeds
from lessons_lib.show.drawing import band, heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES

Runs = Seeds[dict[str, list[float]]]
LABELS = {
    "loss": "loss",
    "reward": "reward paid",
    "right": "truly right",
    "kl": "KL\nto the base",
    "entropy": "entropy\n(nats)",
    "length": "length\n(words)",
    "cut": "share\ncut off",
}
COLOUR_OF = {  # a dial's, in every figure
    **dict(zip(("right", "reward", "kl", "entropy", "length", "loss"), COLOURS)),
    "cut": "#6b4423",
}


@explained
def dashboards(runs: Mapping[str, Runs], dials: Sequence[str], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): a column for each run, a row for each dial, its seeds' median and range.

    `dials` are names of LABELS, under which a history keeps them. A row's panels share their axis, which
    fits the medians: a band that goes beyond is cut.
    """
    size = (1.85 * len(runs) + 0.9, (1.05 if len(dials) > 2 else 1.4) * len(dials) + 0.8)
    fig, grid = plt.subplots(len(dials), len(runs), figsize=size, sharey="row", sharex=True, squeeze=False)
    words, tallest = [], [1e-9] * len(dials)
    for column, (name, of_seeds) in enumerate(runs.items()):
        told = []
        for row, dial in enumerate(dials):
            axes, values = grid[row][column], [run[dial] for run in of_seeds]
            steps, colour = range(1, len(values[0]) + 1), COLOUR_OF[dial]
            line = band(axes, steps, values, middle=np.median, color=colour, ls="-", lw=1.6)
            tallest[row] = max(tallest[row], *line)
            axes.tick_params(labelsize=7.5, length=2)
            told.append(f"{LABELS[dial]} {_said(line[0])} to {_said(sum(line[-5:]) / 5)}")
        grid[0][column].set_title(name, fontsize=11, loc="center", pad=4)
        words.append(f"{name}: {', '.join(told)}".replace("\n", " "))
    for row, dial in enumerate(dials):
        top = tallest[row] if tallest[row] > 1e-6 else 1.0  # all 0 but for rounding
        grid[row][0].set_ylim(-0.05 * top, 1.15 * top)
        grid[row][0].set_ylabel(LABELS[dial], fontsize=8.5)
    fig.supxlabel("update", fontsize=9)
    fig.align_ylabels(grid[:, 0])
    heading(fig, title)
    seeds = len(next(iter(runs.values())))
    return fig, f"{title}. Median and range of {seeds} seeds over the updates. {'. '.join(words)}."


@explained
def compared(curves: Mapping[str, Seeds[list[float]]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): the share of right texts over the updates, mean of the seeds."""
    fig, axes = plt.subplots(figsize=(7.4, 4.0))
    words = []
    for i, (name, of_seeds) in enumerate(curves.items()):
        line = np.mean(list(of_seeds), axis=0)
        axes.plot(range(1, len(line) + 1), line, color=COLOURS[i], ls=LINES[i % len(LINES)], label=name)
        words.append(f"{name} {_said(line[0])} to {_said(line[-5:].mean())}")
    axes.set(xlabel="update", ylabel="truly right (mean of the seeds)", ylim=(0, 1))
    axes.set_title(title, fontsize=10.5)
    axes.legend(fontsize=9)
    return fig, f"{title}. Truly right, mean of the seeds, first and last updates: {'; '.join(words)}."


@explained
def far_words(ratios: Mapping[str, list[float]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): for each sampler the share of words further from ratio 1 than a factor."""
    fig, axes = plt.subplots()
    factors, words = np.geomspace(1.01, 5, 60), []
    for i, (name, values) in enumerate(ratios.items()):
        away = np.abs(np.log(np.maximum(values, 1e-30)))
        shares = [100 * float((away > np.log(factor)).mean()) for factor in factors]
        axes.plot(factors, shares, color=COLOURS[i], ls=LINES[i], label=name)
        beyond = 100 * float((away > np.log(1.2)).mean())
        words.append(f"{name} {_said(beyond)} % beyond a factor of 1.2")
    axes.axvline(1.2, color="0.5", lw=1, ls=":")
    axes.set(xscale="log", yscale="log", ylim=(0.01, 100), xlim=(1.01, 5))
    axes.set_xticks([1.1, 1.2, 1.5, 2, 3, 5], ["1.1", "1.2", "1.5", "2", "3", "5"])
    axes.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
    axes.xaxis.set_minor_formatter("")
    axes.set(xlabel="further from 1 than this factor (log scale)", ylabel="% of words (log scale)")
    axes.set_title(title)
    axes.legend()
    return fig, f"{title}. Share of words whose ratio is further from 1 than a factor: {'; '.join(words)}."


def _said(value: float) -> str:
    return f"≈{round(value, 1) + 0.0:.1f}"
