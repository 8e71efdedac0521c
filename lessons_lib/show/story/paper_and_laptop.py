"""The figure that puts what papers report beside what this laptop found, method by method.

Theirs is hollow, one number or a bar; ours is full: every seed a dot, their 95 % interval a bar. The two
belong to models of very different size: they say whether a method works here, not what it brings there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from lessons_lib.runs import Seeds
from lessons_lib.runs.approx import approx
from lessons_lib.show.course import BY_NUMBER, NOTEBOOKS
from lessons_lib.show.story.evidence import Findings, NoSeeds, interval, values_of
from lessons_lib.show.style import COLOURS


class Ours(NamedTuple):
    """What this laptop found: single values, and the bar over them."""

    dots: tuple[float, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One method: the paper's value, or its two ends, and how ours is made from a lesson's findings."""

    method: str
    axis: str
    paper: tuple[float, ...]
    where: str
    lesson: str
    names: tuple[str, ...]
    ours: Callable[..., Ours]


TIMES, SHAPES = "times, measured", "times, by arithmetic on shapes (log scale)"
HELD = "parameters, MoE to dense"
KEPT, GAINED, LOST = "drafts kept, %", "points of right answers gained", "loss added, %"
AXES = ((KEPT, 0, 100), (TIMES, 0, 3), (LOST, -3, 3), (GAINED, -40, 100), (SHAPES, 1, 100))

MISSING = dict(color="0.35", fontsize=8, va="center", style="italic")


def _pairs(values: Seeds, control: Seeds | None = None, by: float = 1.0) -> Ours:
    """Return single differences and their interval, `by` times."""
    low, high = interval(values, control)
    each = values if control is None else values.less(control).pairs
    return Ours(tuple(by * x for x in each), by * low, by * high)


def _one(value: float) -> Ours:
    return Ours((value,), value, value)


ROWS = (
    Row(
        "second token kept (ours: worst, best domain)",
        KEPT,
        (85, 90),
        "V3 report, 5.4.3",
        "08",
        ("acceptance, lowest domain", "acceptance, highest domain"),
        lambda low, high: Ours((100 * low, 100 * high), 100 * low, 100 * high),
    ),
    Row(
        "two tokens a step (ours: best domain of ten)",
        TIMES,
        (1.8,),
        "V3 report, 5.4.3",
        "08",
        ("speed-up, 8 layers, highest domain",),
        _one,
    ),
    Row(
        "8 bits against 16 (theirs: less than)",
        LOST,
        (0.0, 0.25),
        "V3 report, 3.3",
        "10",
        ("tiles against BF16, whole runs, mean of 3 seeds",),
        _pairs,
    ),
    Row(
        "rewards alone, after less before",
        GAINED,
        (71.0 - 15.6,),
        "R1 report, Table 2",
        "14",
        ("pass@1 of the base, mean of 3 seeds", "pass@1 after learning by reward, mean of 3 seeds"),
        lambda before, after: _pairs(after, before, 100),
    ),
    Row(
        "student: taught, less own rewards",
        GAINED,
        (72.6 - 47.0,),
        "R1 report, Table 6",
        "16",
        ("student, RL of its own", "student, taught by traces"),
        lambda alone, taught: _pairs(taught, alone, 100),
    ),
    Row(
        "a vote of 64, less one answer (ours: the base)",
        GAINED,
        (86.7 - 71.0,),
        "R1 report, Table 2",
        "17",
        ("base, one answer", "base, vote of 64"),
        lambda one, vote: _pairs(vote, one, 100),
    ),
    Row(
        "cache of all heads / latent cache",
        SHAPES,
        (860.2 / 34.6,),
        "V2 paper, Table 9",
        "03",
        ("cache per token, MHA", "cache per token, MLA-32"),
        lambda heads, latent: _one(heads / latent),
    ),
    Row("parameters held / at work", SHAPES, (671 / 37,), "V3 report, abstract", "05", (HELD,), _one),
)


