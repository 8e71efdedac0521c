"""Figures about outliers: what lies below its scale's floor is a cross; losses stand where they belong."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.show.figures import outliers


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_numbers_at_or_below_the_floor_are_lost():
    x = torch.tensor([1.0, -4.0, 0.5, 64.0])
    floors = {"one scale": torch.full((4,), 1.0), "tiles of 2": torch.tensor([0.1, 0.1, 0.5, 0.5])}
    fig, words = outliers.one_token(x, floors, title="t")
    kept, lost = fig.axes[0].lines
    assert list(kept.get_xdata()) == [1, 3] and list(kept.get_ydata()) == [4, 64]
    assert list(lost.get_xdata()) == [0, 2] and lost.get_marker() == "x"
    assert "one scale: ≈2 of 4 become 0; tiles of 2: ≈1 of 4 become 0" in words
    assert [axes.texts[0].get_text() for axes in fig.axes][1] == "tiles of 2: 1 of 4 become 0"


def test_a_zero_is_drawn_at_the_foot_and_not_left_out():
    fig, _ = outliers.one_token(
        torch.tensor([0.0, 1.0]), {"a": torch.zeros(2), "b": torch.zeros(2)}, title="t"
    )
    lost = fig.axes[0].lines[1]
    assert list(lost.get_xdata()) == [0] and lost.get_ydata()[0] == 2.0**-12


def test_the_line_of_a_recipe_is_the_mean_of_its_seeds():
    percent = {"one": [[0.0, 0.2], [10.0, 30.0]], "tiles": [[0.1, 0.1], [1.0, 3.0]]}
    fig, words = outliers.loss_by_outlier([1.0, 2.0**20], percent, title="t")
    one, tiles = fig.axes[0].lines[:2]
    assert list(one.get_ydata()) == pytest.approx([0.1, 20]) and list(tiles.get_ydata()) == pytest.approx(
        [0.1, 2]
    )
    assert list(one.get_xdata()) == [1, 2**20]
    assert fig.axes[0].get_yscale() == "symlog"
    assert words == "t. Added loss from s = 1 to s = 1,048,576: one ≈+0.10 to ≈+20 %; tiles ≈+0.10 to ≈+2 %."
