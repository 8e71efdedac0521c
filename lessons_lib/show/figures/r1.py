"""Figures about R1's recipe: its stages side by side, what a language reward does, students.

What a policy becomes by reward is chaotic, another processor's last digits change it; so descriptions
hold no measured value, and the dots of all seeds are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from lessons_lib.show.drawing import band, heading, smoothed
from lessons_lib.show.style import COLOURS, LINES, MARKERS

PANELS = {
    "accuracy": ("right answers", (0, 1)),
    "length": ("tokens of an answer", (0, None)),
    "mixed": ("answers that mix\nlanguages", (0, 1)),
    "repeats": ("tries of a door\ntried before", (0, None)),
}


def _dots(axes, rows: Sequence[Sequence[float]]) -> None:
    """Draw a row of dots for each list of values, one per seed, and a bar through their mean."""
    for row, values in enumerate(rows):
        colour = COLOURS[0] if row else "0.45"  # the first row is what the others start from
        for seed, value in enumerate(values):
            axes.plot(
                value, row, ls="", marker=MARKERS[seed % len(MARKERS)], ms=5.5, color=colour, alpha=0.75
            )
        mean = sum(values) / len(values)
        axes.plot([mean, mean], [row - 0.3, row + 0.3], color=COLOURS[1], ls="-", lw=2)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="y", color="0.9")
    axes.tick_params(axis="y", length=0)


def stages_side_by_side(stages: Mapping[str, Sequence], *, title: str):
    """Return (figure, alt text): accuracy, length, mixing and repeats of every stage.

    `stages` maps a name to one `Marks` per seed, in the order of the recipe, the base first.
    """
    fig, all_axes = plt.subplots(1, len(PANELS), figsize=(8.0, 3.3), sharey=True)
    for axes, (name, (label, (low, high))) in zip(all_axes, PANELS.items(), strict=True):
        _dots(axes, [[getattr(marks, name) for marks in seeds] for seeds in stages.values()])
        axes.set_xlim(low, high)
        axes.set_xlabel(label)
        axes.margins(x=0.15)
    all_axes[0].set_yticks(range(len(stages)), list(stages))
    heading(fig, title)
    return fig, (
        f"{title}. A row for each of {', '.join(stages)}; columns for right answers, tokens of an answer, "
        "the share of answers that mix languages, and of tries that repeat a door. A dot for each seed, "
        "a bar at their mean."
    )


def language_over_steps(curves: Mapping[str, Mapping[str, Tensor]], *, title: str, window: int = 5):
    """Return (figure, alt text): language reward and right answers over the steps of RL.

    `curves` maps a name to {"language": (seeds, steps), "accuracy": (seeds, steps)}; a line is the mean of
    the seeds over `window` steps, a band their range.
    """
    fig, all_axes = plt.subplots(1, 2, figsize=(7.2, 3.2), sharex=True)
    labels = {"language": "language reward of an answer,\npaid or not", "accuracy": "right answers"}
    for axes, (what, label) in zip(all_axes, labels.items(), strict=True):
        for i, (name, values) in enumerate(curves.items()):
            shown = smoothed(values[what].double(), window)
            steps = torch.arange(window, window + shown.shape[1])
            band(axes, steps, shown, color=COLOURS[i], ls=LINES[i], label=name)
        axes.set(xlabel="step of RL", ylabel=label, ylim=(0, 1), xlim=(0, None))
    all_axes[0].legend(loc="lower right")
    heading(fig, title)
    return fig, (
        f"{title}. Two panels over the steps of RL: the language reward of an answer, paid or not, and the "
        f"share of right answers. Lines: {', '.join(curves)}; the mean of the seeds, their range as a band."
    )


def students_beside_their_teacher(
    students: Mapping[str, Sequence[float]], teachers: Sequence[float], *, title: str
):
    """Return (figure, alt text): right answers of a student before and after, by how it was taught.

    `students` maps a row's name to one accuracy per seed, before its learning first; `teachers` has one
    per seed.
    """
    fig, axes = plt.subplots(figsize=(6.4, 2.9))
    _dots(axes, list(students.values()))
    for teacher in teachers:
        axes.axvline(teacher, color=COLOURS[2], ls="--", lw=1.2)
    top = axes.get_xaxis_transform()
    axes.text(min(teachers) - 0.01, 1.0, "teachers", transform=top, ha="right", va="top", color=COLOURS[2])
    axes.set_yticks(range(len(students)), list(students))
    axes.set(xlim=(0, 1), xlabel="right answers on held-out problems (one answer each)")
    axes.set_title(title)
    return fig, (
        f"{title}. Rows: {', '.join(students)}; a dot for each seed, a bar at their mean, dashed lines at "
        "the teachers' accuracy."
    )
