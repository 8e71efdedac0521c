"""Figures of the whole model: what is drawn is what was handed over, and no clock or loss is in words."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.runs import Seeds
from lessons_lib.show.figures import mini_deepseek


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_every_run_has_a_panel_and_marked_domains_a_line_of_their_own():
    runs = {
        "seed 0": {"copy": [1.0, 0.1], "stories": [0.5, 0.3]},
        "seed 1": {"copy": [1.0, 0.9], "stories": [0.5, 0.2]},
    }
    fig, words = mini_deepseek.skills([50, 100], runs, ("copy",), title="t")
    assert [axes.get_title() for axes in fig.axes] == ["seed 0", "seed 1"]
    other, marked = fig.axes[1].lines
    assert list(marked.get_ydata()) == [1.0, 0.9] and list(marked.get_xdata()) == [50, 100]
    assert other.get_color() == "0.65" != marked.get_color()
    assert [text.get_text() for text in fig.axes[0].texts] == ["stories"]  # the grey line that starts highest
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["all other domains", "copy"]
    assert "2 steps up to 100" in words and "seed 0 and seed 1" in words and "0.9" not in words


def test_every_price_has_a_mark_with_its_models_loss_and_every_row_a_verdict():
    parts = {
        "to train": {"FLOPs": {"plain": 1, "whole": 1.5}},
        "to write": {"bytes": {"plain": 1, "whole": 0.5}},
    }
    losses, verdicts = {"plain": 0.08, "whole": 0.09}, {"FLOPs": "dearer", "bytes": "cheaper,\nworse"}
    fig, words = mini_deepseek.prices(parts, losses, verdicts, title="t")
    axes = fig.axes[0]
    marks = [
        (line.get_xdata()[0], round(line.get_ydata()[0])) for line in axes.lines if len(line.get_xdata())
    ]
    assert marks[:4] == [(1, 1), (1.5, 1), (1, 3), (0.5, 3)] and marks[4][0] == 1
    written = [text.get_text() for text in axes.texts]
    assert written == [
        "to train",
        "0.080",
        "0.090",
        "dearer",
        "to write",
        "0.080",
        "0.090",
        "cheaper,\nworse",
    ]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["FLOPs", "bytes"]
    assert "FLOPs: dearer; bytes: cheaper, worse" in words and "1.5" not in words and "0.08" not in words


def test_every_pair_has_a_mark_and_every_row_its_mean_interval_and_verdict():
    whole = Seeds({0: 0.0, 1: 0.0, 2: 0.0})
    lost = {
        "no a": Seeds({0: 0.19, 1: 0.21, 2: 0.2}).less(whole),
        "no b": Seeds({0: -0.1, 1: 0.1, 2: 0.0}).less(whole),
    }
    fig, words = mini_deepseek.taken_away(lost, title="t")
    axes = fig.axes[0]
    marks = [line for line in axes.lines if line.get_marker() in ("o", "s", "^")]
    assert [line.get_xdata()[0] for line in marks] == [0.19, 0.21, 0.2, -0.1, 0.1, 0.0]
    assert [line.get_ydata()[0] for line in marks] == [0, 0, 0, 1, 1, 1]
    intervals = [list(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 6]
    assert intervals == [[d.low, d.high] for d in lost.values()]
    assert [text.get_text() for text in axes.texts] == ["+0.200, clear", "+0.000, unclear"]
    assert axes.get_xlim()[0] == -axes.get_xlim()[1]
    assert "no a; no b" in words and "3 pairs" in words and "0.2" not in words


def test_hours_fall_as_one_over_the_utilisation_for_each_count():
    ways = {"a": 3.6e21, "b": 7.2e21}
    fig, words = mini_deepseek.hours_for_utilisation(ways, 1e12, 2e6, (20, 50), title="t")
    lines = fig.axes[0].lines
    assert [lines[i].get_xdata()[0] for i in (0, 2)] == [20, 20]
    assert [lines[i].get_ydata()[0] for i in (0, 2)] == pytest.approx([5, 10])
    assert [list(lines[i].get_xdata()) for i in (1, 3)] == [[20, 50]] * 2  # the thick part
    assert [y for i in (1, 3) for y in lines[i].get_ydata()] == pytest.approx([5, 2, 10, 4])
    assert lines[4].get_ydata()[0] == 2
    assert "a, 20 to 50 %: 2.00 to 5.00; b, 20 to 50 %: 4.00 to 10.00; reported: 2.00" in words
