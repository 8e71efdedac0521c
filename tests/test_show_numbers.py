"""Figures of number formats and of what rounding costs: what is drawn, and what the words say."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.precision import E4M3, E5M2
from lessons_lib.show.figures import numbers, rounding_errors


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def heights(collection):
    """Return {place: height} of vertical lines."""
    return {float(line[0][0]): float(line[1][1]) for line in collection.get_segments()}


def test_the_number_line_has_every_value_up_to_its_reach():
    """From 0 to 2 E4M3 has 0, seven subnormals, seven octaves of 8, and 2 itself; ends aren't counted."""
    fig, words = numbers.number_line(E4M3, (448, 2), title="t")
    normal, small = (heights(lines) for lines in fig.axes[1].collections)
    assert sorted(small) == [m / 512 for m in range(8)]
    assert len(normal) == 7 * 8 + 1 and 1.125 in normal and max(normal) == 2
    assert set(normal.values()) != set(small.values())  # told apart without colour
    assert words.endswith("125 between 0 and 448, 63 between 0 and 2.")


@pytest.mark.parametrize(
    ("x", "fmt", "told", "sides"),
    [
        (17.0, E4M3, "17 becomes 16 in E4M3, bits 0 1011 000, off by 5.88 %.", "16, next above it: 18."),
        (17.0, E5M2, "17 becomes 16 in E5M2, bits 0 10011 00, off by 5.88 %.", "16, next above it: 20."),
        (18.0, E4M3, "18 becomes 18 in E4M3 (exactly), bits 0 1011 001", "16, next above it: 20."),
        (1e3, E4M3, "1000 becomes 448 in E4M3 (saturated), bits 0 1111 110", "448, next above it: nothing."),
        (5e-4, E4M3, "0.0005 becomes 0 in E4M3 (underflow), bits 0 0000 000", "0, next above it: 0.0019531."),
        (0.0, E4M3, "0 becomes 0 in E4M3 (exactly), bits 0 0000 000, off by nothing.", "0.0019531."),
    ],
)
def test_words_of_a_rounded_number(x, fmt, told, sides):
    _, words = numbers.rounded(x, fmt)
    assert words.startswith(told) and words.endswith(sides)


def test_the_rounded_number_is_drawn_among_its_neighbours():
    fig, _ = numbers.rounded(300.0, E4M3)
    _, axes = fig.axes
    assert list(heights(axes.collections[0])) == [208, 224, 240, 256, 288, 320, 352, 384, 416]
    assert [float(line.get_xdata()[0]) for line in axes.lines] == [300, 288]  # where it is, what it becomes


def test_no_tick_says_minus_zero():
    fig, _ = numbers.rounded(5e-4, E4M3)
    assert "-0" not in [tick.get_text() for tick in fig.axes[1].get_xticklabels()]


def test_a_range_is_a_bar_from_its_smallest_normal_to_its_largest_value():
    fig, words = numbers.ranges({"F": (2.0**-9, 2.0**-6, 256.0, "few")}, title="t")
    bar, subnormals = fig.axes[0].patches
    assert (bar.get_x(), bar.get_width()) == (-6, 14)
    assert (subnormals.get_x(), subnormals.get_width()) == (-9, 3)
    assert words == "t. Ranges of positive values: F 0.002 to 256, few."


def test_a_histogram_counts_each_octave_once_and_leaves_zeros_out():
    """3 and -2 are in the octave from 2 to 4; 0.25 opens its own; 2^-60 is counted in the first bar."""
    x = torch.tensor([3.0, -2.0, 0.25, 0.0, 2.0**-60])
    fig, words = numbers.magnitudes({"x": (x, 0 * x), "y": (x, x * 1e18)}, E4M3, title="t")
    bars = fig.axes[0].patches[0].get_data()
    shares = dict(zip(bars.edges[:-1].tolist(), bars.values))
    assert (shares[1], shares[-2], shares[-45]) == (0.5, 0.25, 0.25) and sum(shares.values()) == 1
    assert "y ≈25.0 % and ≈0.0 %" in words


def test_bands_of_outliers_reach_over_the_seeds_and_lines_are_means():
    errors = {"a": [[0.1, 0.2, 0.6], [0.5, 0.5, 0.5], [1.0, 1.0, 1.0]]}
    fig, words = rounding_errors.errors_by_outlier([1.0, 1e3, 1e6], errors, title="t")
    (band,), line = fig.axes[0].collections, fig.axes[0].lines[0]
    assert list(line.get_ydata()) == pytest.approx([30, 50, 100])
    assert {10.0, 60.0} <= set(band.get_paths()[0].vertices[:, 1].round(6))
    assert words.endswith("a: ≈30 % at 1, ≈50 % at 1,000, ≈100 % at 1,000,000.")


def test_a_factor_that_others_measured_is_marked_and_named():
    errors = {"a": [[0.2], [0.5], [1.0]]}
    marks = {1e3: "large\nmodels"}
    fig, words = rounding_errors.errors_by_outlier([1.0, 1e3, 1e6], errors, title="t", marks=marks)
    assert [1e3, 1e3] in [list(line.get_xdata()) for line in fig.axes[0].lines]
    assert words.endswith("100 % at 1,000,000. A line at 1,000: large models.")


def test_a_map_of_lost_numbers_tells_their_share():
    lost = torch.tensor([[True, False], [False, False]])
    fig, words = rounding_errors.lost_numbers({"one": lost, "none": lost & False}, title="t")
    assert fig.axes[0].images[0].get_array().tolist() == [[1, 0], [0, 0]]
    assert words.endswith("one ≈25.0 %, none ≈0.0 % of all numbers.")
    assert "high" not in fig.get_suptitle()


def test_a_lost_row_of_a_large_map_is_drawn_thick_enough_to_be_seen_and_said_to_be():
    lost = torch.zeros(320, 2, dtype=torch.bool)
    lost[100, 0] = True
    fig, words = rounding_errors.lost_numbers({"one": lost, "none": lost & False}, title="t")
    drawn = fig.axes[0].images[0].get_array()
    assert drawn[:, 0].nonzero()[0].tolist() == [98, 99, 100, 101, 102] and not drawn[:, 1].any()
    assert "5 tokens high" in fig.get_suptitle()
    assert "one ≈0.2 %" in words  # the share is that of the numbers, not of the drawing


def test_sums_by_length_have_a_panel_for_each_kind_of_data():
    errors = {kind: {"a": [[0.001], [0.01 * i]]} for i, kind in enumerate(("x", "y"), 1)}
    fig, words = rounding_errors.sums_by_length([128, 1024], errors, title="t")
    assert [list(axes.lines[0].get_ydata()) for axes in fig.axes] == [
        pytest.approx([0.1, 1.0]),
        pytest.approx([0.1, 2.0]),
    ]
    assert words.endswith("x, a: ≈0.1 % to ≈1 %; y, a: ≈0.1 % to ≈2 %.")
