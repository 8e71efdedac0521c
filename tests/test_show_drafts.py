"""Drafts that one can see: marks, rows and words; what a blind guess says, and the price in a batch."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.show.figures.drafts import KEPT, drafts_seen, marked, race, tokens_written
from lessons_lib.show.figures.speculation import blind_and_given, extra_by_batch

# three passes: without a draft; "b" kept and "c" behind it; "x" refused, "d" in its place
TEXT = (list("pq"), [([], ["a"]), (["b"], ["b", "c"]), (["x"], ["d"])])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_drafts_are_kept_up_to_the_first_that_differs_and_refused_ones_stand_before_what_was_written():
    assert marked(TEXT) == [
        ("p", "given"),
        ("q", "given"),
        ("a", "own"),
        ("b", "kept"),
        ("c", "own"),
        ("x", "refused"),
        ("d", "own"),
    ]
    assert marked(TEXT, 1)[-1] == ("a", "own") and len(marked(TEXT, 0)) == 2
    assert [tokens_written(TEXT, n) for n in range(5)] == [0, 1, 3, 4, 4]


def test_a_pass_cut_short_at_the_end_of_the_text_keeps_its_draft():
    assert marked((["p"], [(["b"], ["b"])])) == [("p", "given"), ("b", "kept")]


def test_kept_drafts_stand_on_green_and_refused_ones_are_struck_out():
    fig, words = drafts_seen({"one": TEXT}, title="t")
    page = fig.axes[0]
    assert [patch.get_x() for patch in page.patches] == [2.5]
    assert plt.matplotlib.colors.to_hex(page.patches[0].get_facecolor()) == KEPT
    (struck,) = page.lines
    assert list(struck.get_xdata()) == [4.5, 5.5]
    assert words == "t. 1 texts; kept drafts on green, refused ones struck out."


def test_a_note_stands_in_a_row_of_its_own_below_its_text_and_not_in_the_words():
    fig, words = drafts_seen({"one": TEXT, "two": TEXT}, title="t", notes={"one": "right is abc"})
    where = {text.get_text(): text.get_position()[1] for text in fig.axes[0].texts}
    assert where["one"] == 0 and where["right is abc"] == 1 and where["two"] == 2.3
    assert words.endswith("Below each, whether it is right and what would have been.") and "abc" not in words


def test_in_the_race_both_have_had_as_many_passes_and_the_words_say_how_far_each_is():
    fig, words = race(TEXT, 2, title="t")
    assert words == "t. After 2 passes: 2 tokens one by one, ≈3 with drafts."
    written = [(text.get_text(), text.get_position()) for text in fig.axes[0].texts]
    assert ("b", (3, 0)) in written and ("c", (4, 0)) not in written and ("c", (4, 1.3)) in written


def test_the_race_ends_with_the_text_and_its_picture_keeps_its_size():
    text = (["p"] * 80, TEXT[1] * 3)  # two rows, at the end
    first, last = race(text, 0, title="t")[0], race(text, 50, title="t")
    assert last[1] == "t. After 12 passes: 12 tokens one by one, ≈12 with drafts."
    assert first.get_figheight() == last[0].get_figheight()


def test_long_texts_go_on_in_the_next_row():
    long = (["p"] * 80, [([], ["a"])] * 10)
    rows = {text.get_position()[1] for text in drafts_seen({"one": long}, title="t")[0].axes[0].texts}
    assert rows == {0, 1}


def test_what_a_blind_guess_says_stands_beside_what_the_next_token_tells():
    fig, words = blind_and_given([0.5, 0.5], {"a": [0.1, 0.9]}, "ab", title="t")
    assert words == "t. The largest chance of each panel: blind: 0.50 for a; given a: 0.90 for b."
    assert [bar.get_height() for bar in fig.axes[1].patches] == [0.1, 0.9]


def test_the_price_of_a_second_token_is_drawn_against_the_batch():
    fig, words = extra_by_batch({"experts": {1: 0.5, 2: 0.4, 4: 0.2, 8: 0.0}}, (0.03, 0.06), title="t")
    told = "t. experts: 0.50 at 1, 0.00 at 8. A band from 0.03 to 0.06: what 1.8 times leaves."
    assert words == told
    assert fig.axes[0].get_xscale() == "log"
    assert list(fig.axes[0].lines[0].get_ydata()) == [
        0.5,
        0.4,
        0.2,
        0.0,
    ]
