"""Figures about a layer of experts: who goes where, who works too much, and what that costs.

What a run of training gave stands in the picture as a number; the words keep to what another machine
finds, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from lessons_lib.show.drawing import band, heading, smoothed
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS


@explained
def who_goes_where(weights: Tensor, *, title: str):
    """Return (figure, alt text): tokens on the left, experts on the right, a line for each choice.

    `weights` (N, E) are 0 where a token did not choose an expert; a line is as thick as its weight.
    """
    n_tokens, n_experts = weights.shape
    fig, axes = plt.subplots(figsize=(5.4, 2.5))
    left = [(n_experts - 1) * (i + 0.5) / n_tokens for i in range(n_tokens)]
    told = []
    for token in range(n_tokens):
        for expert in weights[token].nonzero().flatten().tolist():
            weight = weights[token, expert].item()
            look: dict[str, Any] = dict(
                color=COLOURS[token], ls="-", lw=0.5 + 6 * weight, solid_capstyle="butt"
            )
            axes.plot([0, 1], [left[token], expert], **look)
            where = 0.2 if abs(expert - left[token]) > 1 else (0.35, 0.8)[(token + expert) % 2]
            height = left[token] + where * (expert - left[token])
            patch = dict(facecolor="white", edgecolor="none", pad=0.8)
            axes.text(where, height, f"{weight:.2f}", fontsize=8.5, ha="center", va="center", bbox=patch)
            told.append(f"token {token} to expert {expert}, weight {weight:.2f}")
        axes.text(-0.03, left[token], f"token {token}", ha="right", va="center", color=COLOURS[token])
    load = (weights > 0).sum(0).tolist()
    for expert in range(n_experts):
        is_idle = load[expert] == 0
        text = f"expert {expert}: " + ("no token" if is_idle else f"{load[expert]} of {n_tokens} tokens")
        axes.text(1.03, expert, text, va="center", color="0.5" if is_idle else "0.1")
    axes.set(xlim=(-0.25, 1.6), ylim=(n_experts - 0.6, -0.4))
    axes.axis("off")
    axes.set_title(title)
    return fig, f"Lines from tokens to the experts that they chose: {'; '.join(told)}."


@explained
def load_over_steps(
    curves: Mapping[str, Tensor], *, chance: float, most: float, title: str, window: int = 10
):
    """Return (figure, alt text): how far the busiest expert is above its share, step by step.

    `curves` maps a name to (seeds, steps): a line is the mean of seeds and of `window` steps, a band reaches
    from the smallest to the largest seed. `chance` is what picking at random gives, `most` the largest
    value possible.
    """
    fig, axes = plt.subplots(figsize=(6.4, 3.3))
    for i, (name, values) in enumerate(curves.items()):
        shown = smoothed(values, window)
        steps = torch.arange(window, window + shown.shape[1])
        band(axes, steps, shown, color=COLOURS[i], ls=LINES[i], label=name)
    end = window + shown.shape[1]
    look: dict[str, Any] = dict(color="0.4", va="bottom", fontsize=8.5)
    axes.axhline(chance, color="0.4", lw=1, ls="-")
    axes.text(0, chance + 0.08, " picked at random", **look)
    axes.axhline(most, color="0.4", lw=1, ls="-")
    axes.text(end, most + 0.08, f"{most:g}: all tokens pick one expert", ha="right", **look)
    axes.set(xlim=(0, end), ylim=(0, 1.12 * most), xlabel="step", ylabel="maximum violation,\nworst layer")
    if len(curves) > 1:
        axes.legend(loc="center right")
    axes.set_title(title)
    return fig, (
        f"{title}. Maximum violation of each step's batch in the worst layer, for {', '.join(curves)}; the "
        f"largest possible value is {most:g}, picking at random gives {chance:.1f}."
    )


@explained
def alike_and_load(
    likeness: Mapping[str, Tensor], violation: Mapping[str, Tensor], *, most: float, title: str
):
    """Return (figure, alt text): how alike tokens look to the router, and how uneven the load is.

    Both map the same names to (seeds, steps); bands reach from the smallest to the largest seed.
    """
    fig, panels = plt.subplots(1, 2, figsize=(7.8, 3.1))
    labels = ("mean cosine of two tokens", "maximum violation")
    for axes, curves, label, top in zip(panels, (likeness, violation), labels, (1.0, most)):
        for i, (name, values) in enumerate(curves.items()):
            steps = torch.arange(1, values.shape[1] + 1)
            band(axes, steps, values, color=COLOURS[i], ls=LINES[i], label=name)
        axes.axhline(top, color="0.4", lw=1, ls="-")
        axes.set(ylim=(0, 1.12 * top), xlim=(0, None), xlabel="step")
        axes.set_title(label, fontsize=10)
    panels[0].text(1, 1.015, " all the same", color="0.4", fontsize=8.5, va="bottom")
    panels[1].text(1, 1.015 * most, " all pick one expert", color="0.4", fontsize=8.5, va="bottom")
    panels[0].legend(loc="center right", bbox_to_anchor=(1.0, 0.42))
    heading(fig, title)
    return fig, (
        f"{title}. Two panels over the first {steps[-1]} steps, for {' and '.join(likeness)}: "
        "the mean cosine of two tokens as the router sees them, and the maximum violation of the load."
    )


@explained
def waiting(devices: Sequence[int], factors: Mapping[str, Sequence[Sequence[float]]], *, title: str):
    """Return (figure, alt text): how many times as long the expert layers take as with an even load.

    `factors` maps a name to one list per number of devices, with a value for each seed.
    """
    fig, axes = plt.subplots(figsize=(6.4, 3.2))
    for i, (name, rows) in enumerate(factors.items()):
        look: dict[str, Any] = dict(marker=MARKERS[i], color=COLOURS[i], ls=LINES[i], label=name)
        means = band(axes, range(len(rows)), zip(*rows, strict=True), **look)
        axes.text(len(rows) - 0.93, means[-1], f"{means[-1]:.1f}", va="center", fontsize=9, color=COLOURS[i])
    axes.axhline(1, color="0.4", lw=1, ls="-")
    axes.set_xticks(range(len(devices)), [str(n) for n in devices])
    axes.set(
        xlabel="devices that share the 16 experts", ylabel="time of the expert layers,\ntimes an even load's"
    )
    axes.set(ylim=(0, None), xlim=(-0.2, len(devices) - 0.6))
    axes.legend(loc="upper left")
    axes.set_title(title)
    counts = ", ".join([str(n) for n in devices])
    return fig, f"{title}. Time of the expert layers on {counts} devices: {', '.join(factors)}."
