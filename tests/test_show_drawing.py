"""The line with its band and the heading that many figures share."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from lessons_lib.show.drawing import band, heading, mean, smoothed

SEEDS = [[1.0, 4.0, 2.0], [3.0, 0.0, 2.5], [5.0, 2.0, 9.0]]


@pytest.fixture
def axes():
    fig, axes = plt.subplots()
    yield axes
    plt.close(fig)


@pytest.mark.parametrize("given", [SEEDS, torch.tensor(SEEDS), np.array(SEEDS), zip(*zip(*SEEDS))])
def test_the_line_is_the_mean_and_the_band_reaches_from_the_lowest_seed_to_the_highest(axes, given):
    assert band(axes, [10, 20, 30], given, color="red", label="runs") == pytest.approx([3, 2, 4.5])
    (line,), (area,) = axes.get_lines(), axes.collections
    assert line.get_xdata() == pytest.approx([10, 20, 30]) and line.get_ydata() == pytest.approx([3, 2, 4.5])
    assert line.get_label() == "runs" and axes.get_legend_handles_labels()[1] == ["runs"]
    corners = {tuple(corner) for corner in area.get_paths()[0].vertices}
    assert {(10, 1), (10, 5), (20, 0), (20, 4), (30, 2), (30, 9)} <= corners
    assert area.get_facecolor()[0] == pytest.approx([1, 0, 0, 0.15]) and area.get_linewidth() == [0]


def test_the_band_has_the_lines_colour_where_none_is_named_and_one_seed_has_no_band(axes):
    axes.plot([0, 1, 2], [1, 1, 1])
    band(axes, [0, 1, 2], SEEDS)
    band(axes, [0, 1, 2], SEEDS[:1])
    (area,) = axes.collections
    _, first, second = axes.get_lines()
    assert area.get_facecolor()[0][:3] == pytest.approx(plt.matplotlib.colors.to_rgb(first.get_color()))
    assert list(second.get_ydata()) == SEEDS[0]


def test_the_middle_may_be_the_median(axes):
    assert band(axes, [0, 1, 2], SEEDS, middle=np.median) == [3, 2, 2.5]


def test_a_heading_stands_at_the_left_and_can_be_moved():
    fig, _ = plt.subplots(1, 2)
    heading(fig, "Two panels say one thing", x=0.02)
    text = fig._suptitle
    assert (text.get_text(), text.get_position()[0], text.get_ha(), text.get_fontsize()) == (
        *("Two panels say one thing", 0.02, "left", 11.0),
    )
    plt.close(fig)


def test_means_of_neighbours_and_of_a_few_numbers():
    assert smoothed(torch.tensor([[1.0, 3.0, 5.0]]), 2).tolist() == [[2, 4]]
    assert mean(iter([1, 2, 6])) == 3
