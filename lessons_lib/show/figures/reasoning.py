"""Figures of lessons on reasoning: a skill that appears, curves with a band, thoughts, ablations.

Each function returns (figure, alt text). What learning by reward ends at differs between processors, so the
alt texts say what is drawn and hold no measured values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from lessons_lib.show.drawing import band, heading
from lessons_lib.show.style import COLOURS, LINES

INK = {"star": COLOURS[2], "Stern": COLOURS[2], "cross": COLOURS[1], "Kreuz": COLOURS[1]}
WAITING = {"wait", "warte"}
LINE_WIDTH = 104  # characters of a line of thought


def smooth(values: Sequence[float], window: int) -> np.ndarray:
    """Return the running mean over the last `window` values, fewer at the start."""
    sums = np.cumsum(np.insert(np.asarray(values, dtype=float), 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    return (sums[ends] - sums[starts]) / (ends - starts)


def reading(
    checks: Mapping[str, Mapping[str, tuple[Sequence[int], Sequence[float]]]], gate: float, title: str
):
    """Draw how reliably lookups are read, one panel for each model: {model: {lookup: (steps, shares)}}."""
    fig, panels = plt.subplots(1, len(checks), figsize=(8.2, 2.9), sharey=True, squeeze=False)
    for axes, (model, lookups) in zip(panels[0], checks.items()):
        axes.axhline(gate, color="0.5", lw=0.9, ls=":")
        for (name, (steps, shares)), colour, line in zip(lookups.items(), COLOURS, LINES):
            axes.plot(steps, shares, color=colour, ls=line, label=name)
        axes.set(ylim=(-0.03, 1.05), xlabel="training step")
        axes.set_title(model, fontsize=9.5, color="0.25", pad=4)
    panels[0][0].set_ylabel("read right")
    panels[0][0].text(0, gate - 0.02, " gate", va="top", fontsize=8, color="0.4")
    panels[0][-1].legend(loc="center right")
    heading(fig, title)
    return fig, (
        f"One panel for each of {', '.join(checks)}: the share of lookups read right over training steps, "
        f"for {', '.join(next(iter(checks.values())))}; a dotted line marks the gate at {gate:.2f}."
    )


def training(
    runs: Mapping[str, Sequence[Sequence[float]]],
    *,
    lines: Mapping[str, tuple[float, str]],
    title: str,
    window=5,
):
    """Draw one panel for each quantity, {quantity: one curve per seed}: the seeds' mean and their band.

    `lines` puts a labelled horizontal line into a panel.
    """
    columns = 2 if len(runs) > 3 else len(runs)
    rows = -(-len(runs) // columns)
    fig, panels = plt.subplots(rows, columns, figsize=(8.2, 2.5 * rows), squeeze=False)
    for axes, (name, curves) in zip(panels.flat, runs.items()):
        smoothed = [smooth(curve, window) for curve in curves]
        steps = np.arange(1, len(smoothed[0]) + 1)
        for curve in smoothed:
            axes.plot(steps, curve, color=COLOURS[0], lw=0.6, ls="-", alpha=0.55)
        band(axes, steps, smoothed, alpha=0.16, color=COLOURS[0], lw=2.2, ls="-")
        if name in lines:
            height, words = lines[name]
            axes.axhline(height, color=COLOURS[1], ls="--", lw=1.3)
            axes.set_ylim(top=1.0)
            about = dict(xytext=(0, 9), textcoords="offset points", color=COLOURS[1], fontsize=8.5)
            axes.annotate(words, (steps[0], height), **about)
        low, high = axes.get_ylim()
        axes.set_ylim(min(0, low), high + (0 if name in lines else 0.08 * (high - low)))
        axes.set_title(name, fontsize=9.5, color="0.25", pad=4)
    for axes in panels[-1]:
        axes.set_xlabel("step of learning by reward")
    heading(fig, title)
    marked = "".join(f" A dashed line marks, in {name}: {words}." for name, (_, words) in lines.items())
    what = f" The mean of {len(curves)} runs, with the band from the lowest to the highest."
    return fig, (
        f"Over steps of learning by reward: {'; '.join(runs)}.{what if len(curves) > 1 else ''}{marked}"
    )


def thoughts(said: Sequence[tuple[str, str]], title: str):
    """Write responses as (label, text), stars, crosses and waits in colour; long ones go on below."""
    lines: list[tuple[str, list[tuple[int, str]]]] = []
    for label, text in said:
        lines += _wrapped(label, text.split())
    fig, axes = plt.subplots(figsize=(8.2, 0.5 + 0.2 * len(lines)), layout="none")
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=1 - 0.36 / fig.get_figheight())
    axes.set(xlim=(0, LINE_WIDTH + 18), ylim=(len(lines) - 0.3, -0.7))
    axes.axis("off")
    for y, (label, words) in enumerate(lines):
        axes.text(0, y, label, fontsize=8.5, va="center", weight="bold", color="0.25")
        for x, word in words:
            colour = INK.get(word, COLOURS[3] if word in WAITING else "0.55" if word[0] == "<" else "0.1")
            weight = "bold" if word in INK else "normal"
            kind: dict[str, Any] = dict(family="DejaVu Sans Mono", fontsize=7.6, va="center", weight=weight)
            axes.text(17 + x, y, word, color=colour, **kind)
    heading(fig, title)
    names = ", ".join(dict.fromkeys(label for label, _ in said))
    return (
        fig,
        f"Written answers, each with a label: {names}. Stars, crosses and waits have colours of their own.",
    )


def _wrapped(label: str, words: Sequence[str]) -> list[tuple[str, list[tuple[int, str]]]]:
    lines: list[tuple[str, list[tuple[int, str]]]] = [(label, [])]
    place = 0
    for word in words:
        if place + len(word) > LINE_WIDTH:
            lines.append(("", []))
            place = 0
        lines[-1][1].append((place, word))
        place += len(word) + 1
    return lines


def behaviours(counted: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str):
    """Draw {behaviour: (before, after)}, one dot per seed, an arrow from mean to mean; a panel for each."""
    fig, panels = plt.subplots(2, -(-len(counted) // 2), figsize=(8.2, 4.2))
    for axes, (name, (before, after)) in zip(panels.flat, counted.items()):
        means = sum(before) / len(before), sum(after) / len(after)
        axes.annotate(
            "", (1, means[1]), (0, means[0]), arrowprops=dict(arrowstyle="-|>", color="0.6", lw=1.4)
        )
        for x, (values, colour) in enumerate(((before, COLOURS[1]), (after, COLOURS[0]))):
            axes.scatter([x] * len(values), values, color=colour, s=26, zorder=3)
        top = 1.2 * max(*before, *after, 1e-3)
        axes.set(xlim=(-0.5, 1.5), ylim=(0, top), xticks=(0, 1))
        axes.set_xticklabels(("base", "after"))
        axes.set_title(name, fontsize=9.5, color="0.25", pad=4)
    for axes in list(panels.flat)[len(counted) :]:
        axes.axis("off")
    heading(fig, title)
    return fig, f"Before and after learning by reward, one dot per seed: {'; '.join(counted)}."


def ablations(
    ends: Mapping[str, tuple[float, float, float]],
    *,
    base: tuple[float, float, float],
    ceiling: float,
    title: str,
):
    """Draw {variant: (accuracy, length, format)} as dots in three panels; `base` is a line in each."""
    fig, panels = plt.subplots(1, 3, figsize=(8.2, 0.9 + 0.27 * len(ends)), sharey=True)
    names = list(ends)
    for n, (axes, what) in enumerate(zip(panels, ("accuracy", "tokens of an answer", "right form"))):
        values = [ends[name][n] for name in names]
        axes.axvline(base[n], color=COLOURS[1], ls=":", lw=1.4)
        axes.hlines(range(len(names)), base[n], values, color="0.8", lw=2, zorder=1)
        axes.scatter(values, range(len(names)), color=COLOURS[0], s=34, zorder=3)
        axes.set_xlabel(what)
        axes.set_ylim(len(names) - 0.4, -0.9)
        axes.text(base[n], -0.55, " base", color=COLOURS[1], fontsize=8)
    panels[0].axvline(ceiling, color="0.5", ls="--", lw=1)
    panels[0].text(ceiling, len(names) - 0.45, "blind ", color="0.4", fontsize=8, ha="right", va="bottom")
    panels[0].set_yticks(range(len(names)), names)
    heading(fig, title)
    return fig, (
        f"Accuracy, length and share in the right form at equal sampled tokens for {', '.join(names)}; a "
        "dotted line marks the base, a dashed one the ceiling of blind search."
    )


def time_split(shares: Mapping[str, float], title: str):
    """Draw one bar of a step's time, cut into named shares."""
    fig, axes = plt.subplots(figsize=(8.2, 1.35))
    left = 0.0
    for (name, share), colour in zip(shares.items(), (COLOURS[0], COLOURS[1], COLOURS[2])):
        axes.barh(0, share, left=left, color=colour, height=0.6)
        words = f"{name}\n{100 * share:.0f} %"
        if share > 0.1:
            axes.text(left + share / 2, 0, words, ha="center", va="center", color="white", fontsize=9)
        else:
            axes.text(
                left + share / 2, 0.36, f"{name} {100 * share:.0f} %", ha="center", va="bottom", fontsize=8.5
            )
        left += share
    axes.set(xlim=(0, 1), ylim=(-0.35, 0.7), yticks=())
    axes.axis("off")
    heading(fig, title)
    return fig, f"One bar, the time of a step, cut into {', '.join(shares)}."
