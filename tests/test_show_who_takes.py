"""What one expert takes: the right letters are marked, and the words hold no trained number."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex

from lessons_lib.show.figures.who_takes import who_takes
from lessons_lib.show.style import COLOURS

RANK = torch.tensor([[0, 1, 2], [0, 0, 1]])
TEXTS = [["a", "b", "c"], ["d", "e", "f"]]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_the_tokens_that_go_to_the_expert_stand_on_a_coloured_ground():
    fig, _ = who_takes(["one", "two"], TEXTS, RANK, title="t")
    grounds = {
        (patch.get_x() + 0.5, patch.get_y() + 0.46): to_hex(patch.get_facecolor())
        for patch in fig.axes[0].patches
    }
    assert grounds == {(1, 0): COLOURS[0], (2, 0): "#c9d3e6", (2, 1): COLOURS[0]}


def test_letters_are_read_on_either_ground():
    fig, _ = who_takes(["one", "two"], TEXTS, RANK, title="t")
    written = {text.get_text(): text for text in fig.axes[0].texts}
    assert {*written} == {*"abcdef", "one", "two", "50 % of these tokens"}
    assert written["b"].get_color() == "white" and written["c"].get_color() == written["a"].get_color()
    assert written["c"].get_weight() == "bold" and written["a"].get_weight() == "normal"
    assert written["f"].get_position() == (2, 1)


def test_the_words_say_what_is_shown_and_no_trained_number():
    words = who_takes(["one", "two"], TEXTS, RANK, title="What expert 3 takes")[1]
    assert (
        words == "What expert 3 takes. 2 texts of 3 tokens; those that the expert takes are marked."
        and words == who_takes(["one", "two"], TEXTS, 0 * RANK, title="What expert 3 takes")[1]
    )


def test_texts_and_names_must_be_as_many():
    with pytest.raises(ValueError):
        who_takes(["one"], TEXTS, RANK, title="t")
    with pytest.raises(ValueError, match="rank"):
        who_takes(["one", "two"], TEXTS, RANK[0], title="t")
