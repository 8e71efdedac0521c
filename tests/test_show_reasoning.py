"""Figures on reasoning: what is drawn is what was given."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.show.figures import reasoning


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_thoughts_go_on_below_and_have_their_colours():
    text = "<think> " + "d0 r1 cross wait " * 12 + "d2 r3 star </think>"
    fig, words = reasoning.thoughts([("base", text), ("after", "<think> </think>")], "T")
    texts = [t for t in fig.axes[0].texts if t.get_text() not in ("base", "after", "")]
    assert " ".join(t.get_text() for t in texts) == f"{text} <think> </think>"
    heights = {t.get_position()[1] for t in texts}
    assert len(heights) == 4  # three lines for the long one
    assert max(t.get_position()[0] - 17 + len(t.get_text()) for t in texts) <= reasoning.LINE_WIDTH
    colours = {t.get_text(): t.get_color() for t in texts}
    assert colours["star"] != colours["cross"] != colours["wait"] != colours["d0"]
    assert "base, after" in words


def test_reading_is_drawn_over_training_steps():
    fig, words = reasoning.reading({"seed 0": {"rooms": ([50, 100], [0.2, 1.0])}}, 0.95, "T")
    assert list(fig.axes[0].lines[1].get_ydata()) == [0.2, 1.0]
    assert "seed 0" in words and "rooms" in words
