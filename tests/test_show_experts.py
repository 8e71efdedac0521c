"""Figures of a layer of experts: what is drawn, what the words say, and that no trained number is in them."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.show.figures import experts

WEIGHTS = torch.tensor([[0.75, 0.25, 0, 0], [0, 0.9, 0, 0.1]])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_line_joins_a_token_to_each_expert_that_it_chose_as_thick_as_its_weight():
    fig, words = experts.who_goes_where(WEIGHTS, title="t")
    lines = fig.axes[0].lines
    assert [line.get_ydata()[1] for line in lines] == [0, 1, 1, 3]  # the experts, from above
    widths = [line.get_linewidth() for line in lines]
    assert widths == pytest.approx([0.5 + 6 * w for w in (0.75, 0.25, 0.9, 0.1)])
    assert "token 0 to expert 0, weight 0.75" in words and "expert 2" not in words


def test_the_loads_beside_the_experts_are_counted():
    fig, _ = experts.who_goes_where(WEIGHTS, title="t")
    written = [text.get_text() for text in fig.axes[0].texts]
    for line in ("expert 1: 2 of 2 tokens", "expert 2: no token", "expert 3: 1 of 2 tokens"):
        assert line in written


def test_a_curve_of_loads_is_the_mean_of_seeds_and_of_neighbouring_steps():
    values = torch.tensor([[0.0, 2, 4, 6], [2, 4, 6, 8]])
    fig, words = experts.load_over_steps({"a": values}, chance=0.2, most=7, title="t", window=2)
    line = fig.axes[0].lines[0]
    assert list(line.get_xdata()) == [2, 3, 4]  # a mean is drawn at the last of its steps
    assert list(line.get_ydata()) == [2, 4, 6]
    assert {1.0 * y for rule in fig.axes[0].lines[1:] for y in rule.get_ydata()} == {0.2, 7.0}
    assert "the largest possible value is 7, picking at random gives 0.2" in words


def test_likeness_stands_left_and_violation_right():
    likeness, violation = {"a": torch.tensor([[0.5, 1.0]])}, {"a": torch.tensor([[3.0, 7.0]])}
    fig, words = experts.alike_and_load(likeness, violation, most=7, title="t")
    drawn = [list(axes.lines[0].get_ydata()) for axes in fig.axes]
    assert drawn == [[0.5, 1.0], [3.0, 7.0]]
    assert "over the first 2 steps" in words


def test_waiting_draws_a_line_per_kind_over_the_devices():
    fig, words = experts.waiting((2, 16), {"a": [[1.0, 2.0], [4.0, 6.0]], "b": [[1.0], [1.5]]}, title="t")
    assert [list(line.get_ydata()) for line in fig.axes[0].lines[:2]] == [[1.5, 5.0], [1.0, 1.5]]
    assert words == "t. Time of the expert layers on 2, 16 devices: a, b."


def test_words_do_not_depend_on_what_training_gave():
    """nbval compares a figure's words between machines, and a run with routing ends differently on each."""

    def told(values):
        rows = values.tolist()
        return [
            experts.load_over_steps({"a": values}, chance=0.2, most=7, title="t", window=1)[1],
            experts.alike_and_load({"a": values}, {"a": values}, most=7, title="t")[1],
            experts.waiting((2, 4), {"a": rows}, title="t")[1],
        ]

    values = torch.tensor([[0.123, 0.234], [0.345, 0.456]])
    assert told(values) == told(1.37 * values)
