"""Figures about heads that share keys and values: who reads what, how large it is, what it costs."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from lessons_lib.runs import Seeds
from lessons_lib.show.style import COLOURS, HATCHES, MARKERS


def heads_and_groups(n_heads: int, kinds: dict[str, int]):
    """Return (figure, alt text): for each kind of attention, which query head reads which keys.

    `kinds` maps a name to its number of key/value heads, which divides `n_heads`.
    """
    fig, panels = plt.subplots(1, len(kinds), figsize=(7.6, 2.3))
    for axes, (name, n_kv) in zip(panels, kinds.items()):
        group = n_heads // n_kv
        for kv in range(n_kv):
            middle = kv * group + (group - 1) / 2
            _box(axes, middle, 0.0, "kv", COLOURS[1], width=0.8 * group**0.5)
            for head in range(kv * group, (kv + 1) * group):
                axes.plot([head, middle], [1.42, 0.58], color="0.35", lw=1, ls="-", zorder=1)
                _box(axes, head, 1.42, "q", COLOURS[0])
        axes.set(xlim=(-0.7, n_heads - 0.3), ylim=(-0.35, 2.5))
        axes.axis("off")
        axes.set_title(f"{name}: {n_kv} set{'s' if n_kv > 1 else ''}", fontsize=10)
    panels[0].text(-0.6, 2.15, "query heads", fontsize=8.5, color=COLOURS[0])
    panels[0].text(-0.6, -0.32, "sets of keys and values: what is cached", fontsize=8.5, color=COLOURS[1])
    each = [f"{name} has {n_kv}, each read by {n_heads // n_kv}" for name, n_kv in kinds.items()]
    return fig, f"{n_heads} query heads above the sets of keys and values that they read. {'; '.join(each)}."


def _box(axes, x: float, y: float, text: str, colour: str, width: float = 0.7) -> None:
    axes.add_patch(Rectangle((x - width / 2, y), width, 0.58, facecolor=colour, zorder=2))
    axes.text(x, y + 0.27, text, color="white", ha="center", va="center", fontsize=7.5, zorder=3)


def cache_sizes(sizes: dict[str, float], *, title: str, limit: float, limit_name: str):
    """Return (figure, alt text): bars of cache sizes in bytes on a log axis, beside a `limit` in bytes."""
    fig, axes = plt.subplots(figsize=(6.0, 2.3))
    for row, size in enumerate(sizes.values()):
        look: dict[str, Any] = dict(height=0.6, edgecolor="white", hatch=HATCHES[row])
        axes.barh(row, size / 1e9, color=COLOURS[row], **look)
        patch = dict(facecolor="white", edgecolor="none", pad=1.5)
        axes.text(size / 1e9 * 1.25, row, _gigabytes(size), va="center", bbox=patch)
    axes.axvline(limit / 1e9, color="0.3", ls="--", lw=1.2)
    axes.text(limit / 1e9, -0.55, f" {limit_name}", color="0.3", fontsize=8.5, va="bottom")
    axes.set_yticks(range(len(sizes)), sizes)
    axes.set_xscale("log")
    ticks = (0.01, 1, 100, 10_000, 1_000_000)
    axes.set(xlim=(ticks[0], ticks[-1]), ylim=(len(sizes) - 0.5, -0.9))
    axes.set_xlabel("gigabytes of cache, each mark 100 times the one before")
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)
    bars = ", ".join(f"{name} {_gigabytes(size)}" for name, size in sizes.items())
    return fig, f"{title}: {bars}; beside it {limit_name}."


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.2f} GB" if size < 1e10 else f"{size / 1e9:,.0f} GB"


def bytes_against_gap(points: dict[str, tuple[int, Seeds[float]]], *, title: str):
    """Return (figure, alt text): loss above the floor against cache bytes per token.

    `points` maps a name to (bytes, gaps in nats per token). A bar reaches from the smallest to the
    largest seed.
    """
    fig, axes = plt.subplots()
    top = max(gaps.high for _, gaps in points.values())
    for i, (name, (size, gaps)) in enumerate(points.items()):
        axes.plot([size, size], [gaps.low, gaps.high], color=COLOURS[i], lw=6, ls="-", alpha=0.25)
        axes.plot([size] * len(gaps), gaps.values, "_", color=COLOURS[i], ms=12)
        axes.plot(size, gaps.mean, MARKERS[i], color=COLOURS[i], ms=8)
        axes.text(size, gaps.high + 0.04 * top, f"{name}\n{gaps.mean:.3f}", ha="center", va="bottom")
    sizes = [size for size, _ in points.values()]
    axes.axhline(0, color="0.4", lw=1, ls="-")
    axes.text(max(sizes) * 1.4, 0.015 * top, "the floor", color="0.4", ha="right", va="bottom", fontsize=9)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set(xlim=(min(sizes) / 1.5, max(sizes) * 1.5), ylim=(0, 1.35 * top))
    axes.set(xlabel="bytes in the cache for each token", ylabel="loss above the floor,\nnats per token")
    axes.set_title(title)
    words = "; ".join(f"{name} with {size:,} bytes: {gaps.words(2)}" for name, (size, gaps) in points.items())
    return fig, f"{title}. Mean loss above the floor and its range over seeds: {words} nats per token."
