"""Figures of the whole model: what is drawn is what was handed over, and no clock or loss is in words."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.show.figures import mini_deepseek


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_losses_are_averaged_and_stand_above_the_floor():
    history = {
        "step": [1, 2, 3, 4],
        "loss": [4.0, 2.0, 1.0, 1.0],
        "eval_step": [2, 4],
        "eval_loss": [3.0, 1.5],
    }
    fig, words = mini_deepseek.learning(history, 0.8, title="t", window=2)
    training, held_out, floor = fig.axes[0].lines
    assert list(training.get_xdata()) == [2, 3, 4] and list(training.get_ydata()) == [3.0, 1.5, 1.0]
    assert list(held_out.get_ydata()) == [3.0, 1.5]
    assert floor.get_ydata()[0] == 0.8
    assert fig.axes[0].get_ylim()[0] == 0
    assert "over 4 steps" in words and "at 2 of them" in words and "1.5" not in words


def test_every_pair_has_a_mark_and_every_row_its_mean_and_note():
    lost = {"no a": [0.1, 0.3, 0.2], "no b": [-0.1, 0.0, -0.2]}
    fig, words = mini_deepseek.taken_away(lost, {"no a": "step x0.50", "no b": "step x2.00"}, title="t")
    axes = fig.axes[0]
    marks = [line for line in axes.lines if line.get_marker() in ("o", "s", "^")]
    assert [line.get_xdata()[0] for line in marks] == [0.1, 0.3, 0.2, -0.1, 0.0, -0.2]
    assert [line.get_ydata()[0] for line in marks] == [0, 0, 0, 1, 1, 1]
    assert [text.get_text() for text in axes.texts] == ["+0.200   step x0.50", "-0.100   step x2.00"]
    assert axes.get_xlim()[0] == -axes.get_xlim()[1]
    assert "no a; no b" in words and "3 pairs" in words and "0.2" not in words and "x2" not in words


def test_loads_have_a_panel_for_each_layer_and_an_even_share():
    with_bias = [torch.tensor([[1.2, 0.8], [1.4, 0.6]]), torch.tensor([[1.1, 0.9], [1.1, 0.9]])]
    without = [torch.tensor([[2.0, 0.0], [1.8, 0.2]]), torch.tensor([[1.5, 0.5], [1.5, 0.5]])]
    fig, words = mini_deepseek.loads({"with": with_bias, "without": without}, title="t")
    assert len(fig.axes) == 2
    first, second, even = fig.axes[0].lines
    assert first.get_ydata() == pytest.approx([1.3, 0.7]) and second.get_ydata() == pytest.approx([1.9, 0.1])
    assert even.get_ydata()[0] == 1
    assert fig.axes[1].get_title() == "layer 3"
    assert "with and without" in words and "1.3" not in words


def test_hours_fall_as_one_over_the_utilisation():
    fig, words = mini_deepseek.hours_for_utilisation(3.6e21, 1e12, 2e6, {20: "20 %", 50: "50 %"}, title="t")
    curve, reported, at_20, at_50 = fig.axes[0].lines
    assert curve.get_ydata()[0] == pytest.approx(10) and curve.get_xdata()[0] == 10
    assert at_20.get_ydata()[0] == pytest.approx(5) and at_50.get_ydata()[0] == pytest.approx(2)
    assert reported.get_ydata()[0] == 2
    assert "20 % 5.0; 50 % 2.0; reported: 2.00" in words
