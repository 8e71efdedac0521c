"""Figures that hold a measurement against what the machine can do at most: rooflines and crossings.

A machine does at most `peak` FLOPs and fetches at most `bandwidth` bytes in a second. Work that does i
FLOPs for each byte it fetches is therefore held to min(peak, i * bandwidth): the roof.
Measured times go into the pictures only; the descriptions name no clock.
Source: Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS


@explained
def times_against_limits(tokens, measured: dict, limits: dict, *, title: str):
    """Return (figure, alt text): seconds per token of several forms and their limits, doubling axes.

    `measured` and `limits` map a name to its seconds, one per entry of `tokens`.
    """
    fig, axes = plt.subplots(figsize=(6.0, 3.6))
    axes.plot([], [], ls=LINES[0], color="0.3", lw=1.2, label="measured")
    axes.plot([], [], ls=LINES[1], color="0.3", lw=1.2, label="limit of this machine")
    for i, (name, seconds) in enumerate(measured.items()):
        look: dict[str, Any] = dict(color=COLOURS[i], lw=1.2)
        axes.plot(tokens, _ms(seconds), MARKERS[i], ls=LINES[0], **look)
        axes.plot(tokens, _ms(limits[name]), ls=LINES[1], **look)
    height = 0.0  # of the last label: names whose times nearly agree must not lie on each other
    for name in sorted(measured, key=lambda name: measured[name][-1]):
        height = max(1e3 * measured[name][-1], 1.6 * height)
        colour = COLOURS[list(measured).index(name)]
        axes.text(tokens[-1] * 1.12, height, name, color=colour, va="center")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set(xlabel="tokens in the cache", ylabel="milliseconds per token")
    axes.set_xlim(tokens[0] / 1.2, tokens[-1] * 2.6)
    axes.set_xticks(tokens, [f"{n // 1024}k" for n in tokens])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_title(title)
    axes.legend(loc="upper left")
    return fig, (
        f"Time to decode one token, measured and at the machine's limit, for {', '.join(measured)}, "
        f"against {tokens[0]:,} to {tokens[-1]:,} tokens in the cache, both axes logarithmic."
    )


@explained
def roofline(peak: float, bandwidth: float, points: dict[str, tuple[float, float]], *, title: str):
    """Return (figure, alt text): what the machine allows, and where measured work lies under it.

    `peak` is in FLOP/s, `bandwidth` in bytes/s; `points` maps a name to (FLOPs per byte, FLOP/s).
    """
    fig, axes = plt.subplots(figsize=(6.0, 3.6))
    from_left = sorted(points, key=lambda name: points[name])
    per_byte = [i for i, _ in points.values()]
    left, ridge, right = min(per_byte) / 8, peak / bandwidth, max(max(per_byte), peak / bandwidth) * 8
    axes.plot([left, ridge, right], [left * bandwidth / 1e9, peak / 1e9, peak / 1e9], ls="-", color="0.3")
    axes.axvline(ridge, color="0.7", lw=1, ls=":")
    axes.text(ridge * 1.1, left * bandwidth / 1e9, f"ridge: {ridge:.1f} FLOPs per byte", color="0.4")
    slope = (left * ridge) ** 0.5  # the middle of the slope
    axes.text(slope / 1.3, slope * bandwidth / 1e9 * 1.25, "memory\ndecides", color="0.4", ha="right")
    axes.text(right / 1.2, left * bandwidth / 1e9, "%: of the roof", color="0.4", ha="right")
    axes.text(right / 1.2, peak / 1e9 * 1.15, "arithmetic decides", color="0.4", ha="right")
    for row, (name, (intensity, speed)) in enumerate(points.items()):
        roof, is_left = min(peak, intensity * bandwidth), from_left.index(name) % 2 == 1
        look: dict[str, Any] = dict(color=COLOURS[row], zorder=3)
        axes.plot([intensity] * 2, [speed / 1e9, roof / 1e9], lw=1, ls="-", **look)
        axes.plot(intensity, speed / 1e9, MARKERS[row % len(MARKERS)], ms=7, ls="none", **look)
        words = f"{name}\n{100 * speed / roof:.0f} %"
        where: dict[str, Any] = dict(va="top", ha="right" if is_left else "left", fontsize=8.5)
        axes.text(intensity * (1.15 if is_left else 0.87), speed / 1e9 / 1.22, words, **where, **look)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set(xlim=(left, right), ylim=(left * bandwidth / 1e9 / 1.8, peak / 1e9 * 1.8))
    axes.set(xlabel="FLOPs for each byte that must be fetched", ylabel="billion FLOPs per second")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_title(title)
    named = ", ".join(f"{name} at {intensity:.1f}" for name, (intensity, _) in points.items())
    return fig, (
        "A roofline: FLOPs per second against FLOPs per byte, both axes logarithmic. The roof rises with "
        "the memory's bandwidth and is flat where arithmetic decides. Under it, by FLOPs per byte: "
        f"{named}."
    )


@explained
def at_the_roof(peak: float, bandwidth: float, intensities: dict[str, float], *, title: str):
    """Return (figure, alt text): what a machine allows at most to work of so many FLOPs per byte.

    `peak` is in FLOP/s, `bandwidth` in bytes/s. Nothing is measured: every dot lies on the roof itself.
    """
    fig, axes = plt.subplots(figsize=(7.27, 4.2))
    ridge = peak / bandwidth
    left, right = min(*intensities.values(), ridge) / 4, max(*intensities.values(), ridge) * 12
    axes.plot([left, ridge, right], [left * bandwidth / 1e12, peak / 1e12, peak / 1e12], ls="-", color="0.2")
    axes.axvline(ridge, color="0.5", lw=1, ls=":")
    axes.text(ridge * 1.08, left * bandwidth / 1e12, f"ridge: {ridge:.0f}", color="0.2", va="bottom")
    middle = (left * ridge) ** 0.5
    axes.text(middle * 1.5, bandwidth * middle / 1e12 / 1.1, "memory decides", color="0.35", va="center")
    axes.text(right / 1.1, peak / 1e12 * 1.15, "arithmetic decides", color="0.35", ha="right", va="bottom")
    said = []
    for i, (name, intensity) in enumerate(intensities.items()):
        share = min(1.0, intensity / ridge)
        axes.plot(intensity, share * peak / 1e12, MARKERS[i], ms=10, ls="none", color=COLOURS[i], zorder=3)
        allowed = "the whole peak" if share == 1 else f"{share:.1%} of the peak"
        words = f"{name}: {intensity:.0f} FLOPs\na byte, {allowed}"
        look: dict[str, Any] = dict(fontsize=9.5, color=COLOURS[i], linespacing=1.25)
        if share == 1:  # under the flat part, beside the ridge
            axes.plot([intensity] * 2, [peak / 2.5e12, peak / 1e12], lw=0.8, ls="-", color=COLOURS[i])
            axes.text(ridge * 1.15, peak / 2.7e12, words, va="top", **look)
        elif share > 0.5:  # left of the slope's end, level with its dot
            axes.text(intensity / 1.7, share * peak / 1e12, words, ha="right", va="center", **look)
        else:  # right of the slope, under it
            axes.text(intensity * 1.6, share * peak / 1e12, words, va="center", **look)
        said.append(f"{name}, {intensity:.0f} FLOPs a byte, {allowed}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set(xlim=(left, right), ylim=(left * bandwidth / 1e12 / 1.3, peak / 1e12 * 2.6))
    axes.set(
        xlabel="FLOPs for each byte that must be fetched, log axis", ylabel="trillion FLOPs a second, log"
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_title(title)
    return fig, (
        f"A roofline with its ridge at {ridge:.0f} FLOPs a byte, both axes logarithmic. "
        f"At most: {'; '.join(said)}."
    )


@explained
def crossing(new, counted: dict, measured: dict, at: float, *, title: str):
    """Return (figure, alt text): seconds of two forms against the number of `new` tokens.

    `counted` are products divided by the machine's speed; `at` is where the counted lines cross.
    """
    fig, axes = plt.subplots(figsize=(6.0, 3.4))
    axes.plot([], [], ls=LINES[0], color="0.3", lw=1.2, label="measured")
    axes.plot([], [], ls=LINES[1], color="0.3", lw=1.2, label="counted, at this machine's speed")
    for i, (name, seconds) in enumerate(measured.items()):
        look: dict[str, Any] = dict(color=COLOURS[i], lw=1.2)
        axes.plot(new, _ms(seconds), MARKERS[i], ls=LINES[0], label=name, **look)
        axes.plot(new, _ms(counted[name]), ls=LINES[1], **look)
    axes.axvline(at, color="0.4", lw=1, ls=":")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.text(at * 1.06, axes.get_ylim()[0] * 1.2, f"counted: {at:.0f}", color="0.4", va="bottom")
    axes.set_xticks(new, [str(n) for n in new])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="new tokens at once", ylabel="milliseconds")
    axes.set_title(title)
    axes.legend(loc="upper left")
    return fig, (
        f"Time of one look by {' and '.join(measured)}, measured and counted, against {new[0]} to {new[-1]} "
        f"new tokens at once, both axes logarithmic. The counted lines cross at {at:.0f} new tokens; to "
        "the left of it the absorbed form is the cheaper one."
    )


def _ms(seconds) -> list[float]:
    return [1e3 * float(s) for s in seconds]
