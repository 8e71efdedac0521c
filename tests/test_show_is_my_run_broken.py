"""Figures about broken runs: the median of the seeds is drawn, an axis fits the medians, the words say it."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.runs import Seeds
from lessons_lib.show.figures import is_my_run_broken as figures


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def run(reward, loss=0.0, cut=0.0):
    return {"reward": [0.0, *[reward] * 9], "loss": [loss] * 10, "cut": [cut] * 10}


def three(*rewards, **dials):
    return Seeds({seed: run(reward, **dials) for seed, reward in enumerate(rewards)})


RUNS = {"A": three(0.2, 0.4, 9.0), "B": three(0.1, 0.1, 0.1, loss=1e-17, cut=1.0)}


def test_a_panel_has_the_median_of_its_runs_seeds_and_their_range():
    """One seed of run A is far off: a mean would follow it."""
    fig, _ = figures.dashboards(RUNS, ("reward", "cut"), title="t")
    first = fig.axes[0]
    assert first.lines[0].get_ydata().tolist() == [0.0] + [0.4] * 9
    assert first.lines[0].get_xdata().tolist() == list(range(1, 11))  # updates are counted from 1
    assert first.collections[0].get_paths()[0].vertices[:, 1].max() == 9.0
    assert [axes.get_title() for axes in fig.axes] == ["A", "B", "", ""]


def test_a_row_shares_an_axis_that_fits_the_largest_median():
    fig, _ = figures.dashboards(RUNS, ("reward", "cut"), title="t")
    for axes in fig.axes[:2]:
        assert axes.get_ylim() == pytest.approx((-0.02, 0.46))  # 0.4 and a margin, not 9
    assert [axes.get_ylabel() for axes in fig.axes] == ["reward paid", "", "share\ncut off", ""]


def test_a_loss_of_rounding_errors_is_drawn_as_zero():
    fig, words = figures.dashboards(RUNS, ("loss",), title="t")
    assert fig.axes[0].get_ylim() == pytest.approx((-0.05, 1.15))
    assert "loss ≈0.0 to ≈0.0" in words and "-0.0" not in words


def test_the_words_tell_where_a_dial_begins_and_the_mean_of_its_last_five():
    late = Seeds({0: {"reward": [0.1, *[5.0] * 4, 1.0, 1.0, 1.0, 1.0, 2.0]}})
    _, words = figures.dashboards({"late": late}, ("reward",), title="Slow")
    assert words == "Slow. Median and range of 1 seeds over the updates. late: reward paid ≈0.1 to ≈1.2."


def test_each_dial_keeps_its_colour_and_no_two_share_one():
    assert set(figures.COLOUR_OF) == set(figures.LABELS)
    assert len(set(figures.COLOUR_OF.values())) == len(figures.LABELS)
    fig, _ = figures.dashboards(RUNS, ("cut", "reward"), title="t")
    assert fig.axes[0].lines[0].get_color() == figures.COLOUR_OF["cut"]


def test_compared_curves_are_means_of_seeds_and_told_by_name():
    curves = {"fresh": Seeds({0: [0.0] * 10, 1: [0.5, *[1.0] * 9]}), "old": Seeds({0: [0.2] * 10})}
    fig, words = figures.compared(curves, title="t")
    assert fig.axes[0].lines[0].get_ydata().tolist() == [0.25] + [0.5] * 9
    assert len({line.get_linestyle() for line in fig.axes[0].lines}) == 2  # told apart in grey
    assert words.endswith("first and last updates: fresh ≈0.2 to ≈0.5; old ≈0.2 to ≈0.2.")


def test_a_ratio_counts_as_far_on_either_side_and_one_that_vanished_too():
    ratios = {"sampler": [1.0, 1.0, 1.0, 1.3, 1 / 1.3, 2.0, 0.0, 1.1, 1.0, 1.0]}
    fig, words = figures.far_words(ratios, title="t")
    assert "sampler ≈40.0 % beyond a factor of 1.2" in words
    factors, shares = fig.axes[0].lines[0].get_data()
    assert shares[0] == 50.0 and shares[-1] == 10.0  # beyond 1.01; beyond 5, only what vanished
    assert all(now <= before for before, now in zip(shares, shares[1:], strict=False))
