"""The figure that puts what papers claim beside what this laptop measured, method by method.

A row is one ratio or one step from before to after. Its two marks belong to models of very different size,
so they say whether a method works here, never how much it would bring there. A row whose lesson has not
run says so in place of its mark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt

from lessons_lib.show.course import NOTEBOOKS
from lessons_lib.show.story.evidence import FOUND, Evidence, Findings, weigh
from lessons_lib.show.style import COLOURS

TIMES, LOSS, PERCENT = "times", "% of the loss", "%"
LIMITS = {TIMES: (1, 100), LOSS: (0, 1), PERCENT: (0, 100)}
Value = float | tuple[float, float]  # one number, or before and after


@dataclass(frozen=True)
class Row:
    """One method: the paper's value, where it stands, and how ours is made from a lesson's findings."""

    method: str
    unit: str
    paper: Value
    where: str
    lesson: str
    names: tuple[str, ...]
    ours: Callable[..., Value]


ROWS = (
    Row(
        "cache of all heads / latent cache",
        TIMES,
        860.2 / 34.6,
        "V2 paper, Table 9",
        "03",
        ("cache per token, MHA", "cache per token, MLA-32"),
        lambda mha, mla: mha / mla,
    ),
    Row(
        "parameters held / at work",
        TIMES,
        671 / 37,
        "V3 report, abstract",
        "05",
        ("parameters, MoE to dense",),
        lambda times: times,
    ),
    Row(
        "tokens a second, two a step / one",
        TIMES,
        1.8,
        "V3 report, 5.4.3",
        "08",
        ("speed-up, 8 layers, highest domain",),
        lambda times: times,
    ),
    Row(
        "FP8 against BF16 (paper: at most)",
        LOSS,
        0.25,
        "V3 report, 3.3",
        "10",
        ("tiles against BF16, whole runs, mean of 3 seeds",),
        abs,
    ),
    Row(
        "second token accepted (paper: from, to)",
        PERCENT,
        (85, 90),
        "V3 report, 5.4.3",
        "08",
        ("acceptance, lowest domain", "acceptance, highest domain"),
        lambda low, high: (100 * low, 100 * high),
    ),
    Row(
        "RL by rewards alone",
        PERCENT,
        (15.6, 71.0),
        "R1 report, Table 2",
        "14",
        ("pass@1 of the base, mean of 3 seeds", "pass@1 after learning by reward, mean of 3 seeds"),
        lambda base, trained: (100 * base, 100 * trained),
    ),
    Row(
        "student: own RL, taught",
        PERCENT,
        (47.0, 72.6),
        "R1 report, Table 6",
        "16",
        ("student, RL of its own", "student, taught by traces"),
        lambda rl, taught: (100 * rl, 100 * taught),
    ),
    Row(
        "one answer, a vote",
        PERCENT,
        (71.0, 86.7),
        "R1 report, Table 2",
        "17",
        ("after RL, thought as long as it likes", "after RL, vote of 8"),
        lambda one, vote: (100 * one, 100 * vote),
    ),
)


def ours_of(row: Row, found: Findings, folder: Path = NOTEBOOKS) -> tuple[Value | None, str]:
    """Return (this laptop's value, "") or (None, which lesson to run)."""
    kept: list[Value] = []

    def keep(*values) -> bool:
        kept.append(row.ours(*values))
        numbers = kept[-1] if isinstance(kept[-1], tuple) else (kept[-1],)
        if not all(LIMITS[row.unit][0] <= number <= LIMITS[row.unit][1] for number in numbers):
            raise ValueError("off the figure's scale")
        return True

    state, words = weigh(Evidence(row.lesson, row.names, keep, "", ""), found, folder)
    return (kept[-1], "") if state in FOUND and kept else (None, words)


def draw(found: Findings, *, title: str, folder: Path = NOTEBOOKS):
    """Return (figure, alt text) of all rows; the words hold no measured number."""
    sizes = [sum(row.unit == unit for row in ROWS) for unit in LIMITS]
    fig, panels = plt.subplots(3, 1, figsize=(7.6, 5.6), height_ratios=[size + 0.55 for size in sizes])
    drawn, missing = [], []
    for axes, (unit, limits) in zip(panels, LIMITS.items(), strict=True):
        rows = [row for row in ROWS if row.unit == unit]
        axes.set_xscale("log" if unit == TIMES else "linear")
        axes.set(xlim=limits, ylim=(len(rows) - 0.45, -0.55), xlabel=unit)
        axes.set_yticks(range(len(rows)), [f"{row.method}\n{row.where}; lesson {row.lesson}" for row in rows])
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.xaxis.set_major_formatter("{x:g}")
        for y, row in enumerate(rows):
            axes.axhline(y, color="0.9", lw=0.8, ls="-", zorder=0)
            _mark(axes, y - 0.16, row.paper, COLOURS[1], "D", "white")
            value, words = ours_of(row, found, folder)
            if value is None:
                axes.text(0.01, y + 0.2, words, transform=axes.get_yaxis_transform(), **MISSING)
                missing.append(f"{row.method} ({words})")
            else:
                _mark(axes, y + 0.2, value, COLOURS[0], "o", COLOURS[0])
                drawn.append(row.method)
    panels[0].plot([], [], "D", color=COLOURS[1], mfc="white", label="paper")
    panels[0].plot([], [], "o", color=COLOURS[0], label="this laptop")
    panels[0].legend(loc="lower right", fontsize=8)
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    words = f"Rows of two marks, the paper's and this laptop's. With both: {', '.join(drawn) or 'none'}."
    return fig, words + (f" Only the paper's: {'; '.join(missing)}." if missing else "")


MISSING = dict(color="0.4", fontsize=8.5, va="center", style="italic")


def _mark(axes, y: float, value: Value, colour: str, marker: str, fill: str) -> None:
    """Draw one number as a mark, or before and after as an arrow between two; write the last beside it."""
    before, after = value if isinstance(value, tuple) else (None, value)
    if before is not None:
        arrow = dict(arrowstyle="->", color=colour, lw=1.2, shrinkA=4, shrinkB=4)
        axes.annotate("", (after, y), (before, y), arrowprops=arrow)
        axes.plot(before, y, marker, color=colour, mfc=fill, ms=4, ls="none")
        _number(axes, before, y, -6, "right", colour)
    axes.plot(after, y, marker, color=colour, mfc=fill, ms=6, ls="none")
    _number(axes, after, y, 7, "left", colour)


def _number(axes, x: float, y: float, offset: float, side: str, colour: str) -> None:
    look = dict(textcoords="offset points", va="center", ha=side, fontsize=8, color=colour)
    axes.annotate(f"{x:.3g}", (x, y), (offset, 0), annotation_clip=False, **look)
