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


def test_each_query_head_is_joined_to_the_set_of_its_group():
    """8 heads and 2 sets: heads 0 to 3 meet the middle of their group, 4 to 7 that of theirs."""
    fig, words = sharing.heads_and_groups(8, {"MHA": 8, "GQA-2": 2})
    lines = fig.axes[1].lines
    assert [tuple(line.get_xdata()) for line in lines] == [(h, 1.5 if h < 4 else 5.5) for h in range(8)]
    assert "GQA-2 has 2, each read by 4" in words


def test_bars_of_cache_sizes_are_as_long_as_the_caches():
    fig, words = sharing.cache_sizes({"MHA": 2e12, "MQA": 1.5e9}, title="t", limit=80e9, limit_name="one GPU")
    assert [bar.get_width() for bar in fig.axes[0].patches] == [2000, 1.5]
    assert fig.axes[0].lines[0].get_xdata()[0] == 80
    assert words == "t: MHA 2,000 GB, MQA 1.50 GB; beside it one GPU."


def test_the_trade_off_draws_every_seed_and_its_mean():
    fig, words = sharing.bytes_against_gap({"MHA": (1024, Seeds({0: 0.1, 1: 0.2, 2: 0.6}))}, title="t")
    span, dashes, mean = fig.axes[0].lines[:3]
    assert list(span.get_ydata()) == [0.1, 0.6]
    assert list(dashes.get_ydata()) == [0.1, 0.2, 0.6]
    assert mean.get_ydata()[0] == pytest.approx(0.3)
    assert "MHA with 1,024 bytes: ≈0.30 (≈0.10 to ≈0.60)" in words


@pytest.mark.parametrize("factor", [1, 7.3])
def test_descriptions_of_times_do_not_depend_on_the_clock(factor):
    """nbval compares a figure's words between machines, and no two machines are equally fast."""
    times = [factor * n / 1e6 for n in TOKENS]
    line, words = decoding.time_line(TOKENS, times, times, times, title="t", names=("a", "b"))
    assert list(line.axes[0].lines[-1].get_ydata()) == pytest.approx([factor * n / 1e3 for n in TOKENS])
    _, more = decoding.times_by_sharing(TOKENS, {"MHA": times}, {"MHA": times}, title="t")
    assert words.startswith("Time to decode one token through one attention layer, against 512 to 32,768")
    assert not any(f"{1e3 * t:.1f}" in words + more for t in times)
