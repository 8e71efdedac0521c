"""Figures of R1's recipe: all models, seeds and stages are drawn, and what is German is marked."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.config.r1 import STAGES
from lessons_lib.reasoning.hunts import Problem
from lessons_lib.reasoning.r1 import Marks
from lessons_lib.show.figures import r1 as figures
from lessons_lib.show.figures.thinking import strip

MARKS = Marks(0.9, 1.0, 20.0, readable=0.25, switches=0.4, english=0.75, ordered=0.5)
PROBLEM = Problem(((2, 0, 1),), star=1)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def written(fig) -> list[str]:
    return [text.get_text() for axes in fig.axes for text in axes.texts]


def test_the_plan_shows_every_stage_and_leads_an_arrow_to_each():
    fig, words = figures.recipe()
    said = [text.replace("\n", " ") for text in written(fig)]
    assert all(name in said for name in ("base", "student", *STAGES))
    ends = {corners[-1] for corners, *_ in figures.ARROWS}
    assert ends == {(column, row) for column, row, _ in figures.BOXES.values()} - {(0, 1)}  # but the base
    assert "from there by rewards to the first RL" in words


def test_before_and_after_draw_a_line_for_each_seed_and_their_mean():
    panels = {
        "together": {"base": [MARKS] * 2, "R1-Zero": [MARKS] * 2},
        "apart": {"base": [MARKS] * 3, "R1-Zero": [MARKS] * 3},
    }
    fig, words = figures.before_and_after(panels, title="title")
    assert [len(axes.lines) for axes in fig.axes] == [3, 4, 3, 4]
    assert {tuple(line.get_ydata()) for line in fig.axes[0].lines} == {(0.4, 0.4)}
    assert {tuple(line.get_ydata()) for line in fig.axes[2].lines} == {(0.75, 0.75)}
    assert "together, apart" in words


def test_stages_stand_beside_the_report_in_per_cent():
    report = {"AIME": (5, 10, 20, 30, 40, 50), "IF-Eval": (None, 1, 2, 3, 4, 5)}
    stages = dict.fromkeys(("base", *STAGES), [MARKS] * 2)
    fig, words = figures.stages_beside_the_report(report, stages, title="title")
    left, right = fig.axes
    lines = {line.get_label(): list(line.get_ydata()) for line in left.lines}
    assert all(lines[test] == list(row[2:]) for test, row in report.items())
    drawn = [line.get_ydata() for line in right.lines if len(line.get_ydata()) == 4]
    assert drawn[0] == pytest.approx([90] * 4) and drawn[1] == pytest.approx([25] * 4)
    assert all(test in words for test in report) and "rejection sampling" in words


def test_no_line_leads_from_r1_zero_to_the_cold_start():
    stages = dict.fromkeys(("base", *STAGES), [MARKS] * 2)
    fig, _ = figures.stages_beside_the_report({"AIME": (5, 10, 20, 30, 40, 50)}, stages, title="title")
    marks = [tuple(map(tuple, line.get_data())) for line in fig.axes[0].lines if len(line.get_xdata()) == 1]
    assert marks == [((0,), (5,)), ((1,), (10,))]
    joined = [line.get_xdata() for line in fig.axes[0].lines if len(line.get_xdata()) > 1]
    assert [min(x) for x in joined] == [2]


def test_what_is_said_in_german_is_marked_in_a_strip():
    said = {
        "mixed": "<think> d0 r2 Kreuz wait d1 r0 cross wait d2 r1 Stern </think>".split(),
        "english": "<think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>".split(),
    }
    fig, _ = strip(PROBLEM, said, "title")
    assert written(fig).count("de") == 2
