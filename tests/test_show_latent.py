"""Figures of latent attention, rooflines and longer texts: what is drawn, and no clock in the words."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pytest

from lessons_lib.config import ModelConfig
from lessons_lib.runs import Seeds
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
    _, words = chain.equality_chain([("plain", "grouped", 3e-7)], title="t")
    assert words.endswith("more than 1e-06.")  # the power of ten on the link


def test_a_chain_with_a_broken_link_says_so():
    _, words = chain.equality_chain([("plain", "grouped", 0.5)], title="t")
    assert "1e-10" not in words and words.endswith("inf.")


TOY = ModelConfig(
    50, 96, 2, 4, q_lora_rank=64, kv_lora_rank=48, qk_nope_head_dim=24, qk_rope_head_dim=12, v_head_dim=20
)


def test_every_arrow_of_the_flow_joins_two_boxes_and_only_latent_and_rotary_key_are_cached():
    assert {name for pair in latent.ARROWS for name in pair.split()} == set(latent.BOXES)
    assert [name for name, box in latent.BOXES.items() if "cached" in box[4]] == ["kr", "c"]
    assert [name for name, box in latent.BOXES.items() if "turned" in box[4]] == ["kr", "qr"]
    assert "h kr" in latent.ARROWS and "c kr" not in latent.ARROWS  # made from the hidden state
    assert {"s m", "v m", "m o"} <= set(
        latent.ARROWS
    )  # weights by the softmax, then the mean, then the output


def test_the_flow_writes_the_widths_of_both_models_and_tells_what_is_cached():
    fig, words = latent.latent_flow(TOY, ModelConfig.deepseek_v3(), names=("here", "V3"), title="t")
    said = shown(fig)
    assert {"96 | 7,168", "64 | 1,536", "48 | 512", "12 | 64", "4 × 24 | 128 × 128", "4 × 12 | 128 × 64"} <= {
        *said
    }
    assert said.count("4 × 24 | 128 × 128") == 2 and "4 × 20 | 128 × 128" in said  # queries, keys; values
    assert said.count("wkv_b") == said.count("wq_b") == 2 and "numbers: here | V3" in said
    assert said.count("wkv_a") == said.count("wkv_a, norm") == said.count("wq_a, norm") == 1
    assert "the new token asks" in said and "one for every token so far" in words
    assert "here 48 + 12 numbers, V3 512 + 64." in words and "a softmax make weights" in words


def test_a_model_without_query_compression_leaves_that_width_out():
    fig, _ = latent.latent_flow(replace(TOY, q_lora_rank=None), TOY, names=("a", "b"), title="t")
    assert not any("64" in text for text in shown(fig))


def test_spectra_draw_a_line_for_each_layer_over_directions_counted_from_one():
    left = {"trained": [[0.5, 0.1], [0.4, 0.2]], "turned": [[0.9, 0.8]]}
    fig, words = latent.spectra(left, part=0.01, title="t")
    lines = fig.axes[0].lines
    assert [list(line.get_ydata()) for line in lines[:3]] == [[0.5, 0.1], [0.4, 0.2], [0.9, 0.8]]
    assert list(lines[0].get_xdata()) == [1, 2] and lines[3].get_ydata()[0] == 0.01
    assert fig.axes[0].get_yscale() == "log" and words.endswith("trained; turned.")
    assert "1% lost" in shown(fig)


def test_loss_stands_over_the_numbers_kept_smallest_first_and_is_told_with_its_range():
    kinds = {"one latent": {48: Seeds({0: 0.0, 1: 0.2}), 24: Seeds({0: 0.3, 1: 0.5})}}
    fig, words = latent.loss_by_numbers(kinds, title="t")
    line = fig.axes[0].lines[0]
    assert list(line.get_xdata()) == [24, 48] and list(line.get_ydata()) == pytest.approx([0.4, 0.1])
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == ["24", "48"]
    told = "one latent: 24 numbers ≈0.40 (≈0.30 to ≈0.50), 48 numbers ≈0.10 (≈0.00 to ≈0.20)."
    assert words.endswith(told)


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
    assert "in texts of 128 tokens, trained on 64" in words and "a, usual: ≈0.20 at first, ≈0.40" in words


def test_a_way_that_some_panels_lack_looks_the_same_in_all():
    panels = {"a": {"usual": [[0.1, 0.3]], "YaRN": [[0.1, 0.2]]}, "b": {"YaRN": [[0.1, 0.2]]}}
    fig, _ = reach.gap_by_position([0, 64, 128], panels, trained=64, title="t")
    (first, second), (alone,) = (axes.lines for axes in fig.axes)
    look = [(line.get_color(), line.get_marker(), line.get_linestyle()) for line in (first, second, alone)]
    assert look[1] == look[2] != look[0]


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
