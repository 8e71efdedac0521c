"""Figures about outliers in a model: which numbers a scale loses, and what that does to the loss."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
from torch import Tensor

from lessons_lib.show.drawing import band, heading, mean
from lessons_lib.show.explained import explained
from lessons_lib.show.measured import approx
from lessons_lib.show.style import COLOURS, LINES, MARKERS


@explained
def one_token(x: Tensor, floors: dict[str, Tensor], *, title: str):
    """Return (figure, alt text): the sizes of one token's numbers x (channels,), a panel for each recipe.

    `floors` maps a recipe to the size (channels,) up to which it makes a number 0: drawn as a line, with
    what lies at or below it as crosses.
    """
    size = x.abs().clamp(min=2.0**-12)
    fig, panels = plt.subplots(len(floors), 1, figsize=(7.27, 1.75 * len(floors) + 0.5), sharex=True)
    told = []
    for axes, (name, floor) in zip(panels, floors.items()):
        lost = x.abs() <= floor
        axes.stairs(floor.tolist(), [i - 0.5 for i in range(len(x) + 1)], color=COLOURS[1], lw=1.5)
        for where, mark, colour in ((~lost, "o", COLOURS[0]), (lost, "x", COLOURS[1])):
            axes.plot(where.nonzero()[:, 0], size[where], mark, color=colour, ms=4, ls="none")
        axes.set_yscale("log", base=2)
        axes.set(ylim=(2.0**-13, 2.0**23), xlim=(-1, len(x)), yticks=[2.0**-8, 1, 2.0**8, 2.0**16])
        axes.minorticks_off()
        count = int(lost.sum())
        axes.text(0.01, 0.96, f"{name}: {count} of {len(x)} become 0", transform=axes.transAxes, va="top")
        told.append(f"{name}: {approx(count, '.0f')} of {len(x)} become 0")
    panels[-1].set_xlabel("channel")
    fig.supylabel("size of the number (log)", fontsize=9.5)
    heading(fig, title)
    return (
        fig,
        f"{title}. Sizes of one token's {len(x)} numbers, and where they are lost. {'; '.join(told)}.",
    )


@explained
def loss_by_outlier(factors: list[float], percent: dict[str, list[list[float]]], *, title: str):
    """Return (figure, alt text): by how many percent the loss rises, against how large the outlier was made.

    `percent` maps a recipe to a list for each factor (powers of two), with a number for each seed. The
    axis is logarithmic above 0.1 %, and even below it.
    """
    fig, axes = plt.subplots(figsize=(7.27, 3.7))
    ends = []
    for i, (name, of) in enumerate(percent.items()):
        look = dict(color=COLOURS[i], ls=LINES[i], marker=MARKERS[i], ms=5)
        seeds = list(zip(*of))
        end = band(axes, factors, seeds, alpha=0.18, **look)[-1]
        ends.append((end, f"{name} {end:+.3g} %", COLOURS[i]))
    place = 0.0
    for end, words, colour in sorted(ends):  # names stand beside their lines, and not on each other
        place = max(end, 1.7 * place)
        axes.text(factors[-1] * 1.25, place, words, color=colour, fontsize=8.5, va="center")
    axes.set_xscale("log", base=2)
    axes.set_xticks(factors, [f"$2^{{{math.log2(factor):.0f}}}$" for factor in factors])
    axes.set_yscale("symlog", linthresh=0.1, linscale=0.6)
    axes.minorticks_off()
    axes.set_yticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
    axes.set_ylim(-0.1, 600)
    axes.grid(axis="y", color="0.9", lw=0.8)
    axes.set_xlim(factors[0] * 0.8, factors[-1] * 40)
    axes.set(xlabel="s: one channel's numbers are so many times larger (log)", ylabel="added loss, % (log)")
    axes.set_title(title)
    told = "; ".join(
        f"{name} {approx(mean(of[0]), '+.2f')} to {approx(mean(of[-1]), '+.3g')} %"
        for name, of in percent.items()
    )
    return fig, f"{title}. Added loss from s = {factors[0]:g} to s = {factors[-1]:,.0f}: {told}."
