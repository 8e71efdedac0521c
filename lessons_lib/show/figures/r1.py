"""Figures about R1's recipe: its stages as a plan and side by side, what mixing became, students.

What a policy becomes by reward is chaotic, another processor's last digits change it; so descriptions
hold no measured value, and all seeds are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from lessons_lib.show.drawing import PALE, band, heading, mean, smoothed
from lessons_lib.show.explained import explained
from lessons_lib.show.figures.thinking import frame
from lessons_lib.show.style import COLOURS, LINES, MARKERS

EXAMPLES, REWARDS, PLAIN = COLOURS[0], COLOURS[1], "0.4"  # the ink of an arrow: what changes a model
WIDE, HIGH, HALF, LOW = 2.15, 1.45, 0.6, 0.44  # from one column or row to the next; half of a box
# Boxes of the plan by name: (column, row, what the report calls it)
BOXES = {
    "base": (0, 1, "V3-Base"),
    "R1-Zero": (4, 0, "R1-Zero"),
    "cold start": (1, 1, "R1 Dev1"),
    "first RL": (2, 1, "R1 Dev2"),
    "traces": (3, 1, "those accepted"),
    "student": (4, 1, "R1-Distill"),
    "rejection\nsampling": (3, 2, "R1 Dev3"),
    "last RL": (4, 2, "R1"),
}
# Arrows of the plan: corners in columns and rows, colour, line, what goes in, and where that stands
ARROWS = (
    (((0, 1), (0, 0), (4, 0)), REWARDS, "rewards: right answer, right form", (2.0, 0)),
    (((0, 1), (1, 1)), EXAMPLES, "written\nexamples\n(here 200)", (0.5, 1)),
    (((1, 1), (2, 1)), REWARDS, "rewards:\nright, form,\nEnglish", (1.5, 1)),
    (((2, 1), (3, 1)), PLAIN, "its answers,\nverified", (2.5, 1)),
    (((3, 1), (4, 1)), EXAMPLES, "tune a\nsmall base", (3.5, 1)),
    (((0, 1), (0, 2), (3, 2)), EXAMPLES, "the base again, tuned on the accepted answers", (1.5, 2)),
    (((3, 1), (3, 2)), PLAIN, "", (3, 2)),
    (((3, 2), (4, 2)), REWARDS, "rewards:\nall tasks,\npreferences", (3.5, 2)),
)


@explained
def recipe(title: str = "Two rounds of examples, two of rewards: from one base to R1-Zero and to R1"):
    """Draw the plan of the recipe: models in boxes, and on each arrow what changes them; (figure, alt)."""
    fig, axes = plt.subplots(figsize=(8.2, 3.5), layout="none")
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.92)
    axes.set(xlim=(-HALF - 0.05, 4 * WIDE + HALF + 0.05), ylim=(-2 * HIGH - 0.5, 0.5))
    axes.axis("off")
    for corners, ink, said, (column, row) in ARROWS:
        points = [(x * WIDE, -y * HIGH) for x, y in corners]
        (_, y0), (x, y) = points[-2:]
        end = (x - HALF, y) if y == y0 else (x, y + LOW + 0.02)
        axes.plot(*zip(*points[:-1], end, strict=True), color=ink, ls="-", lw=1.6, zorder=0)
        head = dict(arrowstyle="-|>", color=ink, lw=1.6, shrinkA=0, shrinkB=0, mutation_scale=12)
        start = (end[0] - 0.1, y) if y == y0 else (x, end[1] + 0.1)
        axes.annotate("", end, start, arrowprops=head)
        axes.text(column * WIDE, -row * HIGH + 0.08, said, ha="center", va="bottom", fontsize=7.6, color=ink)
    for name, (column, row, theirs) in BOXES.items():
        x, y = column * WIDE, -row * HIGH
        face = "white" if name == "traces" else PALE
        frame(axes, (x - HALF, y - LOW), (2 * HALF, 2 * LOW), 0.1, face, heavy=name == "last RL")
        above = 0.1 + 0.08 * name.count("\n")
        axes.text(x, y + above, name, ha="center", va="center", fontsize=8.8, weight="bold", linespacing=1.0)
        axes.text(x, y - 0.25, theirs, ha="center", va="center", fontsize=7.2, color=PLAIN)
    heading(fig, title)
    return fig, (
        f"{title}. From the base by rewards to R1-Zero. From the base by written examples to the cold start, "
        "from there by rewards to the first RL, whose answers are verified: the accepted ones tune a small "
        "base, the student, and the base again, which is then rewarded on all tasks and for preferences: R1."
    )


@explained
def before_and_after(panels: Mapping[str, Mapping[str, Sequence]], *, title: str):
    """Return (figure, alt text): what mixing became in R1-Zero, a line for each seed, a row for each measure.

    `panels` maps a corpus to {"base": Marks by seed, "R1-Zero": Marks by seed}.
    """
    measures = {
        "switches": "neighbouring words that\nchange language",
        "english": "English words\nof a thought",
    }
    fig, all_axes = plt.subplots(2, len(panels), figsize=(7.4, 4.4), sharex=True, sharey="row", squeeze=False)
    for column, (name, stages) in zip(all_axes.T, panels.items(), strict=True):
        column[0].set_title(name, fontsize=9.5, color="0.25", pad=4)
        for axes, what in zip(column, measures, strict=True):
            rows = [[getattr(marks, what) for marks in seeds] for seeds in stages.values()]
            for seed, ends in enumerate(zip(*rows, strict=True)):
                marker = MARKERS[seed % len(MARKERS)]
                axes.plot([0, 1], ends, color=COLOURS[0], ls="-", lw=1, marker=marker, ms=5, alpha=0.7)
            axes.plot([0, 1], [mean(row) for row in rows], color=COLOURS[1], ls="--", lw=2.6)
            axes.set(xticks=[0, 1], xlim=(-0.25, 1.25), ylim=(0, 1 if what == "english" else 0.8))
            axes.set_xticklabels(list(stages))
    for axes, label in zip(all_axes[:, 0], measures.values(), strict=True):
        axes.set_ylabel(label)
    heading(fig, title)
    return fig, (
        f"{title}. A column for each of {', '.join(panels)}; above, the share of neighbouring language words "
        "that are of two languages, below, the share of English words. A line for each seed from the base to "
        "R1-Zero, dashed their mean."
    )


@explained
def stages_beside_the_report(report: Mapping[str, Sequence], stages: Mapping[str, Sequence], *, title: str):
    """Return (figure, alt text): the report's tests by stage on the left, ours on the right.

    `report` maps a test to its percentages, None where unknown; `stages` a stage to one `Marks` per seed.
    Both begin with the base and R1-Zero, which stand apart: R1's stages don't come from R1-Zero.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.5), sharey=True)
    names = [name.replace(" ", "\n", 1) for name in stages]
    for i, (test, values) in enumerate(report.items()):
        known = torch.tensor([[float("nan") if value is None else value for value in values]])
        _by_stage(left, i, known.double(), test)
    for look, what, label in ((0, "accuracy", "right answers"), (2, "readable", "readable answers")):
        found = torch.tensor([[100 * getattr(marks, what) for marks in seeds] for seeds in stages.values()])
        _by_stage(right, look, found.T.double(), label)
    for axes, whose in ((left, "DeepSeek-R1, quoted"), (right, "this laptop")):
        axes.set_title(whose, fontsize=9.5, color="0.25", pad=4)
        axes.set(ylim=(0, 100), xticks=range(len(names)), xticklabels=names)
        axes.tick_params(axis="x", labelsize=8)
        axes.legend(loc="lower right", fontsize=8.5)
    left.set_ylabel("per cent")
    heading(fig, title)
    return fig, (
        f"{title}. Left, the report's {', '.join(report)}; right, the toy's share of right answers and of "
        f"readable ones, mean of the seeds with their range. A line joins {', '.join(list(stages)[2:])}; "
        f"apart stand {', '.join(list(stages)[:2])}."
    )


