"""Figures of lesson 18: what is drawn is what was kept, and the words say how much of it counts."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.runs import Seeds
from lessons_lib.show.figures import reading_further as figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def places(line):
    return [int(x) for x in line.get_xdata()]


def marked(*where, length=12):
    mask = torch.zeros(length, dtype=torch.bool)
    mask[list(where)] = True
    return mask


def test_picks_are_drawn_where_they_are_and_notes_found_as_dots():
    notes, weights = marked(1, 4, 8), torch.arange(12) / 66
    kept = {"window": marked(9, 10, 11), "taught": marked(1, 4, 10)}
    fig, words = figures.picks(weights, kept, notes, title="A title")
    (axes,) = fig.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["own attention", "window", "taught"]
    full = [line for line in axes.lines if len(line.get_xdata())]
    drawn = {(line.get_marker(), line.get_ydata()[0]): places(line) for line in full}
    assert drawn[("|", 1)] == [9, 10, 11] and drawn[("o", 2)] == [1, 4] and drawn[("|", 2)] == [10]
    lines = [places(line)[0] for line in axes.lines if line.get_marker() == "None"]
    assert lines == [1, 4, 8]
    assert "Of 3 notes" in words and "3 picks hold: window ≈0, taught ≈2" in words


def test_parts_add_up_to_the_sum_and_the_line_cuts_off_the_kept():
    parts = torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, -1.0, 1.0, 0.5]])
    total, kept = parts.sum(0), torch.tensor([True, False, True, False])
    fig, words = figures.added_up(parts, total, kept, marked(2, length=4), title="A title")
    heat, below = fig.axes[0], fig.axes[1]
    assert torch.equal(torch.tensor(heat.images[0].get_array()), parts)
    limits = heat.images[0].get_clim()
    assert places(heat.lines[0]) == [2] and heat.lines[0].get_marker() == "v"
    assert limits == (-2, 2)  # as far below 0 as above: nothing is white but 0
    drawn = {line.get_label(): list(zip(places(line), line.get_ydata())) for line in below.lines}
    assert drawn["notes on the asked box"] == [(2, 3.0)]
    assert drawn["other positions"] == [(0, 1.0), (1, -1.0), (3, 0.5)]
    cut = next(line for line in below.lines if line.get_linestyle() == "--")
    assert cut.get_ydata()[0] == 1.0
    assert "Of 1 notes on the asked box ≈1 are among the 2 best" in words


def test_curves_have_a_dot_for_each_seed_and_the_mean_as_a_line():
    curve = {8: Seeds({3: 0.2, 4: 0.4}), 16: Seeds({3: 0.6, 4: 0.8})}
    panels = {"right answers": {"taught": curve}, "held": {"taught": curve}}
    fig, words = figures.by_kept(panels, 0.9, title="A title")
    assert [axes.get_title() for axes in fig.axes] == ["right answers", "held"]
    lines = fig.axes[0].lines
    assert list(lines[0].get_ydata()) == pytest.approx([0.3, 0.7]) and list(lines[0].get_xdata()) == [8, 16]
    assert [list(line.get_ydata()) for line in lines[1:3]] == [[0.2, 0.4], [0.6, 0.8]]
    assert lines[3].get_ydata()[0] == 0.9 and len(fig.axes[1].lines) == 3
    assert "right answers, taught: ≈0.30 to ≈0.70" in words


def test_lengths_are_drawn_on_log_scales_and_only_measured_numbers_are_about():
    lines = {"everything": {512: 2.0, 1024: 4.0}, "chosen": {512: 1.0, 1024: 1.5}}
    fig, words = figures.by_length({"counted": lines, "ms": lines}, title="A title", measured=["ms"])
    assert [axes.get_ylabel() for axes in fig.axes] == ["counted (log scale)", "ms (log scale)"]
    for axes in fig.axes:
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert list(axes.lines[1].get_ydata()) == [1.0, 1.5]
    assert "everything 4, chosen 1.5; everything ≈4, chosen ≈1.5" in words
