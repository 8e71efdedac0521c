"""A thought as a picture: what is lit, what is read, what isn't there; and figures of learning by reward."""

import re

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb

from lessons_lib.reasoning.hunts import Problem
from lessons_lib.reasoning.strategies import KINDS
from lessons_lib.show.figures import r1_zero, thinking
from lessons_lib.show.thinking import as_it_thinks, see_it_think

PROBLEM = Problem(((2, 0, 1, 4, 5, 3),), 1)  # door 2 leads to the star
RIGHT = "<think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>".split()
FALSE = "<think> d5 r3 star </think> <answer> d5 </answer> <eos>".split()
ENDLESS = ("<think> " + "d0 r2 cross wait " * 14 + "d0").split()


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def texts(fig):
    return [text.get_text() for text in fig.axes[0].texts]


def lit(fig):
    """Return the numbers of the doors drawn in the colour of a door that is tried."""
    return [i for i, box in enumerate(fig.axes[0].patches) if box.get_facecolor()[:3] == to_rgb(thinking.LIT)]


def heavy(fig):
    return [i for i, box in enumerate(fig.axes[0].patches) if box.get_linewidth() > 1]


def test_a_scene_begins_with_the_prompt_and_nothing_said():
    fig, words = thinking.scene(PROBLEM, RIGHT, 0, "T")
    assert lit(fig) == heavy(fig) == [] and "Nothing is written yet" in words
    assert " ".join(PROBLEM.prompt) in words and "behind d2" in words
    assert texts(fig).count("prompt: r1 ★") == 1 and texts(fig).count("★") == 0


@pytest.mark.parametrize(
    "written, door, said",
    [
        (1, [], "Its thought has begun, nothing is tried yet."),
        (2, [0], "Try 1 of its thought is d0."),
        (4, [0], "Try 1 of its thought is d0: it reads r2 cross."),
        (5, [0], "Try 1 of its thought is d0: it reads r2 cross."),
        (6, [2], "Try 2 of its thought is d2."),
        (8, [2], "Try 2 of its thought is d2: it reads r1 star."),
        (9, [], "Its thought has ended after 2 tries."),
    ],
)
def test_the_door_that_is_tried_is_lit_and_told(written, door, said):
    fig, words = thinking.scene(PROBLEM, RIGHT, written, "T")
    assert lit(fig) == door and words == said
    assert texts(fig).count("✗") == (written >= 4) and texts(fig).count("★") == (written >= 8)


def test_an_answer_that_is_still_written_is_judged_only_when_it_is_done():
    fig, words = as_it_thinks(PROBLEM, RIGHT[:4], False)
    assert lit(fig) == [0] and words == "Try 1 of its thought is d0: it reads r2 cross."
    fig, words = as_it_thinks(PROBLEM, RIGHT, False)
    assert not any("right" in text for text in texts(fig)) and words == "Its thought has ended after 2 tries."
    fig, words = as_it_thinks(PROBLEM, RIGHT, True)
    assert words.endswith("It answers d2: right.") and any("right" in text for text in texts(fig))


def test_the_end_says_what_the_verifier_says():
    for words, ending in ((RIGHT, "answers d2: right"), (FALSE, "answers d5: wrong, it is d2")):
        fig, told = thinking.scene(PROBLEM, words, 99, "T")
        assert told.endswith(f"It {ending}.") and any(ending in text for text in texts(fig))
        assert heavy(fig) == [int(words[-3][1:])] and lit(fig) == []
    assert thinking.outcome(PROBLEM, ENDLESS) == (False, "no answer in the right form: wrong")
    again, _ = thinking.scene(PROBLEM, ENDLESS, 9, "T")
    assert "1, 2" in texts(again)  # the numbers of both tries of one door


def test_a_strip_shows_prompt_tries_verdict_and_stars_that_are_not_there():
    said = {"base": ["<think>", "</think>", *RIGHT[-4:]], "one": FALSE, "two": RIGHT, "three": ENDLESS}
    fig, words = thinking.strip(PROBLEM, said, "T")
    shown = texts(fig)
    assert (
        "no thought" in shown and "…" in shown and any(t.startswith("prompt:  d0 r2  d1 r0") for t in shown)
    )
    assert shown.count("✓ answers d2: right") == 2 and shown.count("✗ no answer: wrong") == 1
    assert heavy(fig) == [0]  # of all boxes, the false star's
    assert len(fig.axes[0].patches) == 1 + 2 + thinking.MOST_TRIES
    assert "base, one, two, three" in words and " ".join(PROBLEM.prompt) in words


def test_the_live_view_moves_and_says_so():
    view = see_it_think(PROBLEM, {"the base": FALSE, "after 5 steps": RIGHT})
    assert "Nothing is written yet" in view.sentence
    learned, written = view._controls["learned"], view._controls["written"]
    assert written.max == len(RIGHT)
    written.value = 2
    assert view.sentence == "Try 1 of its thought is d5."
    learned.value = "after 5 steps"
    assert view.sentence == "Try 1 of its thought is d0."
    assert any(type(child).__name__ == "Play" and child.interval == 350 for child in view.children)
    with pytest.raises(ValueError, match="nothing to see"):
        see_it_think(PROBLEM, {})


def test_kinds_are_stacked_over_steps_with_curves_below():
    kinds = {kind: [[0.2, 0.2], [0.2, 0.2]] for kind in KINDS}
    runs = {"25 %": (kinds, [[0.3, 0.9], [0.3, 0.7]], [[10, 20], [10, 22]])}
    fig, words = r1_zero.searching([0, 5], runs, {8: 0.767, 13: 0.907}, "T")
    shares, accuracy, length = fig.axes
    assert len(shares.collections) == 5 and "2 seeds" in shares.get_title()
    assert accuracy.lines[0].get_ydata().tolist() == pytest.approx([0.3, 0.8])
    assert [line.get_ydata()[0] for line in accuracy.lines[1:]] == [0.767, 0.907] and "8 and at 13" in words
    assert length.lines[0].get_ydata().tolist() == [10, 21]
    assert all(kind in words for kind in KINDS) and not re.search(r"\d\.\d", words)


def test_tries_are_numbered_from_one_and_knobs_stand_beside_what_came():
    fig, words = r1_zero.by_try(
        {"5 %": {"base": [[0.0, 0.2], [0.0, 0.4]]}}, "T", {"blind": [0, 1 / 6]}, ylabel="Again"
    )
    base, blind = fig.axes[0].lines
    assert base.get_xdata().tolist() == blind.get_xdata().tolist() == [1, 2]
    assert base.get_ydata().tolist() == pytest.approx([0.0, 0.3]) and "Dotted: blind" in words
    fig, words = r1_zero.knobs({"base": ([0.3, 0.31], [0.32, 0.33])}, "T")
    ticks, dots = fig.axes[0].collections[:2]
    assert ticks.get_offsets()[:, 0].tolist() == [0.3, 0.31]
    assert dots.get_offsets()[:, 0].tolist() == [0.32, 0.33]
    assert "base" in words and not re.search(r"\d\.\d", words)
