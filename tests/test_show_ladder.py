"""The pictures of lesson 01 that carry an argument: which step a domain needs, and what is called wrong."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.show.figures import ladder, writing

GAPS = {  # per model and seed: nats above the floor
    "uniform": [{"near": 3.0, "far": 3.0}],
    "bigram": [{"near": 0.30, "far": 2.9}],
    "window MLP": [{"near": 0.24, "far": 1.9}, {"near": 0.24, "far": 2.1}],
    "attention": [{"near": 0.20, "far": 0.1}, {"near": 0.20, "far": 0.3}],
}
FLOORS = {"near": 1.0, "far": 0.5}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_domain_needs_the_last_step_that_is_worth_taking():
    needs = ladder.last_steps(GAPS, worth=0.1)
    assert list(needs) == ["far", "near"]  # furthest up the ladder first
    assert needs["far"] == ("attention", pytest.approx(1.8)) and needs["near"][0] == "bigram"
    assert ladder.last_steps(GAPS, worth=0.05)["near"][0] == "window MLP"


def test_staircases_stand_on_the_floor_and_mark_the_step_from_top_to_bottom():
    needs = ladder.last_steps(GAPS, worth=0.1)
    fig, words = ladder.staircases(GAPS, FLOORS, needs, title="t")
    far = fig.axes[0]
    bars = [bar for bar in far.patches if hasattr(bar, "get_height")]
    assert [bar.get_y() for bar in bars[:4]] == [0.5] * 4  # all stand on the floor
    assert bars[3].get_height() == pytest.approx(0.2)  # the gap of the last model
    (arrow,) = [note for note in far.texts if getattr(note, "arrow_patch", None)]
    assert arrow.xyann == (3, pytest.approx(2.5)) and arrow.xy == (3, pytest.approx(0.7))
    assert "\u22121.80" in [text.get_text() for text in far.texts]
    assert "bigram" in words and "near: last gain: bigram; far: last gain: attention" in words


def test_the_first_impossible_token_is_boxed_and_what_follows_is_grey():
    row = writing.Written("120 steps", "S", list("abcd"), possible=2)
    axes = writing.written_texts({"stories": [row]}, title="t").axes[0]
    colour = {text.get_text(): text.get_color() for text in axes.texts}
    assert (colour["a"], colour["b"], colour["c"], colour["d"]) == ("black", "black", writing.WRONG, "0.65")
    (box,) = axes.patches
    assert box.get_x() == 2.5  # around the third token, behind the tag


def test_a_small_probability_does_not_look_like_none():
    case = writing.Mistake("copy", "Cab", "b", {"a": 0.996, "b": 0.004}, {"a": 0.99977, "b": 0.00023})
    fig = writing.mistakes([case], title="t")
    said = [text.get_text() for axes in fig.axes for text in axes.texts]
    assert "came b, probability 0.004 by the rules, 0.00023 by the model" in said
    ticks = [label.get_text() for label in fig.axes[1].get_xticklabels()]
    assert ticks == ["b", "a"]  # the token that came stands first


def test_the_token_that_asks_and_the_one_to_look_at_are_marked():
    fig = writing.looks(list("7a1b?a"), [0, 0.9, 0, 0, 0, 0.1], [0], title="t")
    bold = [t.get_text() for t in fig.axes[0].texts if t.get_weight() == "bold"]
    assert bold == ["7", "a"]
    assert [bar.get_height() for bar in fig.axes[0].patches] == [0, 0.9, 0, 0, 0, 0.1]
