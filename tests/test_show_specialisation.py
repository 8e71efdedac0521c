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


def test_the_mean_load_is_a_line():
    ids = torch.tensor([[0, 1], [0, 2], [0, 1]])
    fig, _ = specialisation.tokens_in_plane(torch.ones(3, 2), torch.ones(3, 2), ids, ids, 0, 0.0)
    assert fig.axes[1].lines[0].get_ydata()[0] == 2  # six choices, three experts


def test_large_shares_come_to_the_diagonal_and_no_row_is_lost():
    share = torch.tensor([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])
    rows, columns = specialisation.diagonal_order(share)
    assert (rows, columns) == ([1, 0, 2], [0, 1, 2])
    share = torch.tensor([[0.9, 0.1], [0.8, 0.2]])  # both rows like column 0; each column is given once
    assert specialisation.diagonal_order(share) == ([0, 1], [0, 1])
    rows, columns = specialisation.diagonal_order(torch.rand(2, 5))
    assert sorted(rows) == [0, 1] and sorted(columns) == [0, 1, 2, 3, 4]


def test_both_maps_are_in_one_order_and_a_ring_is_on_each_favourite():
    share = torch.tensor([[10.0, 90.0], [70.0, 30.0]])
    damage = torch.tensor([[0.0, 0.5], [0.1, 0.2]])
    fig, words = specialisation.use_and_damage(share, damage, ["a", "b"], title="t")
    use, harm = fig.axes[:2]
    assert use.images[0].get_array().tolist() == [[90, 10], [30, 70]]
    assert harm.images[0].get_array().tolist() == pytest.approx(torch.tensor([[0.5, 0.0], [0.2, 0.1]]))
    assert list(use.lines[0].get_xdata()) == [0, 1]
    assert harm.get_xlabel() == "expert (favourite +0.300, another +0.100)"
    assert "favourite has ≈80 %" in words and "in half or fewer of the domains" in words


def test_every_seed_has_a_dash_and_the_mean_a_mark():
    values = {"nats": {"a": [0.1, 0.2, 0.6], "b": [0.2]}, "bits": {"a": [1.0, 3.0], "b": [4.0]}}
    fig, words = specialisation.seeds_in_rows(values, title="t")
    nats, bits = fig.axes
    span, dashes, mark = nats.lines[:3]
    assert list(span.get_xdata()) == [0.1, 0.6]
    assert list(dashes.get_xdata()) == [0.1, 0.2, 0.6]
    assert list(mark.get_xdata()) == pytest.approx([0.3])
    assert [list(line.get_xdata()) for line in bits.lines[2::3]] == [[2], [4]]
    assert nats.get_xlim()[0] == bits.get_xlim()[0] == 0
    assert words == "t. A dash for each seed and a mark at their mean: nats, for a, b; bits, for a, b."


def test_curves_of_violation_stand_beside_chance():
    values = torch.full((2, 60), 1.0)
    values[1] = 3.0
    fig, words = violation.violation_over_steps({"0.1": values}, 0.25, title="t", window=20)
    line, chance = fig.axes[0].lines
    assert set(line.get_ydata()) == {2} and line.get_xdata()[0] == 20 and line.get_xdata()[-1] == 60
    assert chance.get_ydata()[0] == 0.25 and chance.get_color() == "black"
    assert "0.1: ≈2.0; picked at random: 0.25." in words


def test_violation_by_scope_draws_chance_in_black_and_last():
    curves = {"bias": [[2.0, 4.0], [1.0, 1.0]], "picked at random": [[1.0], [0.05]]}
    fig, words = violation.violation_by_scope({"a window": 64, "a batch": 1024}, curves, title="t")
    bias, chance = fig.axes[0].lines
    assert list(bias.get_ydata()) == [3, 1] and bias.get_color() == COLOURS[0]
    assert list(chance.get_ydata()) == [1, 0.05] and chance.get_color() == "black"
    assert "bias: ≈3.0, ≈1.0; picked at random: 1.0, 0.05." in words
