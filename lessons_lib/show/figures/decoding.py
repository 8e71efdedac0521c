"""Figures about what it costs to write one token: time against what must be fetched for it.

Measured times go into the pictures only. The descriptions name no clock, because a notebook's text is
compared between machines and its pictures are not.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS


@explained
def time_line(tokens, measured, predicted, fitted, *, title: str, names: tuple[str, str]):
    """Return (figure, alt text): seconds per token against cached `tokens`, on straight axes.

    `measured` are points, `predicted` and `fitted` the two lines, whose legends are `names`.
    """
    fig, axes = plt.subplots()
    axes.plot(tokens, _ms(predicted), ls=LINES[1], color=COLOURS[1], label=names[0])
    axes.plot(tokens, _ms(fitted), ls=LINES[0], color=COLOURS[0], lw=1.2, label=names[1])
    axes.plot(tokens, _ms(measured), MARKERS[0], color=COLOURS[0], label="measured")
    axes.set(xlim=(0, None), ylim=(0, None), xlabel="tokens in the cache", ylabel="milliseconds per token")
    longest = max(tokens)
    axes.set_xticks([0, longest // 4, longest // 2, longest], ["0", *(_k(longest // n) for n in (4, 2, 1))])
    axes.set_title(title)
    axes.legend(loc="upper left")
    return fig, (
        f"Time to decode one token through one attention layer, against {tokens[0]:,} to {tokens[-1]:,} "
        "tokens in the cache. The measured points rise along a straight line; a dashed line shows the "
        "time predicted from bytes and memory bandwidth."
    )


@explained
def times_by_sharing(tokens, measured: dict, predicted: dict, *, title: str):
    """Return (figure, alt text): seconds per token of several kinds of attention, on doubling axes.

    `measured` and `predicted` map a name to its seconds, one per entry of `tokens`.
    """
    fig, axes = plt.subplots()
    axes.plot([], [], ls=LINES[0], color="0.3", lw=1.2, label="measured")
    axes.plot([], [], ls=LINES[1], color="0.3", lw=1.2, label="overhead + bytes / bandwidth")
    for i, name in enumerate(measured):
        look: dict[str, Any] = dict(color=COLOURS[i], lw=1.2)
        axes.plot(tokens, _ms(measured[name]), MARKERS[i], ls=LINES[0], label=name, **look)
        axes.plot(tokens, _ms(predicted[name]), ls=LINES[1], **look)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set(xlabel="tokens in the cache", ylabel="milliseconds per token")
    axes.set_xticks(tokens, [_k(n) for n in tokens])
    axes.minorticks_off()
    low, high = axes.get_ylim()
    ticks = [t for t in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if low <= t <= high]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.set_title(title)
    axes.legend(loc="upper left")
    names = ", ".join(measured)
    return fig, (
        f"Time to decode one token, measured and predicted, for {names}, against {tokens[0]:,} to "
        f"{tokens[-1]:,} tokens in the cache, both axes logarithmic. With few tokens the three are close, "
        "with many they part: the smaller the cache, the faster, but the shared ones lie further above "
        "their dashed predictions."
    )


def _k(tokens: int) -> str:
    return f"{tokens // 1024}k" if tokens >= 1024 else str(tokens)


def _ms(seconds) -> list[float]:
    return [1e3 * s for s in seconds]
