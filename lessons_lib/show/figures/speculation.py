"""Figures about several tokens at once: labels, what the next token tells, drafts kept, their price.

Trained values and clocks go into the pictures only: the descriptions are compared between machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, HATCHES, LINES, MARKERS


@explained
def labels_of_a_window(words: Sequence[str], depth: int = 1, *, title: str):
    """Return (figure, alt text): which token each position predicts, by the main model and a module.

    `words` are the tokens of a window, the last of which is never read. A row per reader, a column per
    position; what the module of `depth` knows besides is written small.
    """
    length = len(words) - 1
    fig, axes = plt.subplots(figsize=(6.4, 2.3))
    rows = (("reads", 0), ("main model learns", 1), ("module learns", 1 + depth))
    for row, (_, shift) in enumerate(rows):
        for t in range(length):
            there = t + shift < len(words)
            colour = ("white", COLOURS[0], COLOURS[1])[row]
            box: dict[str, Any] = dict(
                facecolor=colour if there else "white", alpha=0.18 if row else 1, edgecolor="0.5"
            )
            axes.add_patch(Rectangle((t - 0.45, -row - 0.36), 0.9, 0.72, **box))
            text = words[t + shift] if there else "no label"
            axes.text(t, -row, text, ha="center", va="center", color="black" if there else "0.45")
            if row == 2 and there:
                axes.text(t, -row - 0.29, f"given {words[t + 1]}", ha="center", va="center", fontsize=6.5)
    axes.set(xlim=(-0.6, length - 0.4), ylim=(-2.5, 0.5), xlabel="position")
    axes.set_yticks([0, -1, -2], [name for name, _ in rows])
    axes.set_xticks(range(length))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    told = [
        f"position {t} reads {words[t]} and learns {words[t + 1]}"
        + (f", then, given {words[t + 1]}, {words[t + 1 + depth]}" if t + 1 + depth < len(words) else " only")
        for t in range(length)
    ]
    return fig, f"{title}. {'; '.join(told)}."


@explained
def blind_and_given(
    blind: Sequence[float], given: Mapping[str, Sequence[float]], symbols: str, *, title: str
):
    """Return (figure, alt text): chances of the token after the next, not knowing the next, and knowing it.

    `blind` and each of `given` (by the next token) have a chance for each of `symbols`; a panel each.
    """
    fig, panels = plt.subplots(1, 1 + len(given), figsize=(6.6, 2.2), sharey=True)
    rows = {"blind": blind} | {f"given {token}": row for token, row in given.items()}
    for i, (axes, (name, row)) in enumerate(zip(panels, rows.items(), strict=True)):
        look: dict[str, Any] = dict(color=COLOURS[1 if i else 5], hatch=HATCHES[0 if i else 1])
        axes.bar(range(len(symbols)), row, edgecolor="white", lw=0, **look)
        axes.set_xticks(range(len(symbols)), list(symbols))
        axes.set_title(name, fontsize=9.5)
        axes.tick_params(axis="x", length=0)
    panels[0].set_ylabel("chance")
    fig.supxlabel("the token after the next", fontsize=9.5)
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    peaks = "; ".join(f"{name}: {max(row):.2f} for {symbols[_argmax(row)]}" for name, row in rows.items())
    return fig, f"{title}. The largest chance of each panel: {peaks}."


def _argmax(row: Sequence[float]) -> int:
    return max(range(len(row)), key=row.__getitem__)


@explained
def extra_by_batch(curves: Mapping[str, Mapping[int, float]], reported: tuple[float, float], *, title: str):
    """Return (figure, alt text): what a second token adds to a pass, against texts written at once (log).

    `reported` is the range that a report's speed-up leaves, drawn as a band. The values are derived, so the
    words name some of them.
    """
    fig, axes = plt.subplots(figsize=(6.4, 3.3))
    axes.axhspan(*reported, color="0.82", lw=0)
    axes.text(1, reported[1] + 0.015, "what V3's 1.8 times leaves", va="bottom", fontsize=8.5, color="0.3")
    for i, (name, curve) in enumerate(curves.items()):
        look: dict[str, Any] = dict(color=COLOURS[i], ls=LINES[i], marker=MARKERS[i], ms=4)
        axes.plot(list(curve), list(curve.values()), label=name, **look)
    axes.set_xscale("log", base=2)
    ticks = list(next(iter(curves.values())))[::2]
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set(ylim=(-0.03, 1.35), ylabel="c: a second token adds\nthis share of a pass")
    axes.set_xlabel("texts written at once (log scale)")
    axes.legend(loc="upper center")
    axes.set_title(title)
    told = "; ".join(
        f"{name}: {', '.join(f'{c:.2f} at {n:,}' for n, c in list(curve.items())[::3])}"
        for name, curve in curves.items()
    )
    return fig, f"{title}. {told}. A band from {reported[0]:.2f} to {reported[1]:.2f}: what 1.8 times leaves."


@explained
def acceptance_by_domain(shares: Mapping[str, Sequence[float]], domains: Sequence[str], *, title: str):
    """Return (figure, alt text): the share of drafts kept, a bar per domain and way of writing.

    `shares` maps a name to one share per domain; domains are drawn in the order of the first.
    """
    first = next(iter(shares.values()))
    order = sorted(range(len(domains)), key=lambda i: first[i])
    fig, axes = plt.subplots(figsize=(6.2, 0.6 + 0.42 * len(domains)))
    height = 0.8 / len(shares)
    for k, (name, values) in enumerate(shares.items()):
        at = [row + 0.4 - (k + 0.5) * height for row in range(len(order))]
        look: dict[str, Any] = dict(color=COLOURS[k], hatch=HATCHES[k], edgecolor="white", lw=0)
        axes.barh(at, [values[i] for i in order], height, label=name, **look)
        for y, i in zip(at, order, strict=True):
            axes.text(values[i] + 0.01, y, f"{values[i]:.2f}", va="center", fontsize=7.5)
    axes.set_yticks(range(len(order)), [domains[i] for i in order])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1.1), xlabel="share of judged drafts that were kept")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), ncols=2)
    axes.set_title(title)
    ways = " and ".join(shares)
    return (
        fig,
        f"{title}. The share of drafts kept, {ways}, a pair of bars for each of {len(domains)} domains.",
    )


@explained
def speed_up(acceptance: float, extra: float, drafts: int = 1) -> float:
    """Return the time of plain decoding over that of speculative decoding, if every draft has one chance.

    `extra` is what one draft adds to a pass, as a share of a plain pass. With one draft: (1 + a) / (1 + c).
    """
    tokens = sum(acceptance**k for k in range(drafts + 1))
    return tokens / (1 + drafts * extra)


@explained
def speed_up_lines(
    extras: Mapping[str, float],
    points: Mapping[str, Sequence[tuple[float, float]]],
    *,
    drafts: int = 1,
    title: str,
):
    """Return (figure, alt text): speed-up against acceptance, a line per model by the formula.

    `extras` maps a name to what a draft costs, `points` to measured pairs of acceptance and speed-up. Points
    of short texts lie below their line, as some passes have no draft.
    """
    fig, axes = plt.subplots()
    grid = [i / 100 for i in range(101)]
    for i, (name, extra) in enumerate(extras.items()):
        axes.plot(grid, [speed_up(a, extra, drafts) for a in grid], ls=LINES[i], color=COLOURS[i], label=name)
        measured = points.get(name, ())
        axes.plot(*zip(*measured, strict=True) if measured else ((), ()), MARKERS[i], color=COLOURS[i], ms=5)
    axes.axhline(1, color="black", lw=1, ls="-")
    axes.text(0.01, 1.01, "plain decoding", va="bottom", fontsize=8.5)
    axes.set(xlim=(0, 1), ylim=(0, None), ylabel="times as fast as plain decoding")
    axes.set_xlabel("acceptance (points: measured texts)")
    axes.legend(loc="lower right")
    axes.set_title(title)
    return fig, (
        f"{title}. Speed-up against acceptance by the formula, {drafts} draft to a pass, a line each for "
        f"{', '.join(extras)}; a black line at 1 marks plain decoding."
    )
