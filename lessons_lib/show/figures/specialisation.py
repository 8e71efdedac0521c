"""Figures about many small experts: how they are cut, who is routed where, what each of them is for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from torch import Tensor

from lessons_lib.show.drawing import heading, mean
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, HATCHES


@explained
def banks_of_experts(banks: Mapping[str, tuple[int, int, int, int]], *, title: str):
    """Return (figure, alt text): a box per expert, as wide as the expert is, those that work filled in.

    `banks` maps a name to (routed experts, chosen per token, shared experts, width of one).
    """
    fig, axes = plt.subplots(figsize=(8.0, 0.62 * len(banks) + 0.75))
    longest = max((routed + shared) * width for routed, _, shared, width in banks.values())
    for y, (name, (routed, chosen, shared, width)) in enumerate(banks.items()):
        works = {(i * routed) // chosen + routed // (2 * chosen) for i in range(chosen)}  # any would do
        for i in range(routed + shared):
            kind = 2 if i >= routed else int(i in works)
            look = [("white", ""), (COLOURS[0], ""), (COLOURS[1], HATCHES[1])][kind]
            face: dict[str, Any] = dict(
                facecolor=look[0], hatch=look[1], edgecolor="0.35" if kind == 0 else "white", lw=0.7
            )
            axes.add_patch(Rectangle((i * width, y), width, 0.6, **face))
        axes.text(-0.012 * longest, y + 0.3, name, ha="right", va="center", fontsize=9)
    axes.add_patch(Rectangle((0, 0), 0, 0, facecolor="white", edgecolor="0.35", label="routed, idle"))
    axes.add_patch(Rectangle((0, 0), 0, 0, facecolor=COLOURS[0], label="routed, chosen for this token"))
    shared_look: dict[str, Any] = dict(facecolor=COLOURS[1], hatch=HATCHES[1], edgecolor="white")
    axes.add_patch(Rectangle((0, 0), 0, 0, **shared_look, label="shared, sees every token"))
    axes.set(xlim=(-0.2 * longest, 1.01 * longest), ylim=(len(banks) + 0.25, -0.2))
    axes.axis("off")
    axes.legend(loc="lower center", ncols=3, fontsize=8)
    axes.set_title(title)
    told = "; ".join(
        f"{name}: {chosen} of {routed} routed experts of width {width} and {shared} shared"
        for name, (routed, chosen, shared, width) in banks.items()
    )
    return fig, f"{title}. A box per expert. {told}."


@explained
def tokens_in_plane(x: Tensor, directions: Tensor, before: Tensor, after: Tensor, expert: int, bias: float):
    """Return (figure, alt text): tokens x (N, 2) and who is routed to `expert` when its bias is `bias`.

    `directions` (E, 2) are the experts' rows of the router, `before` and `after` the ids (N, K) chosen
    without and with the bias. Beside the plane stand the loads of all experts.
    """
    n_experts, name = len(directions), "ABCDEFGHIJKLMNOP"
    fig, (plane, bars) = plt.subplots(1, 2, figsize=(8.0, 3.3), width_ratios=(1.15, 1))
    was, now = (ids == expert for ids in (before, after))
    was, now = was.any(-1), now.any(-1)
    for mask, look, label in (
        (~was & ~now, dict(marker=".", c="0.75", s=14), "to others"),
        (was & now, dict(marker="o", c=COLOURS[0], s=16), f"to {name[expert]}, as without bias"),
        (~was & now, dict(marker="^", c=COLOURS[1], s=22), f"to {name[expert]}, by the bias"),
        (was & ~now, dict(marker="x", c=COLOURS[1], s=22), f"no more to {name[expert]}"),
    ):
        plane.scatter(*x[mask].T, **look, lw=1, label=f"{label}: {int(mask.sum())}")
    reach = 0.8 * float(x.norm(dim=1).max())
    for e, (a, b) in enumerate(directions.tolist()):
        size = (a * a + b * b) ** 0.5
        place = (0.94 * reach * a / size, 0.94 * reach * b / size)
        colour = COLOURS[1] if e == expert else "0.3"
        plane.annotate("", place, (0, 0), arrowprops=dict(arrowstyle="-|>", color=colour, lw=1, alpha=0.6))
        plane.text(*(1.08 * v for v in place), name[e], color=colour, ha="center", va="center", weight="bold")
    plane.set(xlim=(-1.15 * reach, 1.15 * reach), ylim=(-1.15 * reach, 1.15 * reach), aspect="equal")
    plane.axis("off")
    plane.legend(loc="upper left", bbox_to_anchor=(-0.35, 0.02), ncols=2, fontsize=7.5, columnspacing=1)
    loads = [[int((ids == e).sum()) for e in range(n_experts)] for ids in (before, after)]
    colours = [COLOURS[1] if e == expert else COLOURS[0] for e in range(n_experts)]
    bars.bar(range(n_experts), loads[1], color=colours, width=0.6)
    bars.bar(range(n_experts), loads[0], fc="none", ec="0.3", ls=":", width=0.8, label="without bias")
    bars.axhline(before.numel() / n_experts, color="0.3", ls="--", lw=1.2, label="mean")
    bars.set_xticks(range(n_experts), name[:n_experts])
    bars.set(ylabel="tokens", ylim=(0, 1.0 * len(x)))
    bars.legend(loc="upper right", ncols=2, fontsize=8)
    bars.set_title(f"bias of {name[expert]}: {bias:+.2f}")
    heading(
        fig,
        f"A bias of {bias:+.2f} brings {name[expert]} from {loads[0][expert]} to {loads[1][expert]} tokens",
    )
    others = ", ".join(f"{name[e]} {loads[0][e]} to {loads[1][e]}" for e in range(n_experts) if e != expert)
    return fig, (
        f"With a bias of {bias:+.2f}, expert {name[expert]} has {loads[1][expert]} of {len(x)} tokens; "
        f"without it, {loads[0][expert]}. Each token goes to {before.shape[1]} experts. The others: {others}."
    )


@explained
def seeds_in_rows(columns: Mapping[str, Mapping[str, Iterable[float]]], *, title: str, joined: bool = False):
    """Return (figure, alt text): a panel per column, a row per name, a dash per seed, a mark at the mean.

    `columns` maps what is measured, with its unit, to {name: one value per seed}. Axes begin at 0; several
    panels have one scale, and a row has one colour in all of them. `joined` draws a thin line from each seed
    to the same seed in the next row; all rows then have the same seeds in one order.
    """
    names = list(next(iter(columns.values())))
    most = max(value for of in columns.values() for values in of.values() for value in values)
    size = (3.1 + 3.0 * len(columns), 0.5 * len(names) + 1.0)
    fig, panels = plt.subplots(1, len(columns), figsize=size, sharey=True, squeeze=False)
    for axes, (label, values) in zip(panels[0], columns.items()):
        for y, name in enumerate(names):
            seeds, colour = list(values[name]), COLOURS[y % len(COLOURS)]
            middle, low, high = mean(seeds), min(seeds), max(seeds)
            axes.plot([low, high], [y, y], color=colour, lw=6, ls="-", alpha=0.25)
            axes.plot(seeds, [y] * len(seeds), "|", color=colour, ms=12)
            axes.plot(middle, y, "o", color=colour, ms=7)
            axes.text(high, y, f"   {middle:.2f}", va="center", color=colour)
        for y, (upper, lower) in enumerate(itertools.pairwise(names)) if joined else ():
            for ends in zip(values[upper], values[lower], strict=True):
                axes.plot(ends, [y, y + 1], color="0.6", lw=0.7, ls="-", zorder=0)
        axes.set(xlim=(0, 1.25 * most), xlabel=label)
        axes.tick_params(axis="y", length=0)
    panels[0, 0].set_yticks(range(len(names)), names)
    panels[0, 0].set_ylim(len(names) - 0.5, -0.5)
    heading(fig, title)
    # No values: models with experts differ in the first digit between processors.
    told = "; ".join(
        f"{label}, for {', '.join(' '.join(name.split()) for name in names)}" for label in columns
    )
    lines = ", a thin line from row to row for each," if joined else ""
    return fig, f"{title}. A dash for each seed{lines} and a mark at their mean: {told}."
