"""Figures about experts on many devices: letters are drawn and counted, shares and work add up."""

import matplotlib.pyplot as plt
import pytest
import torch

from lessons_lib.show.figures import across_devices


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def arrows(fig):
    return [text for text in fig.axes[0].texts if getattr(text, "arrow_patch", None)]


def test_a_token_writes_once_for_each_expert_or_once_to_each_node():
    experts = [4, 40, 41, 70]  # devices 1 (its home), 10 (twice) and 17, on nodes 0, 1 and 2
    each, words = across_devices.token_journey(experts, node_first=False)
    assert "3 letters cross the slow links between nodes, one for each expert" in words
    assert "experts on 3 devices of 3 nodes (0, 1, 2)" in words
    assert len(arrows(each)) == 2 and "x2" in [text.get_text() for text in each.axes[0].texts]
    once, words = across_devices.token_journey(experts, node_first=True)
    assert len(arrows(once)) == 3  # to nodes 1 and 2, and on inside node 1; device 17 has home's place
    assert words.endswith("2 letters cross the slow links between nodes, one for each node.")


def test_what_stays_in_the_node_crosses_nothing():
    for node_first in (True, False):
        _, words = across_devices.token_journey([0, 9, 31], node_first=node_first)
        assert "0 letters cross" in words


def test_bars_of_nodes_have_the_shares_heights_and_a_line_at_each_mean():
    fig, words = across_devices.nodes_touched({"free": [0, 0.25, 0.75], "limited": [0.5, 0.5, 0]}, title="t")
    heights = [patch.get_height() for patch in fig.axes[0].patches]
    assert heights == pytest.approx([0, 25, 75, 50, 50, 0])
    assert [line.get_xdata()[0] for line in fig.axes[0].lines] == pytest.approx([2.75, 1.5])
    assert "free, limited" in words and "2.75" not in words


def test_lying_bars_carry_their_values():
    fig, _ = across_devices.bars({"a": 100.4, "b": 25.6}, label="KB", title="t")
    assert [patch.get_width() for patch in fig.axes[0].patches] == [100.4, 25.6]
    assert [text.get_text().strip() for text in fig.axes[0].texts] == ["100", "26"]


def test_work_is_shared_by_replicas_and_the_busiest_experts_part_is_marked():
    load, slots = torch.tensor([6, 2, 4]), torch.tensor([0, 1, 0, 2])
    fig, words = across_devices.devices_at_work(load, slots, 2)
    heights = [patch.get_height() for patch in fig.axes[0].patches]
    assert heights == pytest.approx(
        [0.5, 0.5, 2 / 6, 4 / 6]
    )  # of the mean, 6: the busiest expert, the others
    assert "the busiest has 1.17 times the mean. The busiest expert has 2 of the slots." in words