def ours_of(row: Row, found: Findings, folder: Path = NOTEBOOKS) -> tuple[Ours | None, str]:
    """Return (this laptop's values, "") or (None, which lesson to run)."""
    if not BY_NUMBER[row.lesson].written(folder):
        return None, f"not run: lesson {row.lesson} is to come"
    values = values_of(row.names, row.lesson, found)
    if values is None:
        return None, f"not run: lesson {row.lesson}"
    _, least, most = next(axis for axis in AXES if axis[0] == row.axis)
    try:
        ours = row.ours(*values)
        if all(least <= x <= most for x in ours.dots):
            return ours, ""
    except NoSeeds:
        return None, f"kept without its seeds: run lesson {row.lesson} again"
    except (TypeError, ValueError, ArithmeticError, AttributeError):  # of a file that was edited or damaged
        pass
    return None, f"what was kept can't be read: run lesson {row.lesson} again"


def draw(found: Findings, *, title: str, folder: Path = NOTEBOOKS):
    """Return (figure, alt text) of all rows; in the words, measured numbers stand behind the sign."""
    groups = [(axis, least, most, [row for row in ROWS if row.axis == axis]) for axis, least, most in AXES]
    heights = [len(group[-1]) + 0.75 for group in groups]
    fig, panels = plt.subplots(len(groups), 1, figsize=(7.6, 6.6), height_ratios=heights)
    drawn, missing = list[str](), list[str]()
    for axes, (axis, least, most, rows) in zip(panels, groups, strict=True):
        axes.set_xscale("log" if axis == SHAPES else "linear")
        axes.set(xlim=(least, most), ylim=(len(rows) - 0.4, -0.6), xlabel=axis)
        axes.set_yticks(range(len(rows)), [f"{row.method}\n{row.where}; lesson {row.lesson}" for row in rows])
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.axvline(0, color="0.6", lw=0.8 * (least < 0), ls="-", zorder=0)
        for y, row in enumerate(rows):
            _bar(axes, y - 0.2, min(row.paper), max(row.paper), row.paper[-1:], COLOURS[1], "D", "white")
            ours, words = ours_of(row, found, folder)
            (missing if ours is None else drawn).append(_in_words(row, ours, words))
            if ours is None:
                axes.text(0.01, y + 0.24, words, transform=axes.get_yaxis_transform(), **MISSING)
            else:
                _bar(axes, y + 0.22, ours.low, ours.high, ours.dots, COLOURS[0], "o", COLOURS[0])
    panels[0].plot([], [], "D", color=COLOURS[1], mfc="white", label="paper")
    panels[0].plot([], [], "o-", color=COLOURS[0], label="this laptop: each value, 95 % interval")
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8)
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    words = "The paper's value, hollow, and this laptop's, full: a dot for each seed, a 95 % interval. "
    words += f"With both: {'; '.join(drawn) or 'none'}."
    return fig, words + (f" Only the paper's: {'; '.join(missing)}." if missing else "")


def _in_words(row: Row, ours: Ours | None, words: str) -> str:
    """Return a row's values: those of shapes, which are exact, plainly, measured ones behind the sign."""
    write = "{:.3g}".format if row.axis == SHAPES else approx
    if ours is not None:
        span = f", 95 % interval {write(ours.low)} to {write(ours.high)}" if len(ours.dots) > 2 else ""
        words = f"here {', '.join(map(write, ours.dots))}{span}"
    return f"{row.method} (paper {' to '.join(f'{x:.3g}' for x in row.paper)}; {words})"


def _bar(axes, y, low, high, dots, colour, marker, fill) -> None:
    """Draw a bar from end to end, cut at the axis, a mark for each value, and the mean in figures."""
    least, most = axes.get_xlim()
    ends = [min(max(x, least), most) for x in (low, high)]
    if ends[0] < ends[1]:
        look = dict(fill=fill != "white", fc=(colour, 0.3), ec=colour, lw=0.8, ls="-", zorder=1)
        axes.add_patch(Rectangle((ends[0], y - 0.1), ends[1] - ends[0], 0.2, **look))
    axes.plot(dots, [y] * len(dots), marker, color=colour, mfc=fill, ms=5, ls="none", zorder=2)
    text = f"{low:.3g} to {high:.3g}" if low < high else f"{dots[0]:.3g}"
    look = dict(textcoords="offset points", va="center", fontsize=8, color=colour, annotation_clip=False)
    axes.annotate(text, (max(*ends, *dots), y), (7, 0), **look)
