"""Figures about training in 8 bits: which product hurts, how small gradients are, and what runs end at."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt

from lessons_lib.show.drawing import band, heading
from lessons_lib.show.explained import explained
from lessons_lib.show.measured import approx
from lessons_lib.show.style import COLOURS, LINES, MARKERS

RIGHT_ANGLE = 90.0  # degrees: nothing is left of a direction


@explained
def turned(angles: dict[str, dict[str, list[float]]], *, title: str):
    """Return (figure, alt text): by how many degrees a recipe turns the gradient of each matrix.

    `angles[recipe][product]` has one angle per matrix. A mark is their mean, a bar their range.
    """
    fig, axes = plt.subplots(figsize=(6.6, 4.0))
    products = list(next(iter(angles.values())))
    for i, (recipe, of) in enumerate(angles.items()):
        for row, product in enumerate(products):
            y = row + 0.75 / len(angles) * (i - (len(angles) - 1) / 2)
            low, mean, high = _range(of[product])
            look: dict[str, Any] = dict(lw=5, ls="-", solid_capstyle="butt")  # ends with the range
            axes.plot([low, high], [y, y], color=COLOURS[i], alpha=0.3, **look)
            label = recipe if row == 0 else None
            axes.plot(mean, y, MARKERS[i], color=COLOURS[i], ms=7, ls="none", label=label)
    axes.axvline(RIGHT_ANGLE, color="0.4", lw=1, ls="-")
    axes.text(89, -0.62, "nothing left", color="0.4", ha="right", va="bottom", fontsize=8.5)
    axes.set_yticks(range(len(products)), [name.replace("_", " ") for name in products])
    axes.set(xlim=(-1, 93), ylim=(len(products) - 0.4, -0.7), xlabel="degrees away from FP32's gradient")
    axes.tick_params(axis="y", length=0)
    fig.legend(loc="outside lower center", ncols=len(angles))
    axes.set_title(title)
    words = "; ".join(
        f"{recipe}: " + ", ".join(f"{p.replace('_', ' ')} {_degrees(of[p])}" for p in products)
        for recipe, of in angles.items()
    )
    return fig, f"{title}. Mean angle to FP32's gradient by product, in degrees. {words}."


@explained
def gradient_sizes(
    sizes: dict[str, tuple[float, float, float]], ranges: dict[str, tuple[float, float]], *, title: str
):
    """Return (figure, alt text): sizes of each matrix's gradients (low, median, high) on a log2 axis.

    `ranges` maps a name to the smallest and largest size that is not lost; they are shaded.
    """
    fig, axes = plt.subplots(figsize=(6.4, 4.2))
    for i, (name, (low, high)) in enumerate(ranges.items()):
        axes.axvspan(math.log2(low), math.log2(high), color=COLOURS[i + 1], alpha=0.16, lw=0)
        axes.axvline(math.log2(low), color=COLOURS[i + 1], lw=1.2, ls=LINES[i])
        place = math.log2(low) + 0.3, -1.5 + 0.75 * i
        axes.text(*place, name, color=COLOURS[i + 1], fontsize=8.5, va="center")
    for row, (low, middle, high) in enumerate(sizes.values()):
        axes.plot([math.log2(low), math.log2(high)], [row, row], color=COLOURS[0], lw=5, ls="-", alpha=0.35)
        axes.plot(math.log2(middle), row, "o", color=COLOURS[0], ms=5)
    axes.set_yticks(range(len(sizes)), sizes, fontsize=8)
    axes.tick_params(axis="y", length=0)
    smallest, largest = min(low for low, *_ in sizes.values()), max(high for *_, high in ranges.values())
    left, right = math.floor(math.log2(smallest)) - 1, math.ceil(math.log2(largest)) + 1
    ticks = range(-(-left // 6) * 6, right + 1, 6)
    axes.set_xticks(ticks, [f"$2^{{{tick}}}$" for tick in ticks])
    axes.set(xlim=(left, right), ylim=(len(sizes) - 0.4, -2.0), xlabel="size of a gradient's numbers")
    axes.set_title(title)
    medians = [math.log2(middle) for _, middle, _ in sizes.values()]
    shaded = "; ".join(f"{n}, 2^{math.log2(a):.0f} to 2^{math.log2(b):.0f}" for n, (a, b) in ranges.items())
    return fig, (
        f"{title}. Sizes of the gradients behind each of {len(sizes)} matrices: medians from "
        f"{approx(2 ** min(medians), '.1e')} to {approx(2 ** max(medians), '.1e')}. Shaded: {shaded}."
    )


@explained
def loss_scales(powers: list[int], angles: list[list[float]], control: list[float], *, title: str):
    """Return (figure, alt text): angle to FP32's gradient against the loss scale, a power of two.

    `angles` has one list per scale, `control` the angles with tiles; a line is a mean, a band a range.
    """
    fig, axes = plt.subplots(figsize=(6.0, 2.8))
    look = dict(color=COLOURS[1], ls="--", marker=MARKERS[1], label="no scales, but a loss scale")
    band(axes, powers, zip(*angles, strict=True), alpha=0.2, **look)
    tiles = _range(control)
    axes.axhspan(tiles[0], tiles[2], color=COLOURS[0], alpha=0.2, lw=0)
    axes.axhline(tiles[1], color=COLOURS[0], lw=1.4, ls="-", label="tiles")
    axes.set_xticks(powers, [f"$2^{{{power}}}$" for power in powers])
    axes.set(xlabel="loss scale", ylabel="degrees away from\nFP32's gradient", ylim=(0, 95))
    axes.set_yticks([0, 30, 60, 90])
    axes.legend(loc="upper center", bbox_to_anchor=(0.46, 1.0))
    axes.set_title(title)
    title = title.translate(str.maketrans("", "", "${}"))  # the words are no formula
    words = ", ".join(f"2^{power} {_degrees(of)}" for power, of in zip(powers, angles))
    words = f"Mean angle to FP32's gradient by loss scale, in degrees: {words}; tiles {_degrees(control)}."
    return fig, f"{title}. {words}"


@explained
def losses(curves: dict[str, list[list[float]]], every: int, *, guessing: tuple[str, float], title: str):
    """Return (figure, alt text): what is learned at all, and how far the others are from the first recipe.

    `curves` maps a name to one list of losses for each seed, averaged here over `every` steps; the first name
    is the control. Left: the control and what ends near `guessing`, the (name, loss) of a model that has
    learned nothing. Right: the others in percent of the control with the same seed; a band holds the seeds.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.27, 3.6), width_ratios=(1, 1.25))
    smooth = {name: [_averages(one, every) for one in seeds] for name, seeds in curves.items()}
    control, *others = smooth
    stuck = [name for name in others if _range(seed[-1] for seed in smooth[name])[1] > 0.9 * guessing[1]]
    looks = dict(zip(smooth, (dict(color=c, ls=ls) for c, ls in zip(COLOURS, LINES))))
    for name in (control, *stuck):
        band(left, _middles(smooth[name], every), smooth[name], alpha=0.18, **looks[name], label=name)
    left.axhline(guessing[1], color="0.4", lw=1, ls="-", zorder=1)
    above: dict[str, Any] = dict(xytext=(0, 4), textcoords="offset points", ha="right", va="bottom")
    left.annotate(guessing[0], (left.get_xlim()[1], guessing[1]), color="0.4", fontsize=8, **above)
    left.set(xlabel="training step", ylabel="training loss, nats per token", ylim=(0, None), xlim=(0, None))
    left.legend(loc="lower left")
    ends = {}
    for name in [name for name in others if name not in stuck]:
        pairs = zip(smooth[name], smooth[control])
        apart = [[100 * (x / y - 1) for x, y in zip(ours, theirs)] for ours, theirs in pairs]
        label = f"{name}, {len(apart)} seed{'s' if len(apart) > 1 else ''}"
        ends[name] = band(
            right, _middles(apart, every), apart, alpha=0.18, **looks[name], lw=1.4, label=label
        )[-1]
    right.axhline(0, color=looks[control]["color"], lw=1, ls="-", zorder=1)
    right.set(xlabel="training step", xlim=(0, None))
    right.set_ylabel(f"training loss less {control}'s, %")
    if ends:
        fig.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=len(ends), fontsize=8)
    heading(fig, title)
    told = ", ".join(f"{name} {approx(end, '+.1f')} %" for name, end in ends.items())
    return fig, (
        f"{title}. Left, training loss by step: {control} falls, {', '.join(stuck) or 'no recipe'} stays at "
        f"{guessing[0]}. Right, training loss less {control}'s with the same seed, at the end: {told}."
    )


