"""Figures about learning from rewards: who is pushed where, what a clip stops, how runs go.

The words give numbers to two decimals: what is drawn comes from policies of a few numbers in float64.
What is measured over many seeds stands behind `≈`.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from lessons_lib.runs.approx import approx
from lessons_lib.show.drawing import band, heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, HATCHES, LINES


@explained
def curves(x, panels: dict[str, dict[str, list]], *, xlabel: str, title: str, marks=None, each=()):
    """Return (figure, alt text): a panel for each quantity, a line for each name, a band over seeds.

    `panels[ylabel][name]` has one list for each seed, as long as `x`; the line is their median, the band
    reaches from the smallest to the largest. Lines named in `each` are drawn seed by seed instead. `marks`
    names places on the x axis.
    """
    width = 6.0 if len(panels) == 1 else 3.5 * len(panels)
    seeds = max(len(seeds) for lines in panels.values() for seeds in lines.values())
    scatter = f"\n(median and range of {seeds} seeds)" if seeds > 1 else ""
    fig, row = plt.subplots(1, len(panels), figsize=(width, 3.3), squeeze=False)
    words = []
    for axes, (ylabel, lines) in zip(row[0], panels.items()):
        for i, (name, runs) in enumerate(lines.items()):
            if name in each:
                middle = np.median(runs, axis=0).tolist()
                for k, seed in enumerate(runs):
                    label = dict(label=f"{name}, each seed") if k == 0 else {}
                    axes.plot(x, seed, color=COLOURS[i], ls=LINES[i], lw=0.7, alpha=0.6, **label)
            else:
                look = dict(color=COLOURS[i], ls=LINES[i], label=name)
                middle = band(axes, x, runs, alpha=0.16, middle=np.median, **look)
            words.append(_course(": ".join(filter(None, (ylabel, name))), middle))
        axes.set(xlabel=xlabel + scatter, ylabel=ylabel, xlim=(x[0], x[-1]))
        _set_height(axes, [value for seeds in lines.values() for seed in seeds for value in seed])
        for k, (name, place) in enumerate((marks or {}).items()):
            axes.axvline(place, color="0.4", lw=1, ls="-")
            side = dict(ha="left", text=f" {name}") if k % 2 else dict(ha="right", text=f"{name} ")
            axes.annotate(xy=(place, 0.06), xycoords=("data", "axes fraction"), fontsize=8.5, **side)
            words.append(f"{name} at {place:.2f}")
    handles, names = row[0][0].get_legend_handles_labels()
    if len(names) > 1:
        fig.legend(handles, names, loc="outside lower center", ncols=min(3, len(names)))
    heading(fig, title)
    about = f" Lines are medians, bands the range of {seeds} seeds." if seeds > 1 else ""
    return fig, f"{title}. Against {xlabel}: {'; '.join(words)}.{about}"


@explained
def clip_shapes(objective, low: float, high: float, *, title: str):
    """Return (figure, alt text): `objective(ratio, advantage, low, high)` against the ratio, both signs.

    Where the line is flat there is no gradient; those parts are drawn thick.
    """
    fig, both = plt.subplots(1, 2, figsize=(6.6, 3.1))
    ratios = [i / 100 for i in range(0, 201)]
    for axes, advantage in zip(both, (1.0, -1.0)):
        values = [objective(ratio, advantage, low, high) for ratio in ratios]
        axes.plot(
            ratios, [ratio * advantage for ratio in ratios], color="0.6", lw=1, ls="--", label="no clip"
        )
        axes.plot(ratios, values, color=COLOURS[0], ls="-", label="clipped objective")
        flat = [v if abs(v - w) < 1e-12 else None for v, w in zip(values, values[1:])] + [None]
        level = [float("nan") if v is None else v for v in flat]
        axes.plot(ratios, level, color=COLOURS[1], lw=5, ls="-", alpha=0.6, label="flat: no push")
        axes.plot(1, advantage, "o", color="0.2", ms=6)
        for edge in (1 - low, 1 + high):
            axes.axvline(edge, color="0.8", lw=1, ls=":", zorder=0)
        kind = "better than its group" if advantage > 0 else "worse than its group"
        axes.set_title(f"$A = {advantage:+.0f}$: {kind}", fontsize=10)
        axes.set(xlabel=r"ratio $\rho$", xlim=(0, 2), xticks=[0, 1 - low, 1, 1 + high, 2])
    both[0].set_ylabel("objective")
    fig.legend(*both[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    heading(fig, title)
    return fig, (
        f"{title}. Objective against the ratio, which starts at 1. Advantage +1: it rises, and is flat above "
        f"{1 + high:g}. Advantage -1: it falls, and is flat below {1 - low:g} only."
    )


@explained
def many_batches(machines: dict[str, dict[str, tuple]], *, title: str):
    """Return (figure, alt text): a row for each machine, a line for each way of learning on it.

    `machines[machine][way]` is (shares, entropies): the share of seeds whose favourite is the best arm after
    each batch (batches,), and their policies' entropies in nats (seeds, batches), drawn as the mean and the
    middle half.
    """
    fig, rows = plt.subplots(len(machines), 2, figsize=(7.4, 2.4 * len(machines) + 0.6), squeeze=False)
    words = []
    for row, (machine, ways) in zip(rows, machines.items()):
        for i, (way, (shares, entropies)) in enumerate(ways.items()):
            look = dict(color=COLOURS[i], ls=LINES[i], label=way)
            percent = 100 * np.asarray(shares)
            row[0].plot(range(len(percent)), percent, **look)
            mean = np.mean(entropies, axis=0)
            low, high = np.quantile(entropies, (0.25, 0.75), axis=0)
            row[1].plot(range(len(mean)), mean, **look)
            row[1].fill_between(range(len(mean)), low, high, color=COLOURS[i], alpha=0.13, lw=0)
            words.append(
                f"{machine}, {way}: favourite {approx(percent[-1], '.0f')} % at the end, entropy "
                f"{approx(mean[0], '.2f')} to {approx(mean[-1], '.2f')}"
            )
        row[0].set(ylim=(0, 103), ylabel=f"{machine}\n% of seeds")
        row[1].set(ylim=(0, None), ylabel="nats")
    rows[0][0].set_title("the best arm is the favourite", fontsize=10)
    rows[0][1].set_title("entropy (mean, middle half)", fontsize=10)
    for axes in rows[-1]:
        axes.set_xlabel("batches of pulls")
    handles, names = rows[0][0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3)
    heading(fig, title)
    return fig, f"{title}. {'; '.join(words)}."


@explained
def bars(groups: dict[str, list[float]], names: list[str], *, ylabel: str, title: str, xlabel: str = ""):
    """Return (figure, alt text): for each of `names` one bar from each group, side by side."""
    fig, axes = plt.subplots(figsize=(6.4, 3.2))
    width = 0.8 / len(groups)
    for i, (group, values) in enumerate(groups.items()):
        at = [place + width * (i - (len(groups) - 1) / 2) for place in range(len(names))]
        axes.bar(
            at, values, width, color=COLOURS[i], hatch=HATCHES[i], edgecolor="white", lw=0.4, label=group
        )
    axes.axhline(0, color="0.4", lw=1, ls="-")
    axes.set_xticks(range(len(names)), names)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    fig.legend(loc="outside lower center", ncols=2)
    axes.set_title(title)
    words = "; ".join(f"{group}: {', '.join(map(_signed, values))}" for group, values in groups.items())
    return fig, f"{title}. {ylabel} for {', '.join(names)}. {words}."


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"  # never -0.00


def _set_height(axes, values: list[float]) -> None:
    """Let the axis start at 0; where all values are 0 but for rounding, let it say so."""
    if max(map(abs, values)) < 1e-9:
        axes.set_ylim(-1, 1)
    else:
        axes.set_ylim(min(0, axes.get_ylim()[0]), None)


def _course(name: str, line) -> str:
    """Return how a line goes, in words: its ends, and its lowest and highest point where they are others."""
    first, last, low, high = (f"{round(v, 2) + 0.0:.2f}" for v in (line[0], line[-1], min(line), max(line)))
    between = f" (lowest {low}, highest {high})" if {low, high} != {first, last} else ""
    return f"{name} {first} to {last}{between}"
