"""Figures of decoding and sharing: what is drawn, what the words say, and that no clock is in the words."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.runs import Seeds
from lessons_lib.show.figures import decoding, sharing

TOKENS = [512, 1024, 32_768]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(("sets", "mine"), [(4, 2), (2, 1), (1, 0)])
def test_a_query_meets_every_key_of_its_own_set_and_no_other(sets, mine):
    """Four heads; head 2 reads set 2 of four, set 1 of two, the only one."""
    fig, words = sharing.growing_cache({"kind": sets}, "abcde", 3, n_heads=4, head=2)
    axes = fig.axes[0]
    *ways, rail = axes.lines
    assert [line.get_xdata()[0] for line in ways] == [-0.2, 0.8, 1.8] and list(rail.get_xdata()) == [
        -0.2,
        2.8,
    ]
    assert {round(line.get_ydata()[1], 2) for line in ways} == {round(mine - 0.3, 2)}  # down to its own row
    assert {line.get_ydata()[0] for line in axes.lines} == {mine - 0.43}
    boxes = axes.patches[:-1]  # the last one is the query
    assert len(boxes) == 3 * sets and sum(box.get_alpha() == 1 for box in boxes) == 3
    assert words.startswith(f"After 3 tokens a layer of 4 heads keeps, in vectors: kind {6 * sets}.")
    assert "head 2" in words and "all 3 tokens" in words


def test_each_set_says_which_heads_read_it_and_one_panel_stands_for_each_kind():
    fig, words = sharing.growing_cache({"MHA": 4, "GQA-2": 2, "MQA": 1}, "ab", 1, n_heads=4, head=0)
    said = [{text.get_text() for text in axes.texts} for axes in fig.axes]
    assert {"head 0", "head 3", "8 vectors kept"} <= said[0]
    assert {"heads 0-1", "heads 2-3", "4 vectors kept"} <= said[1]
    assert {"heads 0-3", "2 vectors kept"} <= said[2]
    assert "MHA 8, GQA-2 4, MQA 2" in words and "all 1 token in" in words


def test_dots_stand_at_cache_sizes_and_say_what_is_too_large():
    sizes = {"MHA": 2e12, "MQA": 1.5e9}
    fig, words = sharing.cache_sizes(sizes, title="t", limit=80e9, limit_name="one GPU")
    dots, limit = fig.axes[0].lines[:2], fig.axes[0].lines[2]
    assert [dot.get_xdata()[0] for dot in dots] == [2000, 1.5]
    assert dots[0].get_color() != dots[1].get_color()
    assert limit.get_xdata()[0] == 80
    assert "   2,000 GB, too large" in [text.get_text() for text in fig.axes[0].texts]
    assert words == "t: MHA 2,000 GB, MQA 1.50 GB; beside it one GPU."


def test_gaps_by_step_are_drawn_on_a_log_axis_with_mean_and_range_and_told_from_end_to_end():
    curves = {"MHA": ((0, 5), Seeds({0: (0.1, 0.2), 1: (0.3, 0.2)}))}
    fig, words = sharing.gap_by_step(curves, title="t")
    axes = fig.axes[0]
    assert axes.get_yscale() == "log" and "log" in axes.get_ylabel()
    assert list(axes.lines[0].get_ydata()) == pytest.approx([0.2, 0.2])
    assert "from step 0 to 5: MHA from ≈0.200 (≈0.100 to ≈0.300) to ≈0.200 (≈0.200 to ≈0.200)." in words


@pytest.mark.parametrize("factor", [1, 7.3])
def test_descriptions_of_times_do_not_depend_on_the_clock(factor):
    """nbval compares a figure's words between machines, and no two machines are equally fast."""
    times = [factor * n / 1e6 for n in TOKENS]
    line, words = decoding.time_line(TOKENS, times, times, times, title="t", names=("a", "b"))
    assert list(line.axes[0].lines[-1].get_ydata()) == pytest.approx([factor * n / 1e3 for n in TOKENS])
    _, more = decoding.times_by_sharing(TOKENS, {"MHA": times}, {"MHA": times}, title="t")
    assert words.startswith("Time to decode one token through one attention layer, against 512 to 32,768")
    assert not any(f"{1e3 * t:.1f}" in words + more for t in times)
