"""Figures of the whole model: skills over the steps, prices, what each part did, hours for utilisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt

from lessons_lib.runs.seeds import Difference
from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS

LEFT: dict[str, Any] = dict(xytext=(-7, 0), textcoords="offset points", ha="right")
RIGHT: dict[str, Any] = dict(xytext=(7, 0), textcoords="offset points", ha="left")


@explained
def skills(
    steps: Sequence[int],
    runs: Mapping[str, Mapping[str, Sequence[float]]],
    marked: Sequence[str],
    *,
    title: str,
):
    """Return (figure, alt text): every domain's gap to its floor over the steps, a panel for each run.

    `runs` maps a run to {domain: one gap for each of `steps`}; the domains named in `marked` have a colour
    each, the others are grey, and of these the one that starts highest is named. The words give no loss:
    trained models differ between processors.
    """
    fig, panels = plt.subplots(1, len(runs), figsize=(7.27, 3.0), sharey=True, squeeze=False)
    for axes, (name, gaps) in zip(panels[0], runs.items(), strict=True):
        others = [domain for domain in gaps if domain not in marked]
        for i, domain in enumerate(others):
            label = "all other domains" if i == 0 else None
            axes.plot(steps, gaps[domain], color="0.65", lw=1.2, ls="-", label=label)
        first = max(others, key=lambda domain: gaps[domain][0])  # the highest is named
        axes.annotate(first, (steps[0], gaps[first][0]), fontsize=8.5, color="0.35", va="center", **RIGHT)
        for i, domain in enumerate(marked):
            look: dict[str, Any] = dict(color=COLOURS[i], ls=LINES[i], marker=MARKERS[i], ms=4)
            axes.plot(steps, gaps[domain], label=domain, **look)
        axes.set(xlabel="step", xlim=(0, steps[-1]))
        axes.set_title(name, fontsize=9.5)
    panels[0, 0].set_ylim(0, None)  # shared, so after all lines are drawn
    panels[0, 0].set_ylabel("gap to the domain's floor,\nnats per token")
    fig.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(marked) + 1)
    heading(fig, title)
    return fig, (
        f"{title}. The gap of each domain to its floor at {len(steps)} steps up to {steps[-1]}, a panel each "
        f"for {' and '.join(runs)}; {', '.join(marked)} stand out, all others are grey."
    )


@explained
def prices(
    parts: Mapping[str, Mapping[str, Mapping[str, float]]],
    losses: Mapping[str, float],
    verdicts: Mapping[str, str],
    *,
    title: str,
):
    """Return (figure, alt text): a row for each price, a mark for each model, its loss written at the mark.

    `parts` maps a heading ("to train it") to {row: {model: price}}, prices as multiples of one of the models;
    `verdicts` says for each row what comes of it, and stands at the right. The words give neither
    prices nor losses: both hold clocks or trained values.
    """
    fig, axes = plt.subplots(figsize=(7.27, 5.3))
    far = max(p for rows in parts.values() for marks in rows.values() for p in marks.values())
    y, ticks = 0.0, {}
    for part, rows in parts.items():
        axes.text(-0.03, y + 0.2, part, transform=axes.get_yaxis_transform(), ha="right", style="italic")
        for row, marks in rows.items():
            y += 1
            ticks[row] = y
            axes.axhspan(y - 0.42, y + 0.42, color="0.96", zorder=0, lw=0)
            for i, (model, loss) in enumerate(losses.items()):
                if model in marks:  # each model has a line of its own within the row
                    place = (marks[model], y + 0.26 * (i - 1))
                    axes.plot(*place, MARKERS[i], color=COLOURS[i], ms=6, zorder=3)
                    side: dict[str, Any] = LEFT if place[0] < 1 else RIGHT
                    axes.annotate(f"{loss:.3f}", place, color=COLOURS[i], fontsize=8, va="center", **side)
            axes.text(1.02, y, verdicts[row], transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
        y += 1
    for i, model in enumerate(losses):
        axes.plot([], [], MARKERS[i], color=COLOURS[i], ms=6, label=model)
    axes.axvline(1, color="0.4", lw=1, ls="-", zorder=1)
    axes.set_yticks(list(ticks.values()), list(ticks))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    first = next(iter(losses))
    axes.set(xlim=(0, 1.12 * far), ylim=(y - 0.4, -0.3), xlabel=f"price, {first} = 1; left is cheaper")
    fig.legend(loc="outside lower center", ncols=len(losses))
    heading(fig, title)
    told = "; ".join(f"{row}: {' '.join(verdicts[row].split())}" for row in ticks)
    return fig, (
        f"{title}. Prices of {', '.join(losses)} as multiples of the first, the loss written at each mark. "
        f"{told}."
    )


@explained
def taken_away(differences: Mapping[str, Difference], *, title: str):
    """Return (figure, alt text): a row per change, a mark per pair of runs, the mean and its 95 % interval.

    Differences are in nats per token, above 0 where the changed model is worse. The words give none.
    """
    fig, axes = plt.subplots(figsize=(7.27, 0.5 * len(differences) + 1.4))
    ends = [end for d in differences.values() for end in (d.low, d.high, *d.pairs)]
    far = 1.1 * max(abs(end) for end in ends)
    for row, difference in enumerate(differences.values()):
        axes.plot([difference.low, difference.high], [row, row], color=COLOURS[0], lw=6, ls="-", alpha=0.22)
        for seed, value in enumerate(difference.pairs):
            axes.plot(value, row, MARKERS[seed], color=COLOURS[seed], ms=5)
        axes.plot([difference.mean] * 2, [row - 0.3, row + 0.3], color="0.15", lw=2.2, ls="-")
        axes.text(1.03 * far, row, f"{difference.mean:+.3f}, {difference.verdict()}", va="center", fontsize=9)
    axes.axvline(0, color="0.4", lw=1, ls="-")
    axes.set_yticks(range(len(differences)), differences)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(-far, far), ylim=(len(differences) - 0.5, -0.6))
    axes.set_xlabel("held-out loss against the whole, nats per token; right: the part helps")
    axes.set_title(title)
    n = len(next(iter(differences.values())).pairs)
    return fig, (
        f"{title}. Rows: {'; '.join(differences)}. Each has a mark for each of {n} pairs of runs, a dash for "
        "their mean on its 95 % interval, and at the right the mean and whether it is clear."
    )


@explained
def hours_for_utilisation(
    flops: Mapping[str, float], peak: float, reported: float, quoted: tuple[float, float], *, title: str
):
    """Return (figure, alt text): hours of one chip (in millions) against the utilisation, 20 to 60 percent.

    A curve for each way to count operations in `flops`, thick between the two percents that are `quoted`,
    where the hours stand; `reported` is a line.
    """
    percents = [20 + 0.5 * i for i in range(81)]
    fig, axes = plt.subplots()
    told = []
    axes.axvspan(*quoted, color="0.92", lw=0, zorder=0)
    for i, (way, operations) in enumerate(flops.items()):
        look: dict[str, Any] = dict(color=COLOURS[i], ls=LINES[i])
        hours = [_million_hours(operations, peak, percent) for percent in percents]
        axes.plot(percents, hours, label=way, **look)
        most, least = (_million_hours(operations, peak, percent) for percent in quoted)
        axes.plot(quoted, [most, least], color=COLOURS[i], ls="-", lw=5, solid_capstyle="butt")
        end, (offset, side) = (1, ((8, 20), "left")) if i else (0, ((-6, -9), "right"))  # above, below
        place: dict[str, Any] = dict(xytext=offset, textcoords="offset points", ha=side, color=COLOURS[i])
        place["bbox"] = dict(facecolor="white", edgecolor="none", pad=0.5)
        words = f"{quoted[0]:g} to {quoted[1]:g} %: {least:.2f} to {most:.2f}"
        axes.annotate(words, (quoted[end], (most, least)[end]), fontsize=8.5, va="center", **place)
        told.append(f"{way}, {words}")
    axes.axhline(reported / 1e6, color="0.4", ls="-", lw=1, zorder=1)
    axes.text(60, reported / 1e6, "reported", color="0.3", va="bottom", ha="right", fontsize=8.5)
    axes.set(
        xlabel="utilisation, % of the peak in BF16", ylabel="million hours", xlim=(20, 60), ylim=(0, None)
    )
    axes.legend()
    axes.set_title(title)
    return fig, (
        f"{title}. Million hours of one chip against its utilisation, falling as one over it, for each "
        f"count: {'; '.join(told)}; reported: {reported / 1e6:.2f}."
    )


def _million_hours(flops: float, peak: float, percent: float) -> float:
    return flops / (peak * percent / 100) / 3600 / 1e6
