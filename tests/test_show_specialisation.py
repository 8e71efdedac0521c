"""Figures of experts: what is drawn is what was given, and chance is drawn beside it."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.show.figures import specialisation, violation
from lessons_lib.show.style import COLOURS


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_bank_has_a_box_for_each_expert_as_wide_as_the_expert():
    fig, words = specialisation.banks_of_experts({"coarse": (4, 2, 1, 8), "fine": (8, 4, 2, 4)}, title="t")
    boxes = fig.axes[0].patches[: 5 + 10]
    assert [box.get_width() for box in boxes] == [8] * 5 + [4] * 10
    assert sum(box.get_width() for box in boxes[:5]) == sum(box.get_width() for box in boxes[5:])
    assert "coarse: 2 of 4 routed experts of width 8 and 1 shared" in words


@pytest.mark.parametrize(("routed", "chosen"), [(16, 2), (64, 8), (17, 3), (4, 4)])
def test_as_many_boxes_are_filled_in_as_experts_are_chosen(routed, chosen):
    fig, _ = specialisation.banks_of_experts({"x": (routed, chosen, 1, 8)}, title="t")
    boxes = fig.axes[0].patches[: routed + 1]
    assert sum(box.get_facecolor()[:3] != (1, 1, 1) for box in boxes[:routed]) == chosen
    assert [bool(box.get_hatch()) for box in boxes] == [False] * routed + [True]  # the shared one


def test_tokens_are_sorted_into_those_that_stay_come_leave_and_never_were_there():
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    before = torch.tensor([[0], [1], [0], [1]])
    after = torch.tensor([[0], [0], [1], [1]])
    fig, words = specialisation.tokens_in_plane(x, x[:2], before, after, expert=0, bias=0.25)
    plane, bars = fig.axes
    groups = {c.get_label(): c.get_offsets().tolist() for c in plane.collections}
    assert groups == {
        "to others: 1": [[0, -1]],
        "to A, as without bias: 1": [[1, 0]],
        "to A, by the bias: 1": [[0, 1]],
        "no more to A: 1": [[-1, 0]],
    }
    assert [bar.get_height() for bar in bars.patches] == [2, 2, 2, 2]
    assert "bias of +0.25, expert A has 2 of 4 tokens; without it, 2" in words


def test_the_title_of_the_plane_tells_the_load_before_and_after():
    before, after = torch.tensor([[0], [1], [1]]), torch.tensor([[0], [0], [0]])
    fig, _ = specialisation.tokens_in_plane(torch.rand(3, 2), torch.eye(2), before, after, 0, 0.5)
    assert fig.get_suptitle() == "A bias of +0.50 brings A from 1 to 3 tokens"


def test_the_mean_load_is_a_line():
    ids = torch.tensor([[0, 1], [0, 2], [0, 1]])
    fig, _ = specialisation.tokens_in_plane(torch.ones(3, 2), torch.ones(3, 2), ids, ids, 0, 0.0)
    assert fig.axes[1].lines[0].get_ydata()[0] == 2  # six choices, three experts


def test_every_seed_has_a_dash_and_the_mean_a_mark():
    values = {"nats": {"a": [0.1, 0.2, 0.6], "b": [0.2]}, "bits": {"a": [1.0, 3.0], "b": [4.0]}}
    fig, words = specialisation.seeds_in_rows(values, title="t")
    nats, bits = fig.axes
    span, dashes, mark = nats.lines[:3]
    assert list(span.get_xdata()) == [0.1, 0.6]
    assert list(dashes.get_xdata()) == [0.1, 0.2, 0.6]
    assert list(mark.get_xdata()) == pytest.approx([0.3])
    assert [list(line.get_xdata()) for line in bits.lines[2::3]] == [[2], [4]]
    assert nats.get_xlim() == bits.get_xlim() == (0, 5)
    assert nats.lines[0].get_color() == bits.lines[0].get_color() != nats.lines[3].get_color()
    assert words == "t. A dash for each seed and a mark at their mean: nats, for a, b; bits, for a, b."


def test_rows_are_joined_seed_by_seed():
    rows = {"nats": {"a": [0.1, 0.4], "b": [0.3, 0.2], "c": [0.5, 0.6]}}
    fig, words = specialisation.seeds_in_rows(rows, title="t", joined=True)
    thin = [line for line in fig.axes[0].lines if line.get_linewidth() == 0.7]
    ends = [(list(line.get_xdata()), list(line.get_ydata())) for line in thin]
    assert ends[:2] == [([0.1, 0.3], [0, 1]), ([0.4, 0.2], [0, 1])] and len(ends) == 4
    assert "a thin line from row to row for each" in words


def test_curves_of_violation_stand_beside_chance():
    values = torch.full((2, 60), 1.0)
    values[1] = 3.0
    fig, words = violation.violation_over_steps({"0.1": values}, 0.25, title="t", window=20)
    line, chance = fig.axes[0].lines
    assert set(line.get_ydata()) == {2} and line.get_xdata()[0] == 20 and line.get_xdata()[-1] == 60
    assert chance.get_ydata()[0] == 0.25 and chance.get_color() == "black"
    ticks = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert ticks in (["1/4", "1/2", "1", "2"], ["1/2", "1", "2"])  # they double where the axis does
    assert "0.1: ≈2.0; picked at random: 0.25." in words


def test_violation_by_scope_draws_chance_in_black_and_last():
    curves = {"bias": [[2.0, 4.0], [1.0, 1.0]], "picked at random": [[1.0], [0.05]]}
    fig, words = violation.violation_by_scope({"a window": 64, "a batch": 1024}, curves, title="t")
    bias, chance = fig.axes[0].lines
    assert list(bias.get_ydata()) == [3, 1] and bias.get_color() == COLOURS[0]
    assert list(chance.get_ydata()) == [1, 0.05] and chance.get_color() == "black"
    assert "bias: ≈3.0, ≈1.0; picked at random: 1.0, 0.05." in words


def test_a_control_at_one_scope_is_a_mark_there_and_stands_in_the_words():
    scopes, curves = {"a window": 64, "a batch": 1024}, {"bias": [[2.0], [1.0]], "chance": [[1.0], [0.05]]}
    controls = {"mixed windows": ("a window", [0.6, 0.8])}
    fig, words = violation.violation_by_scope(scopes, curves, title="t", controls=controls)
    mark = fig.axes[0].lines[-1]
    assert list(mark.get_xdata()) == [64, 64] and list(mark.get_ydata()) == [0.6, 0.8]
    assert mark.get_linestyle() == "None" and words.endswith("mixed windows, over a window: ≈0.70.")
