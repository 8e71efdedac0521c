"""Attention on one text: what each head looks at, what nobody can see yet, and hands that turn."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.show.figures import looking_back

TEXT = list("7a1b?a")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def weights():
    """Two layers of three heads: head 3 of layer 2 looks at the first token, all others at themselves."""
    found = torch.eye(6).repeat(2, 3, 1, 1)
    found[1, 2] = 0
    found[1, 2, :, 0] = 1
    return found


def drawn():
    fig, words = looking_back.heads_look(TEXT, weights(), 5, [0], title="t")
    axes = fig.axes[0]
    span, *squares = axes.patches
    return axes, span, [s for s in squares if s.get_width() > 0], words


def test_a_square_is_as_large_as_the_weight_and_stands_over_its_token():
    _, _, squares, _ = drawn()
    middles = [square.get_x() + square.get_width() / 2 for square in squares]
    assert middles == pytest.approx([5] * 5 + [0])
    assert [square.get_width() for square in squares] == pytest.approx([0.95] * 6)
    half = weights() / 4
    fig, _ = looking_back.heads_look(TEXT, half, 5, [0], title="t")
    assert max(square.get_width() for square in fig.axes[0].patches[1:]) == pytest.approx(
        0.475
    )  # area: a quarter


def test_heads_stand_in_the_order_of_their_layers_with_a_gap_between():
    axes, _, squares, _ = drawn()
    names = [t.get_text() for t in axes.texts if t.get_text().startswith("layer")]
    assert names == [f"layer {layer}, head {h}" for layer in (1, 2) for h in (1, 2, 3)]
    heights = [square.get_y() + square.get_height() / 2 for square in squares]
    assert heights == pytest.approx([0, 1, 2, 3.6, 4.6, 5.6])


def test_the_token_that_asks_and_the_one_to_look_at_are_marked():
    axes, _, squares, words = drawn()
    assert [t.get_text() for t in axes.texts if t.get_weight() == "bold"] == ["7", "a"]
    assert squares[-1].get_facecolor() != squares[0].get_facecolor()
    assert "from position 5, a, to itself" in words and words.endswith("Boxed: 7 at 0.")


def test_what_comes_later_is_struck_out():
    fig, _ = looking_back.heads_look(TEXT, weights(), 2, [0], title="t")
    axes = fig.axes[0]
    assert axes.patches[0].get_x() == 2.5 and axes.patches[0].get_hatch()
    grey = [t.get_text() for t in axes.texts if t.get_color() == "0.6"]
    assert grey == ["b", "?", "a"]


def test_a_position_outside_the_text_is_refused():
    for position, tokens in ((6, TEXT), (-1, TEXT), (0, TEXT[:3])):
        with pytest.raises(ValueError, match="position"):
            looking_back.heads_look(tokens, weights(), position, [], title="t")


def test_hands_turn_by_position_times_speed_against_the_clock():
    fig, words = looking_back.clocks([math.pi / 2, 0.0], positions=3, title="t")
    hands = [line.get_xydata() for line in fig.axes[0].lines]
    tips = [(tip - foot).tolist() for foot, tip in hands]
    assert tips[0] == pytest.approx([0.36, 0]) and tips[1] == pytest.approx([0, -0.36])  # y points down
    assert tips[2] == pytest.approx([-0.36, 0], abs=1e-9) and tips[5] == pytest.approx([0.36, 0])
    assert "turn by 1.57, 0 radians" in words and "position, 0 to 2" in words
