"""Figures about heads that share keys and values: who reads what, how large it is, what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from lessons_lib.runs import Seeds
from lessons_lib.show.drawing import band, heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS

OLD, NEW = COLOURS[0], COLOURS[1]


@explained
def growing_cache(
    kinds: Mapping[str, int],
    tokens: Sequence[str],
    held: int,
    *,
    n_heads: int,
    head: int,
    title: str | None = None,
):
    """Return (figure, alt text): what a layer's cache holds after `held` of `tokens`, a panel for each kind.

    `kinds` maps a name to its sets of keys and values; a `title` stands above all of them. The newest token's
    query of `head` (counted from 0) stands beside the keys that it meets: a line leads from it to each.
    """
    rows = [sets + 1.1 for sets in kinds.values()]  # and a little room for the name
    fig, panels = plt.subplots(
        len(kinds),
        1,
        figsize=(7.27, (0.75 if title else 0.45) + 0.34 * sum(rows)),
        squeeze=False,
        height_ratios=rows,
    )
    newest, far = held - 1, len(tokens)
    for axes, (name, sets) in zip(panels[:, 0], kinds.items()):
        mine = head * sets // n_heads
        for row in range(sets):
            for token in range(held):
                box = Rectangle((token - 0.45, row - 0.3), 0.9, 0.6, zorder=2)
                box.set(facecolor=NEW if token == newest else OLD, alpha=1 if row == mine else 0.5)
                axes.add_patch(box)
                look = dict(color="white", ha="center", va="center", fontsize=8.5, zorder=3)
                axes.text(token, row, "k  v", **look)
                if row == mine:
                    axes.plot([token - 0.2] * 2, [row - 0.43, row - 0.3], color=NEW, lw=1.3, ls="-", zorder=1)
            readers = range(row * n_heads // sets, (row + 1) * n_heads // sets)
            of = f"head {readers[0]}" if len(readers) == 1 else f"heads {readers[0]}-{readers[-1]}"
            axes.text(-0.65, row, of, ha="right", va="center", fontsize=9)
        axes.plot([-0.2, newest + 0.8], [mine - 0.43] * 2, color=NEW, lw=1.3, ls="-", zorder=1)
        query = Rectangle((newest + 0.8, mine - 0.62), 1.4, 0.6, facecolor="white", edgecolor=NEW, lw=1.5)
        axes.add_patch(query)
        axes.text(newest + 1.5, mine - 0.32, f"query {head}", ha="center", va="center", fontsize=9)
        axes.text(far + 2.2, (sets - 1) / 2, f"{2 * sets * held} vectors kept", fontsize=10, va="center")
        axes.set(xlim=(-2.0, far + 4.2), ylim=(sets - 0.5, -0.65))
        axes.axis("off")
        axes.set_title(name, fontsize=11 if len(kinds) == 1 else 10)
    for token, text in enumerate(tokens[:held]):
        axes.text(token, sets - 0.35, text, ha="center", va="top", fontsize=10)
    if title:
        heading(fig, title)
    plural = "token" if held == 1 else "tokens"
    kept = ", ".join(f"{name} {2 * sets * held}" for name, sets in kinds.items())
    return fig, (
        f"After {held} {plural} a layer of {n_heads} heads keeps, in vectors: {kept}. The query of head "
        f"{head}, made by the newest token, meets the keys of all {held} {plural} in its own set."
    )


@explained
def cache_sizes(sizes: Mapping[str, float], *, title: str, limit: float, limit_name: str):
    """Return (figure, alt text): dots at cache sizes in bytes on a log axis, beside a `limit` in bytes."""
    fig, axes = plt.subplots(figsize=(6.0, 2.3))
    for row, size in enumerate(sizes.values()):
        over = size > limit
        axes.plot(size / 1e9, row, MARKERS[row], color=NEW if over else OLD, ms=9, zorder=4)
        says = f"   {_gigabytes(size)}" + (", too large" if over else "")
        patch = dict(facecolor="white", edgecolor="none", pad=0.5)
        axes.text(size / 1e9, row, says, va="center", bbox=patch, zorder=3)
    axes.axvline(limit / 1e9, color="0.3", ls="--", lw=1.2)
    axes.text(limit / 1e9, -0.55, f" {limit_name}", color="0.3", fontsize=8.5, va="bottom")
    axes.set_yticks(range(len(sizes)), sizes)
    axes.set_xscale("log")
    ticks = (0.01, 1, 100, 10_000, 1_000_000)
    axes.set(xlim=(ticks[0], ticks[-1]), ylim=(len(sizes) - 0.5, -0.9))
    axes.set_xlabel("gigabytes of cache, log scale: each mark 100 times the one before")
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="y", color="0.9", lw=0.8, ls="-")
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)
    dots = ", ".join(f"{name} {_gigabytes(size)}" for name, size in sizes.items())
    return fig, f"{title}: {dots}; beside it {limit_name}."


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.2f} GB" if size < 1e10 else f"{size / 1e9:,.0f} GB"


@explained
def gap_by_step(curves: Mapping[str, tuple[Sequence[int], Seeds]], *, title: str):
    """Return (figure, alt text): gaps after a conversion, against steps of further training; log axis.

    `curves` maps a name to (steps, a sequence of gaps for each seed). The first is the model as it was.
    """
    fig, axes = plt.subplots(figsize=(7.2, 3.5))
    for i, (name, (steps, gaps)) in enumerate(curves.items()):
        look = dict(color=COLOURS[i], ls=LINES[i], marker=MARKERS[i], ms=5)
        band(axes, steps, gaps, alpha=0.2, label=name, **look)
    axes.set_yscale("log")
    axes.set_yticks([0.02, 0.1, 0.5, 2], ["0.02", "0.1", "0.5", "2"])
    axes.minorticks_off()
    axes.set(xlabel="steps of training after the conversion", ylabel="nats above the floor,\nlog scale")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.set_title(title)
    ends = "; ".join(
        f"{name} from {gaps.map(lambda g: g[0]).words()} to {gaps.map(lambda g: g[-1]).words()}"
        for name, (_, gaps) in curves.items()
    )
    steps = next(iter(curves.values()))[0]
    return fig, f"Nats above the floor, mean and range of seeds, from step {steps[0]} to {steps[-1]}: {ends}."
