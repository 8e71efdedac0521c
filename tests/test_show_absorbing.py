"""The slide of the key matrix, and what a chip allows at most: counts that can be worked out by hand."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Rectangle

from lessons_lib.show.figures import absorbing, roofline


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def matrices(moved, held):
    """Return the places of the boxes that hold the matrix."""
    fig, _ = absorbing.matrix_slides(moved, held, latent=128, key=64)
    return [t.get_position()[0] for t in fig.axes[0].texts if "UK" in t.get_text()]


def shown(moved, held):
    fig, words = absorbing.matrix_slides(moved, held, latent=128, key=64)
    return [t.get_text().split("\n")[0] for t in fig.axes[0].texts], words


def test_products_are_those_of_both_brackets():
    assert absorbing.products(10, latent=3, key=2, absorbed=False) == (10 * 6, 10 * 2)
    assert absorbing.products(10, latent=3, key=2, absorbed=True) == (6, 10 * 3)
    # with one remembered token the matrix acts once either way, and the longer query costs more
    assert sum(absorbing.products(1, 3, 2, True)) > sum(absorbing.products(1, 3, 2, False))


def test_the_matrix_stands_at_every_token_then_at_the_query_alone():
    tokens = [absorbing.FIRST + absorbing.STEP * i for i in range(absorbing.DRAWN)]
    assert matrices(0, 1000) == pytest.approx(tokens)
    assert matrices(1, 1000) == [absorbing.QUERY]
    half = matrices(0.5, 1000)
    assert half == pytest.approx([(x + absorbing.QUERY) / 2 for x in tokens])
    assert len(matrices(0, 4)) == 4


def test_keys_are_there_only_while_they_are_rebuilt():
    texts, words = shown(0, 1000)
    assert texts.count("key") == absorbing.DRAWN - 1 and texts.count("...") == 2 and "at every token" in words
    texts, words = shown(0.5, 1000)
    assert "key" not in texts and texts.count("query") == 1 and "on the way" in words
    texts, words = shown(1, 1000)
    assert "key" not in texts and texts.count("query") == 2 and "at the query: one product" in words
    assert shown(0, 4)[0].count("key") == 4


def test_the_count_stands_beneath():
    _, words = shown(1, 32_768)
    assert words.endswith("matrix 8,192 + scores 4,194,304 = 4,202,496 multiplications.")
    _, words = shown(0, 32_768)
    assert "matrix 268,435,456 + scores 2,097,152" in words


def test_the_bar_is_as_long_as_the_products_of_the_dearer_form():
    """Its frame, then the matrix's products and the scores', one behind the other."""
    for moved in (0, 1):
        fig, _ = absorbing.matrix_slides(moved, 1000, latent=128, key=64)
        frame, *parts = [patch for patch in fig.axes[0].patches if isinstance(patch, Rectangle)]
        most = sum(absorbing.products(1000, 128, 64, absorbed=False))
        counts = absorbing.products(1000, 128, 64, absorbed=bool(moved))
        assert [part.get_width() / frame.get_width() * most for part in parts] == pytest.approx(list(counts))
        assert parts[1].get_x() == pytest.approx(parts[0].get_x() + parts[0].get_width())


@pytest.mark.parametrize(("moved", "held"), [(-0.1, 4), (1.1, 4), (0, 0)])
def test_a_place_off_the_way_or_no_token_is_refused(moved, held):
    with pytest.raises(ValueError, match="must lie in 0 to 1"):
        absorbing.matrix_slides(moved, held, latent=4, key=2)


def test_what_a_chip_allows_is_its_slope_up_to_the_ridge_and_then_its_peak():
    fig, words = roofline.at_the_roof(100e12, 1e12, {"a": 1.0, "b": 50.0, "c": 400.0}, title="t")
    dots = [
        line.get_xydata()[0].tolist() for line in fig.axes[0].lines if line.get_marker() not in ("None", "")
    ]
    assert dots == [[1.0, pytest.approx(1.0)], [50.0, pytest.approx(50.0)], [400.0, pytest.approx(100.0)]]
    assert "ridge at 100 FLOPs a byte" in words
    assert "a, 1 FLOPs a byte, 1.0% of the peak; b, 50 FLOPs a byte, 50.0% of the peak" in words
    assert words.endswith("c, 400 FLOPs a byte, the whole peak.")
    assert fig.axes[0].get_xscale() == fig.axes[0].get_yscale() == "log"
