"""Figures about learning from rewards: what is drawn is what was handed over, and the words say it."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.show.figures import policy_gradients


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def clipped(ratio, advantage, low, high):
    return min(ratio * advantage, max(1 - low, min(ratio, 1 + high)) * advantage)


def test_a_curve_is_the_median_of_seeds_and_its_band_their_range():
    """Three seeds, none of them the mean: the line must follow the middle one at each place."""
    seeds = [[0.0, 1.0], [0.5, 2.0], [0.6, 9.0]]
    fig, words = policy_gradients.curves([0, 1], {"reward": {"GRPO": seeds}}, xlabel="update", title="t")
    axes = fig.axes[0]
    assert list(axes.lines[0].get_ydata()) == [0.5, 2.0]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == 0.0 and band[:, 1].max() == 9.0
    assert "reward: GRPO 0.50 to 2.00." in words and "the range of 3 seeds" in words


def test_the_middle_of_four_seeds_lies_between_the_middle_two():
    fig, _ = policy_gradients.curves(
        [0, 1], {"y": {"": [[0, 0], [1, 1], [3, 3], [9, 9]]}}, xlabel="x", title="t"
    )
    assert list(fig.axes[0].lines[0].get_ydata()) == [2, 2]


def test_each_quantity_has_its_panel_and_the_words_tell_a_dip():
    panels = {"loss": {"a": [[3.0, 1.0, 2.0]]}, "length": {"a": [[4.0, 5.0, 6.0]]}}
    fig, words = policy_gradients.curves([0, 1, 2], panels, xlabel="update", title="t", marks={"here": 1})
    assert [axes.get_ylabel() for axes in fig.axes] == ["loss", "length"]
    assert "loss: a 3.00 to 2.00 (lowest 1.00, highest 3.00)" in words and "length: a 4.00 to 6.00;" in words
    assert "here at 1.00" in words and "seeds" not in words


def test_a_loss_of_rounding_errors_is_drawn_as_zero():
    """Seen in the lesson: an axis in units of 1e-17 made noise of a zero."""
    fig, words = policy_gradients.curves([0, 1], {"loss": {"": [[-1e-17, 3e-17]]}}, xlabel="x", title="t")
    assert fig.axes[0].get_ylim() == (-1, 1)
    assert "loss 0.00 to 0.00" in words and "-0.00" not in words


def test_the_clip_is_marked_flat_on_the_side_of_the_advantage_only():
    fig, words = policy_gradients.clip_shapes(clipped, 0.2, 0.28, title="t")
    flat = []
    for axes in fig.axes[:2]:
        thick = next(line for line in axes.lines if line.get_linewidth() == 5)
        flat.append([x for x, y in zip(*thick.get_data()) if y == y])
    assert min(flat[0]) == pytest.approx(1.28) and max(flat[0]) > 1.9
    assert max(flat[1]) < 0.8 and min(flat[1]) == 0
    assert "flat above 1.28" in words and "flat below 0.8 only" in words


def test_many_batches_draws_shares_in_percent_and_the_mean_and_middle_half_of_entropies():
    """Five seeds whose mean is none of them: the band must leave out the lowest and the highest."""
    entropies = [[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [1.0, 0.3], [1.0, 0.9]]
    machines = {"two arms": {"clip 0.2": ([0.25, 1.0], entropies), "no clip": ([0.25, 0.5], entropies)}}
    fig, words = policy_gradients.many_batches(machines, title="t")
    shares, entropy = fig.axes[:2]
    assert [list(line.get_ydata()) for line in shares.lines] == [[25, 100], [25, 50]]
    assert list(entropy.lines[0].get_ydata()) == pytest.approx([1.0, 0.3])
    band = entropy.collections[0].get_paths()[0].vertices
    assert {round(y, 9) for y in band[:, 1]} == {0.1, 0.3, 1.0}
    assert "two arms, no clip: favourite ≈50 % at the end, entropy ≈1.00 to ≈0.30" in words


def test_bars_of_a_group_stand_beside_the_other_groups():
    fig, words = policy_gradients.bars(
        {"k2": [1.0, -2.0], "k3": [0.5, 0.25]}, ["A", "B"], ylabel="push", title="t"
    )
    assert [bar.get_height() for bar in fig.axes[0].patches] == [1.0, -2.0, 0.5, 0.25]
    centres = [bar.get_x() + bar.get_width() / 2 for bar in fig.axes[0].patches]
    assert centres == pytest.approx([-0.2, 0.8, 0.2, 1.2])
    assert "k2: +1.00, -2.00; k3: +0.50, +0.25" in words
