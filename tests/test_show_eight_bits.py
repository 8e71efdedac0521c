"""Figures about training in 8 bits: what is drawn is what was handed over, and the words say it."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.show.figures import eight_bits


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_angles_stand_in_the_row_of_their_product():
    angles = {
        "a": {"forward": [10.0, 20.0], "all_three": [30.0, 50.0]},
        "b": {"forward": [1.0, 3.0], "all_three": [80.0, 90.0]},
    }
    fig, words = eight_bits.turned(angles, title="t")
    axes = fig.axes[0]
    marks = [line for line in axes.lines if line.get_marker() in "os"]
    assert [line.get_xdata()[0] for line in marks] == [15, 40, 2, 85]
    assert [round(line.get_ydata()[0]) for line in marks] == [0, 1, 0, 1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["forward", "all three"]
    assert "a: forward ≈15, all three ≈40; b: forward ≈2, all three ≈85" in words


def test_ranges_are_shaded_and_sizes_drawn_on_the_same_log_axis():
    fig, words = eight_bits.gradient_sizes(
        {"wq": (2.0**-20, 2.0**-15, 2.0**-11)}, {"E4M3": (2.0**-10, 448.0)}, title="t"
    )
    axes = fig.axes[0]
    bar = next(line for line in axes.lines if len(set(line.get_xdata())) == 2)
    assert list(bar.get_xdata()) == [-20, -11]
    assert axes.patches[0].get_x() == -10  # the shading begins where numbers begin to be kept
    assert axes.get_xlim()[0] < -20
    assert "medians from ≈3.1e-05 to ≈3.1e-05" in words and "E4M3, 2^-10 to 2^9" in words


def test_the_loss_scales_have_a_mean_and_tiles_a_line():
    fig, words = eight_bits.loss_scales([0, 4], [[90.0, 90.0], [8.0, 12.0]], [9.0, 11.0], title="t")
    mean, tiles = fig.axes[0].lines
    assert list(mean.get_ydata()) == [90, 10] and list(mean.get_xdata()) == [0, 4]
    assert tiles.get_ydata()[0] == 10
    assert "2^0 ≈90, 2^4 ≈10; tiles ≈10" in words


def test_a_formula_in_the_title_is_read_out_plainly():
    _, words = eight_bits.loss_scales([0, 4], [[90.0], [8.0]], [9.0], title="best at $2^{4}$")
    assert words.startswith("best at 2^4. ")


def test_losses_are_averaged_over_steps_and_seeds():
    """Six steps in threes, two seeds: the line goes through the means, each in the middle of its steps."""
    curves = {
        "FP32": [[3.0, 3.0, 3.0, 1.0, 1.0, 1.0], [5.0, 5.0, 5.0, 1.0, 2.0, 3.0]],
        "no scale": [[5.0, 2, 2, 2, 2, 2]],
    }
    fig, words = eight_bits.losses(curves, every=3, guessing=("a guess", 2.0), title="t")
    left = fig.axes[0]
    assert list(left.lines[0].get_xdata()) == [1.5, 4.5] and list(left.lines[0].get_ydata()) == [4.0, 1.5]
    assert left.get_ylim()[0] == 0 and left.lines[2].get_ydata()[0] == 2.0
    assert "FP32 falls, no scale stays at a guess" in words


def test_what_learns_is_drawn_as_percent_of_the_control_with_the_same_seed():
    """One seed of a recipe stands beside the control's first, two stand each beside its own."""
    curves = {"FP32": [[2.0, 1.0], [4.0, 0.5]], "a": [[2.1, 1.02]], "b": [[2.0, 1.0], [4.0, 0.51]]}
    fig, words = eight_bits.losses(curves, every=1, guessing=("a guess", 3.0), title="t")
    one, two = fig.axes[1].lines[:2]
    assert one.get_ydata() == pytest.approx([5, 2]) and two.get_ydata() == pytest.approx([0, 1])
    assert [line.get_label() for line in (one, two)] == ["a, 1 seed", "b, 2 seeds"]
    assert "FP32 falls, no recipe stays" in words and words.endswith("at the end: a ≈+2.0 %, b ≈+1.0 %.")


def test_each_seed_has_a_mark_and_the_quoted_figure_stands_on_both_sides():
    fig, words = eight_bits.differences({"a": [0.1, -0.3, 0.5]}, 0.25, title="t")
    lines = fig.axes[0].lines
    marks = [line.get_xdata()[0] for line in lines if line.get_marker() in ("o", "s", "^")]
    assert marks == [0.1, -0.3, 0.5]
    assert [line.get_xdata()[0] for line in lines][-3:] == [0, -0.25, 0.25]
    assert lines[4].get_xdata()[0] == pytest.approx(0.1)  # the mean
    assert "+0.10 %" in [text.get_text() for text in fig.axes[0].texts]
    assert words.startswith("t. A mark for each of 3 seeds") and words.endswith("Means in percent: a ≈+0.10.")
