"""Attention that can be followed: which head looks at which token of a text; how positions turn vectors."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import matplotlib.pyplot as plt
from torch import Tensor

from lessons_lib.show.explained import explained
from lessons_lib.show.figures.writing import MONO
from lessons_lib.show.style import COLOURS

INK, LIT = COLOURS[0], COLOURS[1]


@explained
def heads_look(tokens: Sequence[str], weights: Tensor, position: int, right: Collection[int], *, title: str):
    """Return (figure, alt text): where every head looks from `position` of a text.

    `weights` (layers, heads, query, key) are attention's; a square's area is a weight. Tokens at the places
    `right`, where one who knows the rule would look, are boxed. What comes after `position` is struck out.
    """
    layers, heads, n = weights.shape[:3]
    if not 0 <= position < n or len(tokens) != n:
        raise ValueError(f"position {position} of {n} weights and {len(tokens)} tokens")
    rows = weights[:, :, position].flatten(0, 1).tolist()  # (layers x heads) lists of n
    fig, axes = plt.subplots(figsize=(7.27, 0.21 * len(rows) + 1.2))
    axes.axvspan(position + 0.5, n - 0.4, facecolor="0.94", edgecolor="0.75", hatch="////", lw=0)
    for row, looks in enumerate(rows):
        y = row + 0.6 * (row // heads)  # a gap between layers
        axes.plot([-0.6, n - 0.4], [y, y], color="0.85", lw=0.6, ls="-", zorder=0)
        axes.text(
            -0.9,
            y,
            f"layer {row // heads + 1}, head {row % heads + 1}",
            ha="right",
            va="center",
            fontsize=7.5,
        )
        for place, weight in enumerate(looks):
            side = 0.95 * math.sqrt(weight)
            corner = (place - side / 2, y - side / 2)
            axes.add_patch(
                plt.Rectangle(corner, side, side, facecolor=LIT if place in right else INK, lw=0, zorder=2)
            )
    bottom = len(rows) + 0.6 * (layers - 1) + 0.3
    for place, token in enumerate(tokens):
        box = dict(boxstyle="square,pad=0.15", fc="white", ec=LIT, lw=1.4) if place in right else None
        strong = place in right or place == position
        look: dict[str, Any] = dict(
            family=MONO, fontsize=8, ha="center", va="center", weight="bold" if strong else "normal"
        )
        axes.text(place, bottom, token, bbox=box, color="black" if place <= position else "0.6", **look)
    axes.annotate(
        "asks",
        (position, bottom + 0.55),
        (position, bottom + 1.7),
        ha="center",
        va="center",
        fontsize=8,
        arrowprops=dict(arrowstyle="-|>", lw=0.9),
    )
    axes.set(xlim=(-0.8, n - 0.3), ylim=(bottom + 2.0, -0.8))
    axes.axis("off")
    axes.set_title(title)
    boxed = ", ".join(f"{tokens[place]} at {place}" for place in sorted(right)) or "none"
    return fig, (
        f"A row of squares for each of {layers} x {heads} heads over the text {''.join(tokens)}: the weights "
        f"given from position {position}, {tokens[position]}, to itself and what stands before; later tokens "
        f"are struck out. Boxed: {boxed}."
    )


@explained
def clocks(speeds: Sequence[float], positions: int, *, title: str):
    """Return (figure, alt text): a clock for each pair and position, its hand at position x speed radians.

    `speeds` are the angles per token of a few pairs, fastest first.
    """
    fig, axes = plt.subplots(figsize=(7.27, 0.6 * len(speeds) + 0.8))
    for row, speed in enumerate(speeds):
        axes.text(-0.75, row, f"{speed:.3g} a token", ha="right", va="center", fontsize=8.5)
        for place in range(positions):
            axes.add_patch(plt.Circle((place, row), 0.38, facecolor="white", edgecolor="0.5", lw=1))
            tip = place + 0.36 * math.cos(place * speed), row - 0.36 * math.sin(place * speed)
            axes.plot([place, tip[0]], [row, tip[1]], color=INK, lw=2, ls="-", solid_capstyle="round")
    for place in range(positions):
        axes.text(place, len(speeds) - 0.35, str(place), ha="center", va="center", fontsize=8.5)
    axes.text(-0.75, len(speeds) - 0.35, "position", ha="right", va="center", fontsize=8.5)
    axes.set(xlim=(-2.0, positions - 0.5), ylim=(len(speeds) - 0.1, -0.55), aspect="equal")
    axes.axis("off")
    axes.set_title(title)
    said = ", ".join(f"{speed:.3g}" for speed in speeds)
    return fig, (
        f"A row of clocks for each of {len(speeds)} pairs of channels, one clock a position, 0 to "
        f"{positions - 1}. From one position to the next the hands turn by {said} radians: the first row "
        "fast, the last hardly."
    )
