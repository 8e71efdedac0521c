"""Figures about how a model learns faster: steps made even, rates tuned, rows looked up, answers handed over.

Each mechanism has a picture in which one matrix, one text or one answer can be followed; results have a dot
for each run, on log axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons_lib.runs import Seeds
from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS

LIT, PALE = COLOURS[1], COLOURS[5]


@explained
def evened(rounds: Mapping[str, Tensor], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): the singular values of one matrix after so many rounds, {name: values}."""
    fig, axes = plt.subplots(figsize=(7.0, 3.2))
    axes.axhspan(0.6, 1.25, color=COLOURS[2], alpha=0.15, lw=0)
    words = []
    for i, (name, values) in enumerate(rounds.items()):
        falling = values.sort(descending=True).values
        axes.plot(range(1, len(falling) + 1), falling, MARKERS[i], color=COLOURS[i], ms=3.5, label=name)
        words.append(f"{name}: ≈{falling[0]:.2g} to ≈{falling[-1]:.2g}")
    axes.set(yscale="log", xlabel="singular values, the largest first", ylabel="size (log scale)")
    axes.legend(fontsize=8.5, ncols=2)
    heading(fig, title)
    return fig, f"{title}. Largest and smallest of {len(falling)} singular values, {'; '.join(words)}."


