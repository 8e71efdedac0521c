"""The figures of lesson 17: where a point and its bar lie, and words that hold no measured value."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib import show
from lessons_lib.reasoning.hunts import Problem
from lessons_lib.show.figures.test_time import (
    Point,
    against_errors,
    against_samples,
    against_tokens,
    point,
)
from lessons_lib.show.figures.tokens_spent import tokens_spent


@pytest.fixture(autouse=True)
def close_figures():
    show.use_style()
    yield
    plt.close("all")


def test_a_point_is_the_mean_over_seeds_and_its_bar_adds_each_seeds_own_error():
    seeds = [torch.tensor([0.0, 1.0, 1.0, 0.0]), torch.tensor([1.0, 1.0, 1.0, 0.0])]
    made = point([10.0, 20.0], seeds)
    errors = [(1 / 3) ** 0.5 / 2, 0.5 / 2]  # standard deviation / sqrt(4 problems)
    assert made.tokens == 15 and made.accuracy == pytest.approx(0.625)
    assert made.low == pytest.approx(0.5 - errors[0]) and made.high == pytest.approx(1.0)  # cut at 1
    assert point([1.0], [torch.zeros(9)]) == Point(1.0, 0.0, 0.0, 0.0)


def test_every_method_has_one_look_in_all_panels_and_its_points_where_they_were_measured():
    line = [Point(8, 0.2, 0.1, 0.3), Point(32, 0.6, 0.5, 0.7)]
    panels = {"base": {"vote": line, "cut": line[:1]}, "after RL": {"cut": line}}
    fig, words = against_tokens(panels, title="Time buys accuracy", chance=1 / 6)
    first, second = fig.axes
    assert [axes.get_title("left") for axes in fig.axes] == ["base", "after RL"]
    cut = [axes.containers[place][0] for axes, place in ((first, 1), (second, 0))]
    assert cut[0].get_color() == cut[1].get_color() and cut[0].get_linestyle() == cut[1].get_linestyle()
    assert list(first.containers[0][0].get_xdata()) == [8, 32]
    assert list(first.containers[0][0].get_ydata()) == [0.2, 0.6]
    assert "base: vote, cut; after RL: cut" in words and "0.6" not in words


def test_bands_reach_from_the_lowest_to_the_highest_seed():
    fig, words = against_samples(
        {"a": ((1, 2, 4), [[0.1, 0.2, 0.3], [0.3, 0.4, 0.5]])}, title="T", ylabel="share right", chance=0.2
    )
    (axes,) = fig.axes
    assert list(axes.lines[0].get_ydata()) == pytest.approx([0.2, 0.3, 0.4])
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(0.1) and band.max() == pytest.approx(0.5)
    assert "from 1 to 4" in words and "0.3" not in words
    assert "blind guess" in words and [text.get_text() for text in axes.texts] == ["blind guess"]


def test_no_line_of_a_blind_guess_is_drawn_where_no_chance_is_given():
    fig, words = against_samples({"a": ((1, 2), [[0.1, 0.2]])}, title="T", ylabel="share right")
    assert not fig.axes[0].texts and len(fig.axes[0].lines) == 1 and "blind guess" not in words


def test_a_verifiers_errors_have_a_panel_for_each_kind_and_lines_for_each_chooser():
    curves = {"best": ((0, 1, 2), [[1.0, 0.8, 0.5], [1.0, 0.6, 0.3]]), "vote": ((0, 1, 2), [[0.5] * 3] * 2)}
    fig, words = against_errors({"fresh": curves, "fixed": curves}, title="T", chance=1 / 6)
    assert [axes.get_title("left") for axes in fig.axes] == ["fresh", "fixed"]
    best = fig.axes[1].lines[0]
    assert list(best.get_xdata()) == [0, 1, 2] and list(best.get_ydata()) == pytest.approx([1.0, 0.7, 0.4])
    assert "fresh: best, vote; fixed: best, vote" in words and "0.7" not in words


def test_each_token_is_a_box_and_a_way_tells_its_tokens():
    problem = Problem(((2, 0, 1, 4, 5, 3),), 1)  # door 2 leads to the star
    guess = "<think> </think> <answer> d5 </answer> <eos>".split()
    found = "<think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>".split()
    fig, words = tokens_spent(problem, {"in parallel": [guess, guess], "in sequence": [found]}, "T")
    shown = [text.get_text() for text in fig.axes[0].texts]
    assert len(fig.axes[0].patches) == 2 * len(guess) + len(found)
    assert f"in parallel: {2 * len(guess)} tokens" in shown and f"in sequence: {len(found)} tokens" in shown
    assert shown.count("✗ answers d5: wrong") == 2 and shown.count("✓ answers d2: right") == 1
    assert shown.count("★") == shown.count("✗") == 1
    assert "in parallel; in sequence" in words and "behind d2" in words
