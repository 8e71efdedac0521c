"""Figures on reasoning: what is drawn is what was given, and the words hold no measured values."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lessons_lib.show.figures import reasoning


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_a_running_mean_looks_back_only():
    assert reasoning.smooth([1.0, 3.0, 5.0, 7.0], 2).tolist() == [1.0, 2.0, 4.0, 6.0]
    assert reasoning.smooth([2.0], 5).tolist() == [2.0]


def test_curves_their_mean_band_and_line():
    curves = [[0.0, 0.2], [0.4, 0.6], [0.8, 1.0]]
    fig, words = reasoning.training(
        {"accuracy": curves, "length": curves},
        lines={"accuracy": (0.77, "blind search")},
        title="T",
        window=1,
    )
    accuracy, length = fig.axes
    drawn = [line.get_ydata() for line in accuracy.lines]
    np.testing.assert_allclose(drawn[3], [0.4, 0.6])  # behind the three seeds
    np.testing.assert_allclose(drawn[4], [0.77, 0.77])
    assert len(length.lines) == 4  # no line in the other panel
    assert "mean of 3 runs" in words and "in accuracy: blind search" in words
    assert not re.search(r"\d\.\d", words)


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


def test_each_variant_stands_at_its_values():
    ends = {"one": (0.7, 20.0, 0.9), "two": (0.2, 8.0, 1.0)}
    fig, words = reasoning.ablations(ends, base=(0.3, 10.0, 0.99), ceiling=0.77, title="T")
    for n, axes in enumerate(fig.axes):
        dots = axes.collections[-1].get_offsets()
        assert dots.tolist() == [[ends["one"][n], 0.0], [ends["two"][n], 1.0]]
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["one", "two"]
    assert "one, two" in words and not re.search(r"\d\.\d", words)


def test_behaviours_have_a_dot_per_seed_and_an_arrow():
    fig, words = reasoning.behaviours({"repeats": ([0.1, 0.2], [0.3, 0.5]), "stops": ([1, 1], [1, 1])}, "T")
    before, after = fig.axes[0].collections
    assert before.get_offsets()[:, 1].tolist() == [0.1, 0.2]
    assert after.get_offsets()[:, 1].tolist() == [0.3, 0.5]
    assert "repeats; stops" in words


def test_reading_and_the_split_of_a_step():
    fig, words = reasoning.reading({"seed 0": {"rooms": ([50, 100], [0.2, 1.0])}}, 0.95, "T")
    assert list(fig.axes[0].lines[1].get_ydata()) == [0.2, 1.0]
    assert "seed 0" in words and "rooms" in words
    fig, words = reasoning.time_split({"sample": 0.4, "verify": 0.02, "learn": 0.58}, "T")
    assert [round(bar.get_width(), 2) for bar in fig.axes[0].patches] == [0.4, 0.02, 0.58]