@explained
def differences(points: dict[str, list[float]], quoted: float, *, title: str):
    """Return (figure, alt text): differences of losses in percent, one mark for each seed.

    A thick dash is the mean, with its number; `quoted` (percent) is drawn on both sides of 0 as a dashed
    line.
    """
    fig, axes = plt.subplots(figsize=(7.0, 0.5 * len(points) + 1.6))
    far = 1.15 * max(quoted, *(abs(value) for seeds in points.values() for value in seeds))
    for row, seeds in enumerate(points.values()):
        low, mean, high = _range(seeds)
        axes.plot([low, high], [row, row], color=COLOURS[0], lw=5, ls="-", alpha=0.2)
        for seed, value in enumerate(seeds):
            axes.plot(value, row, MARKERS[seed], color=COLOURS[seed], ms=6)
        axes.plot([mean, mean], [row - 0.3, row + 0.3], color="0.15", lw=2.5, ls="-")
        axes.text(1.02 * far, row, f"{mean:+.2f} %", va="center", fontsize=9)
    axes.axvline(0, color="0.4", lw=1, ls="-")
    for side in (-quoted, quoted):
        axes.axvline(side, color=COLOURS[1], lw=1.2, ls="--")
    axes.text(quoted, -0.55, f" the report's {quoted} %", color=COLOURS[1], fontsize=8.5, va="bottom")
    axes.set_yticks(range(len(points)), points)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(-far, far), ylim=(len(points) - 0.4, -0.95))
    axes.set_xlabel("difference of the loss, % (a dash: mean of the seeds)")
    axes.set_title(title)
    rows = "; ".join(f"{name} {approx(_range(seeds)[1], '+.2f')}" for name, seeds in points.items())
    return fig, (
        f"{title}. A mark for each of {len(next(iter(points.values())))} seeds and a dash for their mean, "
        f"beside the report's figure of {quoted} % on both sides of 0. Means in percent: {rows}."
    )


def _range(values) -> tuple[float, float, float]:
    values = list(values)
    return min(values), sum(values) / len(values), max(values)


def _degrees(values) -> str:
    return approx(_range(values)[1], ".0f")


def _averages(values: list[float], every: int) -> list[float]:
    return [sum(values[i : i + every]) / every for i in range(0, len(values) - every + 1, every)]


def _middles(curves: list[list[float]], every: int) -> list[float]:
    return [every * (k + 0.5) for k in range(len(curves[0]))]
