"""The guessing game of lesson 01: what a typed symbol does, what counts as played, what is kept.

The committed lesson runs on made-up guesses, so nothing but these tests plays the game.
"""

import math

import matplotlib.pyplot as plt
import pytest

from lessons_lib.show.figures import guessing

LEVELS = dict(guessing.CONFIDENCES)


def price(guess, confidence, truth, n_symbols):
    """The lesson's price: the rest of the confidence is shared evenly by the other symbols."""
    return -math.log(confidence if guess == truth else (1 - confidence) / (n_symbols - 1))


@pytest.fixture
def game():
    rounds = [guessing.Round("first", "Xab", "ab", "abc "), guessing.Round("second", "Y", "c", "cd")]
    return guessing.GuessingGame(rounds, price)


def type_in(game, symbol, sure=0.5):
    """Type as a reader does, through the widgets; return what the page then shows."""
    game._sure.value = sure
    game._box.value = symbol
    return game._said.value


def test_a_typed_symbol_is_priced_and_the_right_one_is_shown(game):
    assert "<b>Xab</b>_" in game._said.value and "symbol 1 of 2" in game._said.value
    page = type_in(game, "a", 0.8)
    assert "right. That cost 0.22 nats" in page  # -ln 0.8
    assert "<b>Xaba</b>_" in page and "symbol 2 of 2" in page
    assert game._box.value == ""  # so that the same symbol can be typed again
    page = type_in(game, "a", 0.8)
    assert "That cost 2.71 nats" in page  # -ln(0.2 / 3)
    assert "Round 2 of 2, second" in page


def test_what_the_domain_cannot_write_costs_nothing_and_is_refused(game):
    for typed in ("z", "ab"):
        page = type_in(game, typed)
        assert "is not among the symbols" in page and "symbol 1 of 2" in page
    assert game.guesses["first"] == []
    assert "no" in type_in(game, " ", 0.25) and game.guesses["first"] == [(" ", 0.25)]


def test_only_rounds_played_to_their_end_are_read_by_the_cells_below(game):
    type_in(game, "a")
    assert game.finished == {}
    type_in(game, "b")
    assert game.finished == {"first": [("a", 0.5), ("b", 0.5)]}
    assert "The game is over" in type_in(game, "d") and set(game.finished) == {"first", "second"}
    assert "All rounds are played" in type_in(game, "d") and len(game.guesses["second"]) == 1


def test_no_idea_means_all_symbols_alike_and_is_never_dearer(game):
    type_in(game, "c", LEVELS["no idea"])
    assert game.guesses["first"] == [("c", 1 / 4)]  # 4 symbols: so every one of them costs ln 4
    assert price("c", 1 / 4, "a", 4) == pytest.approx(math.log(4))


def test_demo_guesses_must_fit_their_rounds(game):
    demo = guessing.read_demo(game.rounds, {"first": ("ab", "?x"), "second": ("c", "9")})
    assert demo == {"first": [("a", 0.25), ("b", 0.999)], "second": [("c", 0.95)]}
    for wrong in (("a", "?"), ("az", "?x"), ("ab", "?")):
        with pytest.raises(ValueError, match="demo of first does not fit its 2 symbols"):
            guessing.read_demo(game.rounds, {"first": wrong, "second": ("c", "9")})


def test_a_round_whose_answer_cannot_be_typed_is_refused():
    for answer in ("", "az"):
        with pytest.raises(ValueError, match="answer of odd"):
            guessing.Round("odd", "X", answer, "abc")
    with pytest.raises(ValueError, match="at least one round"):
        guessing.GuessingGame([], price)


def test_the_picture_has_the_player_and_the_floor_on_one_axis():
    standing = guessing.Standing(paid=1.5, rules=0.9, floor=1.0, uniform=2.0)
    made_up = guessing.Standing(paid=1.6, rules=0.9, floor=1.0, uniform=2.0, who="demo guesses")
    fig, words = guessing.against_the_floor({"copy": standing, "recall": made_up})
    at = [line.get_xdata()[0] for line in fig.axes[0].lines if len(line.get_xdata())]
    assert {1.0, 0.9, 2.0, 1.5} <= set(at)
    assert "copy: floor 1.00, you 1.50, all alike 2.00;" in words
    assert words.endswith("recall: floor 1.00, demo guesses 1.60, all alike 2.00.")  # never called yours
    labels = [text.get_text() for text in fig.axes[0].texts]
    assert labels == ["you 1.50", "demo guesses 1.60"]
    plt.close(fig)
