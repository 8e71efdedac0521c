"""Figures of lessons on reasoning: a skill that appears, and thoughts as they are written.

Each function returns (figure, alt text). What learning by reward ends at differs between processors, so the
alt texts say what is drawn and hold no measured values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt

from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES

INK = {"star": COLOURS[2], "Stern": COLOURS[2], "cross": COLOURS[1], "Kreuz": COLOURS[1]}
WAITING = {"wait", "warte"}
LINE_WIDTH = 104  # characters of a line of thought


@explained
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
    in_the_panel = panels[0][0].get_yaxis_transform()  # across from its left edge, up in shares
    panels[0][0].text(0.03, gate - 0.02, "gate", va="top", fontsize=8, color="0.4", transform=in_the_panel)
    panels[0][-1].legend(loc="center right")
    heading(fig, title)
    return fig, (
        f"One panel for each of {', '.join(checks)}: the share of lookups read right over training steps, "
        f"for {', '.join(next(iter(checks.values())))}; a dotted line marks the gate at {gate:.2f}."
    )


@explained
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
