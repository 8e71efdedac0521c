"""Figures of lesson 19: what is drawn is what was handed over, and the words say its ends."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.runs import Seeds
from lessons_lib.show.figures import mixing_streams, what_came_next


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_singular_values_fall_and_their_ends_are_told():
    rounds = {"0 rounds": torch.tensor([0.1, 0.9, 0.01]), "5 rounds": torch.tensor([1.0, 0.7, 1.1])}
    fig, words = what_came_next.evened(rounds, title="A title")
    (axes,) = fig.axes
    assert [float(y) for y in axes.lines[0].get_ydata()] == pytest.approx([0.9, 0.1, 0.01])
    assert axes.get_yscale() == "log" and "0 rounds: ≈0.9 to ≈0.01; 5 rounds: ≈1.1 to ≈0.7" in words


def test_a_single_rate_is_hollow_and_both_bests_are_told():
    sweep = {(0.02, 0.02): 0.5, (0.005, 0.16): 0.2, (0.01, 0.08): 0.3}
    fig, words = what_came_next.tuned({"AdamW": sweep}, title="A title")
    drawn = {line.get_ydata()[0]: line for line in fig.axes[0].lines if len(line.get_ydata())}
    assert drawn[0.5].get_markerfacecolor() == "none" != drawn[0.2].get_markerfacecolor()
    assert drawn[0.2].get_xdata()[0] == 0.16
    assert "≈0.50 at its best with one rate for all, ≈0.20 with two" in words


def test_rows_are_drawn_in_their_tables():
    rows = torch.tensor([0, 28, 5, 18])
    fig, words = what_came_next.looked_up(list("cat4"), rows, (31, 29, 23, 19), title="A title")
    written = [text.get_text() for text in fig.axes[0].texts]
    assert written[:4] == list("cat4") and {"0", "28", "5", "18", "31 rows", "19 rows"} <= set(written)
    short = [line for line in fig.axes[0].lines if line.get_linewidth() == 3]
    heights = [line.get_ydata()[0] for line in short]
    assert heights[0] > 2.8 and heights[1] < 0.3 and heights[3] < 0.3  # the first row is on top
    assert "lead to rows 0 of 31, 28 of 29, 5 of 23, 18 of 19" in words


def test_curves_are_means_with_the_range_of_seeds():
    curve = {20: Seeds({0: 0.1, 1: 0.3}), 40: Seeds({0: 0.8, 1: 1.0})}
    fig, words = what_came_next.known_by_step({"a table": curve}, title="A title")
    (line,) = fig.axes[0].lines
    assert list(line.get_xdata()) == [20, 40] and list(line.get_ydata()) == pytest.approx([0.2, 0.9])
    assert "a table: ≈0.90 after 40 steps" in words


def test_the_whole_push_is_the_mean_of_the_single_ones():
    teacher, student = torch.tensor([0.7, 0.2, 0.1]).double(), torch.tensor([0.3, 0.3, 0.4]).double()
    fig, words = what_came_next.answers("abc", teacher, student, [0, 1, 2], title="A title")
    right = fig.axes[1]
    whole = torch.tensor([bar.get_height() for bar in right.patches])
    singles = torch.tensor([list(line.get_ydata()) for line in right.lines[:3]])
    torch.testing.assert_close((student[:, None] * singles).sum(0), whole.double())
    assert "pushes 'a' up most; 3 single tokens" in words


def test_products_have_their_numbers_written_in():
    rows = {"free": {1: torch.eye(2), 60: torch.tensor([[-30.0, 1.0], [2.0, 3.5]])}}
    fig, words = mixing_streams.products(rows, title="A title")
    assert [text.get_text() for text in fig.axes[1].texts] == ["-30", "1.00", "2.00", "3.50"]
    assert "free: largest entry ≈30 after 60 layers" in words and len(fig.axes) == 2


def test_gains_end_where_the_words_say():
    fig, words = mixing_streams.gains({"free": {1: 2.0, 60: 831.0}, "exact": {1: 1.0, 60: 1.0}}, title="A")
    assert list(fig.axes[0].lines[0].get_ydata()) == [2.0, 831.0]
    assert "free ≈831, exact ≈1 times" in words


def test_codes_that_fit_are_dots_and_others_crosses():
    exact = torch.tensor([[False, True, True], [True, True, True]])
    fig, words = mixing_streams.codes_that_fit([0.5, 1.0], [-1, 0, 1], exact, title="A title")
    dots, crosses = fig.axes[0].lines
    assert sorted(zip(dots.get_xdata(), dots.get_ydata())) == [(-1, 1), (0, 0), (0, 1), (1, 0), (1, 1)]
    assert list(zip(crosses.get_xdata(), crosses.get_ydata())) == [(-1, 0)]
    assert "exact for k from 0 to 1, 2 in a row" in words


def test_what_is_only_reported_is_hollow():
    events = [(2024.4, "V2", False), (2025.6, "V3.1", True), (2025.7, "V3.2", False)]
    fig, words = mixing_streams.timeline(events, title="A title")
    dots = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [False, True, False]
    written = [text.get_text() for text in fig.axes[0].texts]
    assert written.count("2025") == 1 and "V3.1" in written
    assert "3 releases from 2024 to 2025, 1 as reported" in words
