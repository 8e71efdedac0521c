"""Figures about looking at a few positions: what an indexer adds up, which it picks, their worth and cost.

A picture of picks has a row for each way of choosing, over the positions of one text. What a reader should
look for in it, the notes that matter, has a dot and a line through all rows, so that it shows in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons_lib.runs import Seeds
from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS

LIT, DIM = COLOURS[1], COLOURS[5]


@explained
def picks(weights: Tensor, kept: Mapping[str, Tensor], notes: Tensor, *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): one question's picks, a row for each way of choosing.

    `weights` (position,) is its own attention, `kept` {name: (position,) bool}, `notes` (position,) bool what
    it should find.
    """
    rows = ["own attention", *kept]
    fig, axes = plt.subplots(figsize=(7.4, 0.42 * len(rows) + 1.1))
    for place in notes.nonzero().flatten().tolist():
        axes.axvline(place, color=LIT, lw=0.7, alpha=0.45, ls="-", zorder=0)
    axes.vlines(
        range(len(weights)), 0.4, 0.4 - 0.8 * weights / weights.max(), color=COLOURS[0], lw=1.6, ls="-"
    )
    words = []
    for row, (name, chosen) in enumerate(kept.items(), start=1):
        found, other = (chosen & notes).nonzero().flatten(), (chosen & ~notes).nonzero().flatten()
        axes.plot(other, [row] * len(other), "|", color=DIM, ms=9, mew=1.6)
        axes.plot(found, [row] * len(found), "o", color=LIT, ms=5.5)
        words.append(f"{name} ≈{len(found)}")
    axes.set_yticks(range(len(rows)), rows)
    axes.set(ylim=(len(rows) - 0.45, -0.6), xlim=(-2, len(weights) + 1), xlabel="position in the text")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    heading(fig, title)
    k = int(next(iter(kept.values())).sum())
    return fig, (
        f"{title}. Of {int(notes.sum())} notes on the asked box, marked by lines, {k} picks hold: "
        f"{', '.join(words)}."
    )


@explained
def added_up(parts: Tensor, total: Tensor, kept: Tensor, notes: Tensor, *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): each index head's weighted score by position, and their sum.

    `parts` (heads, position) add up to `total` (position,); `kept` and `notes` (position,) bool.
    """
    fig, (above, below) = plt.subplots(
        2, 1, figsize=(7.4, 4.3), sharex=True, height_ratios=(len(parts) + 1, 7)
    )
    largest = float(parts.abs().max()) or 1.0
    shown = above.imshow(
        parts.numpy(), aspect="auto", cmap="PuOr_r", vmin=-largest, vmax=largest, interpolation="nearest"
    )
    above.set_yticks(range(len(parts)), [f"head {i + 1}" for i in range(len(parts))], fontsize=7.5)
    marked = notes.nonzero().flatten().tolist()
    above.plot(marked, [-0.9] * len(marked), "v", color=LIT, ms=4.5, clip_on=False)
    fig.colorbar(shown, ax=above, label="weight x ReLU", pad=0.01)
    places = torch.arange(len(total))
    for chosen, mark, colour, name in (
        (~notes, "|", DIM, "other positions"),
        (notes, "o", LIT, "notes on the asked box"),
    ):
        below.plot(places[chosen], total[chosen], mark, color=colour, ms=6 if mark == "|" else 5, label=name)
    least, beside = float(total[kept].min()), dict(transform=below.get_yaxis_transform(), fontsize=8.5)
    below.axhline(least, color="0.3", lw=1, ls="--")
    below.text(1.005, least, f"{int(kept.sum())} best\nabove", va="center", **beside)
    below.set(xlabel="position in the text", ylabel="sum of the heads")
    below.legend(fontsize=8.5, loc="lower left", bbox_to_anchor=(0, 0.97), ncols=2, borderpad=0)
    heading(fig, title)
    found = int((kept & notes).sum())
    return fig, (
        f"{title}. A row for each of {len(parts)} heads, a column for each of {len(total)} positions, "
        f"triangles over the notes on the asked box; below, the sum. Of {int(notes.sum())} notes on the "
        f"asked box ≈{found} are among the {int(kept.sum())} best."
    )


@explained
def by_kept(
    panels: Mapping[str, Mapping[str, Mapping[int, Seeds[float]]]], level: float, *, title: str
) -> tuple[Figure, str]:
    """Return (figure, alt text): a panel for each measure, {choice: {positions kept: Seeds}} in each.

    `level` is drawn as a line in the first panel: what looking at everything is worth.
    """
    fig, grid = plt.subplots(1, len(panels), figsize=(7.4, 3.3))
    words = []
    for column, (axes, (measure, choices)) in enumerate(zip(grid, panels.items())):
        for i, (name, by_k) in enumerate(choices.items()):
            look = dict(color=COLOURS[i], marker=MARKERS[i], ms=5)
            axes.plot(list(by_k), [seeds.mean for seeds in by_k.values()], ls=LINES[i], label=name, **look)
            for k, seeds in by_k.items():
                axes.plot([k] * len(seeds), list(seeds), ls="none", alpha=0.4, **look)
            ends = [by_k[k].mean for k in (min(by_k), max(by_k))]
            words.append(f"{measure}, {name}: ≈{ends[0]:.2f} to ≈{ends[1]:.2f}")
        if column == 0:
            axes.axhline(level, color="0.35", lw=1, ls=":")
            axes.text(min(by_k), level + 0.01, "everything", fontsize=8.5, color="0.25", va="bottom")
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(by_k), [str(k) for k in by_k])
        axes.minorticks_off()
        axes.set(xlabel="positions kept (log scale)", ylabel="share", ylim=(0, 1.08))
        axes.set_title(measure, fontsize=10)
    grid[0].legend(fontsize=8, loc="lower right", labelspacing=0.25, borderpad=0)
    heading(fig, title)
    return fig, f"{title}. From the fewest positions kept to the most: {'; '.join(words)}."


@explained
def by_length(
    panels: Mapping[str, Mapping[str, Mapping[int, float]]], *, title: str, measured: Sequence[str] = ()
) -> tuple[Figure, str]:
    """Return (figure, alt text): a panel for each quantity, {name: {length: value}} in each, log scales.

    Panels named in `measured` say their numbers behind the sign for about.
    """
    fig, grid = plt.subplots(1, len(panels), figsize=(7.4, 3.4))
    words = []
    for axes, (quantity, lines) in zip(grid, panels.items()):
        about = "≈" if quantity in measured else ""
        for i, (name, values) in enumerate(lines.items()):
            axes.plot(
                list(values),
                list(values.values()),
                marker=MARKERS[i],
                color=COLOURS[i],
                ls=LINES[i],
                label=name,
                ms=4,
            )
            longest = max(values)
            words.append(f"{name} {about}{values[longest]:.3g}")
        axes.set(yscale="log", xlabel="positions (log scale)", ylabel=f"{quantity} (log scale)")
        axes.set_xscale("log", base=2)
        ticks = list(values)[::2]
        axes.set_xticks(ticks, [f"{n // 1024}k" if n >= 1024 else str(n) for n in ticks])
        axes.minorticks_off()
        axes.legend(fontsize=8)
        words[-1] += ";"
    heading(fig, title)
    return fig, f"{title}. At the greatest length: {', '.join(words)}".replace(";,", ";").rstrip(";") + "."
