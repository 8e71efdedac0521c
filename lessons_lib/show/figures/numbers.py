"""Figures about number formats: which values there are, how far they reach, what rounding does to a number.

The value axes are logarithmic to the base 2 unless a function says otherwise, so an octave, where a
format's values are evenly spaced, is one unit wide.
"""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle

from lessons_lib.precision import Format, bit_fields, cast_to, neighbours, values
from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.measured import approx
from lessons_lib.show.style import COLOURS, HATCHES

FIELDS = ("sign", "exponent", "mantissa")
OCTAVES = range(-45, 16)  # edges of the histograms; what lies outside is counted in the first or last


@explained
def number_line(fmt: Format, reaches: tuple[float, ...], *, title: str):
    """Return (figure, alt text): all values from 0 to each of `reaches`, a strip each, on plain axes.

    Subnormals are drawn taller and in a second colour. The numbers count what lies between the ends.
    """
    fig, strips = plt.subplots(len(reaches), 1, figsize=(7.6, 0.8 * len(reaches) + 0.6), squeeze=False)
    held = [value for value in values(fmt).tolist() if value >= 0]
    told = []
    for axes, reach in zip(strips[:, 0], reaches):
        shown = [value for value in held if value <= reach]
        is_small = [value < fmt.smallest_normal for value in shown]
        for small, colour, height in ((False, COLOURS[0], 0.6), (True, COLOURS[1], 1.0)):
            ticks = [value for value, is_one in zip(shown, is_small) if is_one == small]
            axes.vlines(ticks, 0, height, color=colour, lw=1, ls="-")
        axes.axhline(0, color="0.4", lw=1, ls="-")
        axes.set(xlim=(-0.01 * reach, 1.01 * reach), ylim=(0, 1.3), yticks=[])
        axes.spines["left"].set_visible(False)
        between = sum(0 < value < reach for value in shown)
        axes.text(reach, 0.85, f"{between} values between 0 and {reach:g}", ha="right", fontsize=8.5)
        told.append(f"{between} between 0 and {reach:g}")
    axes.set_xlabel(f"value; tall: the subnormals, below {fmt.smallest_normal:g}, and 0")
    strips[0, 0].set_title(title)
    return (
        fig,
        f"{title}. A line for each value of {fmt.name}, enlarged from strip to strip: {', '.join(told)}.",
    )


@explained
def rounded(x: float, fmt: Format, *, around: int = 4):
    """Return (figure, alt text): `x` between the values of `fmt` next to it, and the bits it becomes."""
    near = cast_to(torch.tensor(float(x)), fmt).item()
    held = values(fmt)
    middle = int((held - near).abs().argmin())
    shown = held[max(0, middle - around) : middle + around + 1].tolist()
    fig, (bits, axes) = plt.subplots(2, 1, figsize=(6.6, 2.7), height_ratios=(1, 1.3))
    _draw_bits(bits, bit_fields(near, fmt), f"{x:.5g}  becomes  {near:.5g}")
    axes.vlines(shown, 0, 0.5, color=COLOURS[0], lw=1.4, ls="-")
    axes.plot([x], [0.85], "v", color=COLOURS[1], ms=8)
    axes.vlines([x], 0, 0.8, color=COLOURS[1], lw=1.2, ls=":")
    axes.plot([near], [0.5], "o", color=COLOURS[0], ms=6)
    room = 0.06 * (max(*shown, x) - min(*shown, x))
    axes.set(xlim=(min(*shown, x) - room, max(*shown, x) + room), ylim=(0, 1.1), yticks=[])
    axes.set_xticks(shown, [f"{value + 0.0:.4g}" for value in shown], fontsize=8)  # no -0
    axes.spines["left"].set_visible(False)
    return fig, _rounded_in_words(float(x), near, fmt)


def _rounded_in_words(x: float, near: float, fmt: Format) -> str:
    below, above = neighbours(x, fmt)
    how = "exactly" if near == x else "saturated" if abs(x) > fmt.largest else "" if near else "underflow"
    off = f"{100 * abs(near - x) / abs(x):.2f} %" if x else "nothing"
    sides = [f"{side + 0.0:.5g}" if math.isfinite(side) else "nothing" for side in (below, above)]  # no -0
    return (
        f"{x:.5g} becomes {near:.5g} in {fmt.name}{f' ({how})' if how else ''}, bits "
        f"{bit_fields(near, fmt)}, off by {off}. Next below it: {sides[0]}, next above it: {sides[1]}."
    )


