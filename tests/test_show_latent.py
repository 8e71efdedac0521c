"""Figures of latent attention, rooflines and longer texts: what is drawn, and no clock in the words."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.show.figures import chain, latent, reach, roofline


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def shown(fig) -> list[str]:
    return [text.get_text() for axes in fig.axes for text in axes.texts]


def test_a_chain_shows_each_form_once_and_each_difference_rounded_up():
    """Rounded up, so that the picture never claims more than was measured."""
    links = [("plain", "grouped", 0.0), ("grouped", "latent", 3.2e-15)]
    fig, words = chain.equality_chain(links, title="t")
    texts = shown(fig)
    assert [t for t in texts if t in ("plain", "grouped", "latent")] == ["plain", "grouped", "latent"]
    assert texts.count("=") == 2
    assert "off by up to\n0" in texts and "off by up to\n$10^{-14}$" in texts
    assert words == "plain = grouped = latent: boxes in a row, no link off by more than 1e-10."


def test_a_chain_with_a_broken_link_says_so():
    _, words = chain.equality_chain([("plain", "grouped", 0.5)], title="t")
    assert "1e-10" not in words and words.endswith("inf.")


def test_every_arrow_of_the_flow_joins_two_boxes_and_only_latent_and_rotary_key_are_cached():
    assert {name for pair in latent.ARROWS for name in pair.split()} == set(latent.BOXES)
    assert [name for name, box in latent.BOXES.items() if "cached" in box[3]] == ["kr", "c"]
    assert "h kr" in latent.ARROWS and "c kr" not in latent.ARROWS  # made from the hidden state
    fig, _ = latent.latent_flow()
    assert "ONE rotary\nkey $k^R$" in shown(fig)


def test_there_is_a_square_for_each_number():
    rows = {"MHA": {"keys": 4, "values": 4}, "MLA": {"latent": 3, "rotary key": 2}}
    fig, words = latent.numbers_per_token(rows, title="t")
    squares = [patch for patch in fig.axes[0].patches if patch.get_width() > 0]
    assert len(squares) == 4 + 4 + 3 + 2
    assert {"8", "5"} <= set(shown(fig))
    assert words.endswith("MHA: 4 of keys, 4 of values; MLA: 3 of latent, 2 of rotary key.")


def test_slowed_pairs_are_drawn_by_whether_they_ever_completed_a_turn():
    fig, words = reach.slowed_pairs([0, 0.5, 1], [10.0, 2.0, 0.5], low=0, high=2, title="t")
    above, below = fig.axes
    assert list(above.lines[0].get_xdata()) == [0, 1] and list(above.lines[1].get_xdata()) == [2]
    assert list(below.lines[1].get_ydata()) == [1]
    assert "1 pairs make less than one turn" in words


def test_the_gap_by_position_is_a_mean_with_a_band_over_seeds():
    panels = {"a": {"usual": [[0.1, 0.3], [0.3, 0.5]]}, "b": {"usual": [[0.1, 0.3], [0.3, 0.5]]}}
    fig, words = reach.gap_by_position([0, 64, 128], panels, trained=64, title="t")
    line = fig.axes[0].lines[0]
    assert list(line.get_xdata()) == [32, 96]
    assert list(line.get_ydata()) == pytest.approx([0.2, 0.4])
    assert "in texts of 128 tokens, after training on 64" in words


def test_a_roof_bends_where_peak_and_bandwidth_meet_and_points_are_told_as_shares_of_it():
    fig, words = roofline.roofline(100e9, 10e9, {"MHA": (0.5, 2.5e9), "MLA": (20.0, 50e9)}, title="t")
    xs, ys = fig.axes[0].lines[0].get_data()
    assert xs[1] == 10 and ys[1] == ys[2] == 100
    assert {"MHA\n50 %", "MLA\n50 %"} <= set(shown(fig))  # under the slope, and under the flat part
    assert words.endswith("MHA at 0.5, MLA at 20.0.")


@pytest.mark.parametrize("factor", [1, 7.3])
def test_descriptions_of_times_do_not_depend_on_the_clock(factor):
    """nbval compares a figure's words between machines, and no two machines are equally fast."""
    tokens = [1024, 2048]
    seconds = {"rebuilt": [factor * 3e-3, factor * 6e-3], "absorbed": [factor * 1e-3, factor * 2e-3]}
    fig, times = roofline.times_against_limits(tokens, seconds, seconds, title="t")
    assert list(fig.axes[0].lines[2].get_ydata()) == pytest.approx([factor * 3, factor * 6])
    _, crossed = roofline.crossing([1, 4], seconds, seconds, at=2.0, title="t")
    assert "against 1,024 to 2,048 tokens" in times and "The counted lines cross at 2 new" in crossed
    _, roof = roofline.roofline(factor * 1e11, factor * 1e10, {"MHA": (0.5, factor * 1e9)}, title="t")
    for words in (times, crossed, roof):
        assert not any(f"{1e3 * t:.1f}" in words for of_form in seconds.values() for t in of_form)