def _by_stage(axes, i: int, seeds: Tensor, label: str) -> None:
    """Draw `seeds` (seeds, stages) in look `i`: base and R1-Zero as marks with their range, then a line."""
    ink, marker = COLOURS[i], MARKERS[i]
    for place, values in enumerate(seeds.T[:2]):
        axes.plot(place, values.mean(), ls="", color=ink, marker=marker, ms=5)
        axes.vlines(place, values.min(), values.max(), color=ink, alpha=0.3, lw=4)
    places, later = range(2, seeds.shape[1]), seeds[:, 2:]
    band(axes, places, later, color=ink, ls=LINES[i], marker=marker, ms=5, label=label)


@explained
def language_over_steps(curves: Mapping[str, Mapping[str, Tensor]], *, title: str, window: int = 5):
    """Return (figure, alt text): language reward and right answers over the steps of RL.

    `curves` maps a name to {"language": (seeds, steps), "accuracy": (seeds, steps)}; a line is the mean of
    the seeds over `window` steps, a band their range.
    """
    fig, all_axes = plt.subplots(1, 2, figsize=(7.2, 3.2), sharex=True)
    labels = {"language": "share of English, as the\nlanguage reward counts it", "accuracy": "right answers"}
    for axes, (what, label) in zip(all_axes, labels.items(), strict=True):
        for i, (name, values) in enumerate(curves.items()):
            shown = smoothed(values[what].double(), window)
            steps = torch.arange(window, window + shown.shape[1])
            band(axes, steps, shown, color=COLOURS[i], ls=LINES[i], label=name)
        axes.set(xlabel=f"step of RL (means of {window} steps)", ylabel=label, ylim=(0, 1), xlim=(0, None))
    all_axes[0].legend(loc="lower right")
    heading(fig, title)
    return fig, (
        f"{title}. Two panels over the steps of RL: the share of English, as the language reward counts it, "
        f"and the share of right answers. Lines: {', '.join(curves)}; the mean of the seeds, their range "
        "as a band."
    )


@explained
def students_beside_their_teacher(
    students: Mapping[str, Sequence[float]], teachers: Sequence[float], *, title: str
):
    """Return (figure, alt text): right answers of a student before and after, by how it was taught.

    `students` maps a row's name to one accuracy per seed, before its learning first; `teachers` has one
    per seed.
    """
    fig, axes = plt.subplots(figsize=(6.4, 2.9))
    for row, values in enumerate(students.values()):
        colour = COLOURS[0] if row else "0.45"  # the first row is what the others start from
        for seed, value in enumerate(values):
            marker = MARKERS[seed % len(MARKERS)]
            axes.plot(value, row, ls="", marker=marker, ms=5.5, color=colour, alpha=0.75)
        axes.plot([mean(values)] * 2, [row - 0.3, row + 0.3], color=COLOURS[1], ls="-", lw=2)
    axes.set_ylim(len(students) - 0.5, -0.5)
    axes.grid(axis="y", color="0.9")
    axes.tick_params(axis="y", length=0)
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
