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
    assert (colour["a"], colour["b"], colour["c"], colour["d"]) == ("black", "black", writing.WRONG, "0.55")
    ground, box = axes.patches
    assert (ground.get_x(), ground.get_width()) == (0.5, 2)  # under what is possible
    assert box.get_x() == 2.5  # around the third token, behind the tag
