"""Pictures that are drawn, not plotted: the map of the course."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from lessons_lib.show.course import LESSONS, NOTEBOOKS, PARTS, Lesson
from lessons_lib.show.style import COLOURS, png
from lessons_lib.signatures import checked

INK, SOFT, FILL = COLOURS[0], "0.40", "#d9e3f1"
SIZE = (9.86, 6.85)  # of the map
WIDTH, HEIGHT = 1.44, 0.62  # of a box; inches, as everything here
COLUMNS = (2.30, 3.98, 5.66, 7.34, 9.02)  # centres of the boxes
ROWS = {"I": 5.25, "II": 4.25, "III": 3.15, "IV": 1.95, "V": 0.95}
TOP, BOTTOM = 6.1, 0.1  # the bars of the first and the last lesson
FIRST, LAST = LESSONS[0], LESSONS[-1]  # bars above and below the rows
LATE = ("V",)  # parts whose boxes stand at the right end of their row


def centres(lessons: tuple[Lesson, ...] = LESSONS) -> dict[str, tuple[float, float]]:
    """Return {number: (x, y)} of the boxes: a row for each part, in lesson order, and two bars."""
    middle = sum(COLUMNS) / len(COLUMNS)
    places = {lessons[0].number: (middle, TOP), lessons[-1].number: (middle, BOTTOM)}
    for part, height in ROWS.items():
        row = [lesson for lesson in lessons[1:-1] if lesson.part == part]
        if len(row) > len(COLUMNS):
            raise ValueError(
                f"part {part} has {len(row)} lessons, the map has room for {len(COLUMNS)} in a row"
            )
        columns = COLUMNS[len(COLUMNS) - len(row) :] if part in LATE else COLUMNS
        places |= {lesson.number: (x, height) for lesson, x in zip(row, columns)}
    return places


CENTRES = centres()
CHAINS = ("01 02 03 04", "05 06 07", "09 10", "11 12", "13 14 15 16 17")  # each grows from the last


def _box(axes, lesson: Lesson, is_written: bool) -> None:
    x, y = CENTRES[lesson.number]
    is_bar = lesson in (FIRST, LAST)
    width, height = (COLUMNS[-1] - COLUMNS[0] + WIDTH, 0.42) if is_bar else (WIDTH, HEIGHT)
    corner, edge = (x - width / 2, y - height / 2), INK if is_written else SOFT
    shape = FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.08")
    shape.set(facecolor=FILL if is_written else "white", edgecolor=edge, zorder=3)
    shape.set(linewidth=1.8 if is_written else 1.0, linestyle="-" if is_written else (0, (4, 2.5)))
    axes.add_patch(shape)
    text = dict(color=edge, va="center", weight="bold" if is_written else "normal", zorder=4)
    left = x - 1.2 if is_bar else corner[0] + 0.08
    axes.text(left, y, lesson.number, fontsize=10, **text)
    axes.text(left + 0.29, y, lesson.short, fontsize=8.4, linespacing=1.15, **text)


def _line(axes, *points, head: bool = True) -> None:
    """Draw a line through the points; with a head at its end, an arrow."""
    axes.plot(*zip(*points), color=INK, lw=1.3, ls="-", zorder=1)
    if head:
        look = dict(arrowstyle="-|>", color=INK, lw=1.3, shrinkA=0, shrinkB=0, mutation_scale=9)
        axes.annotate("", points[-1], points[-2], arrowprops=look, zorder=2)


def _arrows(axes) -> None:
    half, up = WIDTH / 2, HEIGHT / 2
    first, _, third, fourth, last = COLUMNS
    for chain in CHAINS:
        for here, there in zip(chain.split()[:-1], chain.split()[1:]):
            (x, y), (after, _) = CENTRES[here], CENTRES[there]
            _line(axes, (x + half, y), (after - half, y))
    _line(axes, (first, TOP - 0.21), (first, ROWS["I"] + up))
    _line(axes, (first, ROWS["I"] - up), (first, ROWS["II"] + up))
    # What the whole model is made of runs down the last column into lesson 12.
    bus = ROWS["III"] + up + 0.2
    _line(axes, (fourth + half, ROWS["I"]), (last, ROWS["I"]), (last, ROWS["III"] + up))
    _line(axes, (third + half, ROWS["II"]), (last, ROWS["II"]), head=False)
    _line(axes, (first, ROWS["III"] + up), (first, bus), (last, bus), head=False)
    _line(axes, (third, ROWS["III"] + up), (third, bus), head=False)
    # From there the model goes on, smaller, to reasoning, and what came afterwards is read last.
    lane = ROWS["IV"] + up + 0.22
    _line(axes, (last, lane), (COLUMNS[1], lane), (COLUMNS[1], ROWS["IV"] + up))
    _line(axes, (last, ROWS["III"] - up), (last, lane), head=False)
    fork = ROWS["V"] + up + 0.19
    _line(axes, (last, ROWS["IV"] - up), (last, fork), head=False)
    for x in COLUMNS[2:]:
        _line(axes, (last, fork), (x, fork), (x, ROWS["V"] + up))
        _line(axes, (x, ROWS["V"] - up), (x, BOTTOM + 0.21))
    notes = dict(fontsize=8.2, style="italic", color=INK, ha="right")
    axes.text(last - 0.1, ROWS["I"] + 0.06, "its attention", **notes)
    axes.text(last - 0.1, ROWS["II"] + 0.06, "its experts", **notes)
    axes.text(last - 0.1, bus + 0.06, "its second token, its 8 bits", **notes)
    axes.text(last - 0.1, lane + 0.06, "a smaller sibling learns to reason", **notes)


def _paper():
    """Return a figure and axes that cover it, in inches, with the bar of the last lesson near y = 0."""
    fig = plt.figure(figsize=SIZE, layout="none")
    axes = fig.add_axes((0, 0, 1, 1), xlim=(0, SIZE[0]), ylim=(-0.45, SIZE[1] - 0.45))
    axes.axis("off")
    return fig, axes


@checked()
def course_map(folder: Path = NOTEBOOKS):
    """Return (figure, alt text): the lessons by part, and what grows into what.

    A lesson whose notebook is in `folder` has a filled box with a solid frame, one to come an empty
    box with a dashed frame; as long as there is one, a key says so.
    """
    fig, axes = _paper()
    for part, name in PARTS.items():
        axes.text(0.1, ROWS[part], part, fontsize=14, weight="bold", va="center", color=INK)
        axes.text(0.5, ROWS[part], fill(name, 15), fontsize=8.6, va="center")
    for lesson in LESSONS:
        _box(axes, lesson, lesson.written(folder))
    _arrows(axes)
    if not all(lesson.written(folder) for lesson in LESSONS):
        key = "filled, solid frame: written     empty, dashed frame: to come"
        axes.text(CENTRES[LAST.number][0], -0.32, key, fontsize=8.6, color="0.25", ha="center")
    return fig, map_in_words(folder)


@checked()
def map_in_words(folder: Path = NOTEBOOKS) -> str:
    """Return what the map shows, for those who do not see it."""
    done = [lesson.number for lesson in LESSONS if lesson.written(folder)]
    to_come = f" Written: {', '.join(done)}." if len(done) < len(LESSONS) else ""
    parts = []
    for part, name in PARTS.items():
        numbers = [lesson.number for lesson in LESSONS[1:-1] if lesson.part == part]
        parts.append(f"{part}, {name}: {numbers[0]} to {numbers[-1]}")
    return (
        f"Map of the course: a box for each of {len(LESSONS)} lessons, in {len(PARTS)} parts "
        f"({'; '.join(parts)}). Arrows "
        "lead from the attention of part I, the experts of part II and the training methods of "
        "part III into lesson 12, the whole model; from there a smaller sibling goes on to part "
        f"IV, reasoning, and then to part V. Lesson {LAST.number} returns to the claims of lesson "
        f"{FIRST.number}.{to_come}"
    )


def save_course_map(path: Path = NOTEBOOKS / "images" / "course_map.png") -> None:
    """Write the map, for pages that are not notebooks; its description is in the file as well.

    A test compares that description with `map_in_words()`; `start.py new-lesson --sync` calls this.
    """
    fig, words = course_map()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png(fig, description=words))