@explained
def tuned(sweeps: Mapping[str, Mapping[tuple[float, float], float]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): what each pair of rates ends at, {optimizer: {(hidden, rest): gap}}.

    Pairs of two equal rates are hollow: nothing has been tuned there but one number.
    """
    fig, axes = plt.subplots(figsize=(7.0, 3.4))
    words = []
    for i, (name, sweep) in enumerate(sweeps.items()):
        look: dict[str, Any] = dict(color=COLOURS[i], marker=MARKERS[i], ms=7, ls="none")
        for (hidden, rest), gap in sweep.items():
            single = hidden == rest
            axes.plot([rest], [gap], mfc="none" if single else COLOURS[i], **look)
            axes.annotate(
                f"{hidden:g}", (rest, gap), textcoords="offset points", xytext=(7, -3), fontsize=7.5
            )
        axes.plot([], [], label=f"{name} (number: its rate of the hidden matrices)", **look)
        one, best = min(g for (a, b), g in sweep.items() if a == b), min(sweep.values())
        words.append(f"{name}: ≈{one:.2f} at its best with one rate for all, ≈{best:.2f} with two")
    axes.plot([], [], "o", mfc="none", color="0.3", label="hollow: one rate for everything")
    axes.set(xscale="log", yscale="log", ylabel="gap, nats per token (log scale)")
    axes.set_xlabel("rate of embedding, head and gains (log scale)")
    marks = sorted({rest for sweep in sweeps.values() for _, rest in sweep})
    axes.set_xticks(marks, [f"{mark:g}" for mark in marks])
    axes.set_yticks(heights := [0.1, 0.2, 0.4, 0.6], [f"{height:g}" for height in heights])
    axes.minorticks_off()
    axes.legend(fontsize=8)
    heading(fig, title)
    return fig, f"{title}. {'; '.join(words)}."


@explained
def looked_up(text: Sequence[str], rows: Tensor, sizes: Sequence[int], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): the last position's n-grams and their rows in each table.

    `rows` (tables,) of tables with so many `sizes`; the first half is addressed by two tokens, the rest by
    three.
    """
    fig, axes = plt.subplots(figsize=(7.2, 3.0))
    n, half = len(text), len(sizes) // 2
    for i, token in enumerate(text):
        axes.text(i, 1.5, token, ha="center", va="center", fontsize=13, family="monospace")
        axes.add_patch(plt.Rectangle((i - 0.4, 1.1), 0.8, 0.8, fill=False, ec="0.4"))
    for k, (row, size) in enumerate(zip(rows.tolist(), sizes)):
        order, x, y = (2 if k < half else 3), n + 1.4 + 1.7 * k, 1.5
        axes.add_patch(plt.Rectangle((x - 0.35, y - 1.4), 0.7, 2.8, fill=False, ec="0.4"))
        at = y + 1.4 - 2.8 * (row + 0.5) / size
        axes.plot([x - 0.35, x + 0.35], [at, at], color=COLOURS[k // half], lw=3, ls="-")
        axes.text(x, y + 1.55, f"{size} rows", ha="center", fontsize=8)
        axes.text(x + 0.4, at, str(row), va="center", fontsize=8.5)
        side = 2.35 if order == 2 else 0.65
        axes.plot([n - order - 0.45, n - 0.55], [side, side], color=COLOURS[k // half], lw=2, ls="-")
        axes.plot([n - 0.5, x - 0.4], [side, at], color=COLOURS[k // half], lw=0.8, ls=LINES[k // half])
    axes.text(n - 2, 2.5, "2-gram", ha="left", fontsize=8.5, color=COLOURS[0])
    axes.text(n - 3, 0.25, "3-gram", ha="left", fontsize=8.5, color=COLOURS[1])
    axes.set(xlim=(-0.7, n + 1.4 + 1.7 * len(sizes)), ylim=(-0.3, 3.5))
    axes.axis("off")
    heading(fig, title)
    found = ", ".join(f"{row} of {size}" for row, size in zip(rows.tolist(), sizes))
    return (
        fig,
        f"{title}. The text {''.join(text)}; its last two tokens, then its last three, lead to rows {found}.",
    )


@explained
def known_by_step(curves: Mapping[str, Mapping[int, Seeds[float]]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): the share of a book that is known by step, {arm: {step: Seeds}}."""
    fig, axes = plt.subplots(figsize=(7.0, 3.4))
    words = []
    for i, (name, by_step) in enumerate(curves.items()):
        steps, means = list(by_step), [seeds.mean for seeds in by_step.values()]
        axes.plot(steps, means, color=COLOURS[i], ls=LINES[i], marker=MARKERS[i], ms=4, label=name)
        low, high = ([getattr(seeds, end) for seeds in by_step.values()] for end in ("low", "high"))
        axes.fill_between(steps, low, high, color=COLOURS[i], alpha=0.15, lw=0)
        words.append(f"{name}: ≈{means[-1]:.2f} after {steps[-1]} steps")
    axes.set(xlabel="step", ylabel="share of the numbers known", ylim=(-0.02, 1.04))
    axes.legend(fontsize=8, loc="center right")
    heading(fig, title)
    return fig, f"{title}. {'; '.join(words)}."


@explained
def answers(
    symbols: Sequence[str], teacher: Tensor, student: Tensor, drawn: Sequence[int], *, title: str
) -> tuple[Figure, str]:
    """Return (figure, alt text): two distributions (symbols,), and how each signal moves the student.

    Left the probabilities; right the change of the student's scores that the whole answer asks for, and what
    the single tokens `drawn` ask for. Both follow the KL from the student.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2))
    places = torch.arange(len(symbols))
    left.bar(places - 0.2, teacher, 0.4, color=COLOURS[0], label="teacher")
    left.bar(places + 0.2, student, 0.4, color=LIT, hatch="///", ec="white", label="student")
    ratio = (teacher / student).log()
    whole = student * (ratio - (student * ratio).sum())
    right.bar(places, whole, 0.7, color=COLOURS[0], label="the whole answer")
    for i, token in enumerate(drawn):
        single = ratio[token] * ((places == token).to(student.dtype) - student)
        look = dict(color=COLOURS[1 + i], marker=MARKERS[1 + i], ls="none", ms=5)
        right.plot(places, single, label=f"'{symbols[token]}' alone", **look)
    for axes in (left, right):
        axes.set_xticks(places, list(symbols))
        axes.legend(fontsize=8)
    left.set(xlabel="next symbol", ylabel="probability")
    right.set(xlabel="next symbol", ylabel="push on the student's score")
    right.axhline(0, color="0.4", lw=0.8, ls="-")
    heading(fig, title)
    most = symbols[int(whole.argmax())]
    return fig, (
        f"{title}. Of {len(symbols)} symbols the whole answer pushes '{most}' up most; "
        f"{len(drawn)} single tokens each push mostly themselves."
    )
