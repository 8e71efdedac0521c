"""Figures about one model on several ranks: who holds what and where a micro-batch goes; losses apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS

PARTS = ("embed", "layer 0", "attention", "experts", "attention", "experts", "head, MTP")
EXPERTS = [i for i, part in enumerate(PARTS) if part == "experts"]
RANKS = (COLOURS[0], COLOURS[4])  # dark and light in grey, too
WAYS = {  # what is held: all, a slice, or the parts of each rank; and what is sent
    "ddp": ("all", "gradients of everything, added up"),
    "fsdp": ("slice", "slices, before they are used; gradients"),
    "ep": ("all", "tokens to experts and back; the other gradients"),
    "fsdp_ep": ("slice", "tokens; slices of the rest; its gradients"),
    "pp": (((0, 1, 2, 3), (0, 4, 5, 6)), "the stream, and its gradient back"),
    "dualpipev": (((0, 1, 6), (2, 3, 4, 5)), "the stream, twice as often"),
}


@explained
def journeys(layouts: Sequence[str] = tuple(WAYS)) -> tuple[Figure, str]:
    """Return (figure, alt text): for each layout what two ranks hold, and the way of one micro-batch."""
    fig, grid = plt.subplots(
        -(-len(layouts) // 2), 2, figsize=(7.6, 1.75 * -(-len(layouts) // 2) + 0.7), squeeze=False
    )
    for axes in grid.flat[len(layouts) :]:
        axes.axis("off")
    for axes, name in zip(grid.flat, layouts, strict=False):
        _layout(axes, name)
    heading(fig, "A micro-batch passes every part of the model; layouts differ in where the parts are")
    sent = "; ".join(f"{name}: {WAYS[name][1]}" for name in layouts)
    return fig, f"What two ranks hold, and the way of one micro-batch of rank 0's texts. Sent are, {sent}."


def _layout(axes: Axes, name: str) -> None:
    """Draw two rows of parts in the colours of their ranks, and the way through them."""
    held, sent = WAYS[name]
    apart = name in ("ep", "fsdp_ep")
    for rank in range(2):
        axes.text(-0.62, rank, f"rank {rank}", ha="right", va="center", fontsize=8)
        for i in range(len(PARTS)):
            mine = isinstance(held, str) or i in held[rank]
            axes.add_patch(Rectangle((i - 0.42, rank - 0.3), 0.84, 0.6, fc="white", ec="0.75", lw=0.8))
            half = held == "slice" or (apart and i in EXPERTS)
            if mine:
                low = rank - 0.3 + (0.3 if half and rank else 0.0)
                axes.add_patch(
                    Rectangle((i - 0.42, low), 0.84, 0.3 if half else 0.6, fc=RANKS[rank], ec="none")
                )
    way = [(i, 0.0 if isinstance(held, str) or i in held[0] else 1.0) for i in range(len(PARTS))]
    axes.plot(*zip(*way, strict=True), color=COLOURS[1], marker="o", ms=4.5, lw=1.4, ls="-")
    for i in EXPERTS if apart else ():
        axes.annotate("", (i, 0.92), (i, 0.06), arrowprops={"arrowstyle": "<->", "color": COLOURS[1]})
    for i, part in enumerate(PARTS):
        axes.text(i, -0.42, part, ha="left", va="bottom", fontsize=7, rotation=30)
    axes.text(-0.45, 1.42, f"sent: {sent}", fontsize=7.5, va="top")
    axes.set(xlim=(-1.9, len(PARTS) - 0.2), ylim=(1.85, -1.25))
    axes.set_title(name, fontsize=10, pad=2)
    axes.axis("off")


@explained
def differences(curves: Mapping[str, Mapping[str, Sequence[float]]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): |loss minus one process's| by step, log; {group: {name: differences}}.

    A group has a colour and a mark; exact equality, which a log axis can't show, is drawn at 1e-17.
    """
    fig, axes = plt.subplots(figsize=(7.0, 3.6))
    words = []
    for i, (group, lines) in enumerate(curves.items()):
        for j, values in enumerate(lines.values()):
            look: dict[str, Any] = {
                "color": COLOURS[i],
                "marker": MARKERS[i],
                "ls": LINES[j % len(LINES)],
                "ms": 3.5,
                "lw": 1,
            }
            axes.plot(
                range(1, len(values) + 1),
                [max(value, 1e-17) for value in values],
                label=group if j == 0 else "_",
                **look,
            )
        words.append(f"{group} ({', '.join(lines)})")
    axes.set(yscale="log", ylim=(3e-18, 1), xlabel="step", ylabel="difference, nats (log)")
    axes.axhline(1e-17, color="0.6", lw=0.6, ls=":")
    axes.annotate("equal", (1, 1e-17), (-2, 4), textcoords="offset points", fontsize=8, color="0.4")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8)
    axes.set_title(title)
    return fig, f"{title}. By step, on a log axis: {'; '.join(words)}."