def _draw_bits(axes, fields: str, words: str) -> None:
    left = 0.0
    for i, digits in enumerate(fields.split()):
        for digit in digits:
            axes.add_patch(Rectangle((left, 0), 0.92, 1, facecolor=COLOURS[i], hatch="", edgecolor="none"))
            axes.text(left + 0.46, 0.47, digit, color="white", ha="center", va="center", family="monospace")
            left += 1
        axes.text(left - len(digits) / 2, -0.5, FIELDS[i], ha="center", color=COLOURS[i], fontsize=8)
        left += 0.6
    axes.text(left + 0.4, 0.47, words, va="center", fontsize=10.5)
    axes.set(xlim=(-0.3, max(left + 9, 17)), ylim=(-1.0, 1.2))
    axes.axis("off")


@explained
def ranges(rows: dict[str, tuple[float, float, float, str]], *, title: str):
    """Return (figure, alt text): from where to where formats reach, on a log axis.

    `rows` maps a name to (smallest value, smallest with all its digits, largest, words beside the bar).
    """
    fig, axes = plt.subplots(figsize=(7.6, 0.5 * len(rows) + 1.1))
    for y, (smallest, normal, largest, words) in enumerate(rows.values()):
        ends = [math.log2(end) for end in (smallest, normal, largest)]
        axes.barh(y, ends[2] - ends[1], left=ends[1], height=0.5, color=COLOURS[0])
        if ends[1] > ends[0]:
            look: dict[str, Any] = dict(color="white", edgecolor=COLOURS[1], hatch=HATCHES[1])
            axes.barh(y, ends[1] - ends[0], left=ends[0], height=0.5, **look)
        axes.text(134, y, words, va="center", fontsize=8.5)
    axes.axvline(0, color="0.4", lw=1, ls="--")
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlim=(-155, 235), ylim=(len(rows) - 0.4, -0.7))
    powers = (-128, -64, -32, 0, 32, 64, 128)
    axes.set_xticks(powers, ["1" if p == 0 else f"$2^{{{p}}}$" for p in powers])
    axes.set_xlabel("positive values (hatched: subnormals, with fewer digits the smaller they are)")
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)
    told = "; ".join(
        f"{name} {low:.2g} to {high:.3g}, {words}" for name, (low, _, high, words) in rows.items()
    )
    return fig, f"{title}. Ranges of positive values: {told}."


@explained
def magnitudes(tensors: dict, fmt: Format, *, title: str):
    """Return (figure, alt text): how large the numbers of tensors are, over the range of a format.

    `tensors` maps a name to a pair of tensors, as they are and divided by their scale; zeros are left out.
    Beside each histogram stands which share of the numbers becomes 0.
    """
    fig, grid = plt.subplots(len(tensors), 2, figsize=(7.6, 1.05 * len(tensors) + 0.9), sharex=True)
    told, edges = [], [math.log2(fmt.smallest) - 1, math.log2(fmt.smallest_normal), math.log2(fmt.largest)]
    for row, (name, pair) in zip(grid, tensors.items()):
        for axes, x, colour in zip(row, pair, COLOURS):
            x = x[x != 0]
            lost = (cast_to(x, fmt) == 0).double().mean().item()
            octave = (torch.frexp(x).exponent - 1).clamp(OCTAVES[0], OCTAVES[-2])
            shares = torch.bincount(octave - OCTAVES[0], minlength=len(OCTAVES) - 1) / x.numel()
            axes.stairs(shares.tolist(), OCTAVES, color=colour, fill=True)
            axes.axvspan(edges[1], edges[2], color="0.88", zorder=0)
            axes.axvspan(edges[0], edges[1], color="0.95", zorder=0)
            axes.text(OCTAVES[0] + 1, 0.3, f"{100 * lost:.1f} % become 0", fontsize=8.5)
            axes.set(ylim=(0, 0.4), yticks=[], xlim=(OCTAVES[0], OCTAVES[-1]))
            axes.spines["left"].set_visible(False)
            told.append(f"{approx(100 * lost, '.1f')} %")
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    powers = (-40, -30, -20, -10, 0, 10)
    for axes, words in zip(grid[-1], ("as they are", "divided by a scale per tensor")):
        axes.set_xticks(powers, ["1" if p == 0 else f"$2^{{{p}}}$" for p in powers])
        axes.set_xlabel(f"size, {words}")
    heading(fig, f"{title}\n(grey: what {fmt.name} holds, light: its subnormals)", x=0.02, fontsize=10.5)
    lines = "; ".join(
        f"{name} {before} and {after}" for name, before, after in zip(tensors, told[::2], told[1::2])
    )
    return fig, (
        f"{title}. Histograms of sizes over the range of {fmt.name}. Shares that become 0, without and "
        f"with a scale: {lines}."
    )
