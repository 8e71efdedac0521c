"""Placement of experts: the released planner's numbers, laws of a plan, and weights that follow it."""

import json
import sys
from pathlib import Path

import pytest
import torch

from lessons_lib.config import ModelConfig
from lessons_lib.model import MoE, Routing, grouped
from lessons_lib.parallel import device_load, place_experts, to_slots

DATA = Path(__file__).parent / "data"
sys.path.insert(0, str(DATA))
import make_eplb  # noqa: E402

RELEASED = json.loads((DATA / "eplb.json").read_text(encoding="utf-8"))


def zipf(n: int, seed: int = 0) -> torch.Tensor:
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return (1 / torch.arange(1, n + 1, dtype=torch.float64))[order].unsqueeze(0)


def test_the_example_of_the_released_planners_readme_comes_out_slot_by_slot():
    slots, counts = place_experts(torch.tensor(make_eplb.README_LOAD), 16, 4, 2, 8)
    assert slots.tolist() == RELEASED["readme_slots"]
    assert counts.tolist() == RELEASED["readme_counts"]
    assert slots.dtype == counts.dtype == torch.int64


def test_the_busiest_device_has_no_more_to_do_than_in_the_released_planners_plan():
    for number, theirs in enumerate(RELEASED["busiest"]):
        load, sizes = make_eplb.random_case(number)
        slots, _ = place_experts(load, *sizes)
        assert make_eplb.busiest(load, slots, sizes[-1]) == pytest.approx(theirs, rel=1e-6), number
    assert len(RELEASED["busiest"]) == 200


@pytest.mark.parametrize("number", range(12))
def test_every_expert_has_a_slot_and_counts_are_those_of_the_slots(number):
    load, sizes = make_eplb.random_case(number)
    slots, counts = place_experts(load, *sizes)
    assert slots.shape == (2, sizes[0]) and counts.shape == load.shape
    assert (counts >= 1).all() and (counts.sum(1) == sizes[0]).all()
    for row, of in zip(slots, counts):
        assert torch.equal(torch.bincount(row, minlength=load.shape[1]), of)


def test_hierarchical_plans_keep_a_group_on_one_node_and_global_ones_balance_better():
    load = zipf(256)
    kept, _ = place_experts(load, 288, 8, 4, 32)
    free, _ = place_experts(load, 288, 1, 4, 32)
    homes = [{int(e) // 32 for e in node} for node in kept[0].chunk(4)]
    assert [len(home) for home in homes] == [2, 2, 2, 2] and set().union(*homes) == set(range(8))
    worst = [device_load(load, slots, 32).max() / load.sum() * 32 for slots in (kept, free)]
    assert 1.2 < worst[0] < 1.7 and worst[1] < 1.02


def test_without_replicas_the_busiest_expert_is_the_limit():
    load = zipf(256)
    slots, counts = place_experts(load, 256, 1, 1, 32)
    assert (counts == 1).all()
    limit = load.max() / load.sum() * 32
    assert limit <= device_load(load, slots, 32).max() / load.sum() * 32 < limit + 0.3


def test_an_expert_that_nobody_chose_keeps_one_slot():
    slots, counts = place_experts(torch.tensor([[0, 0, 9, 1]]), 8, 1, 1, 2)
    assert counts.tolist() == [[1, 1, 5, 1]] and set(slots[0].tolist()) == {0, 1, 2, 3}
    nothing, even = place_experts(torch.zeros(1, 4), 4, 1, 1, 2)
    assert sorted(nothing[0].tolist()) == [0, 1, 2, 3] and even.tolist() == [[1, 1, 1, 1]]


def test_a_devices_load_is_the_share_of_its_replicas():
    load, slots = torch.tensor([[6.0, 2.0, 4.0]]), torch.tensor([[0, 1, 0, 2]])
    assert device_load(load, slots, 2).tolist() == [[5.0, 7.0]]


def test_weights_that_follow_the_plan_give_the_same_answers_and_replicas_share_the_tokens():
    config = ModelConfig(
        vocab_size=5, dim=8, n_layers=1, n_heads=2, n_routed_experts=6, n_activated_experts=2, moe_inter_dim=4
    )
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    layer, x = MoE(config).double(), torch.randn(40, 8, generator=generator, dtype=torch.float64)
    routing, w13, w2 = layer.router(x), layer.experts.w13, layer.experts.w2
    load = torch.bincount(routing.ids.flatten(), minlength=6)
    slots = place_experts(load.unsqueeze(0), 12, 1, 1, 4)[0][0]
    chosen = to_slots(routing.ids, slots)
    assert torch.equal(slots[chosen], routing.ids)
    moved = grouped(x, Routing(chosen, routing.weights, routing.affinities), w13[slots], w2[slots])
    torch.testing.assert_close(moved, grouped(x, routing, w13, w2), rtol=0, atol=1e-12)
    same = to_slots(torch.full((40, 1), int(load.argmax())), slots)
    used = torch.bincount(same.flatten(), minlength=12)
    assert used.max() - used[used > 0].min() <= 1 and (used > 0).sum() == (slots == load.argmax()).sum()


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((14, 1, 1, 4), "14 slots can't be shared out evenly to 4 devices"),
        ((12, 3, 3, 4), "4 devices can't be shared out evenly to 3 nodes"),
        ((12, 8, 2, 4), "12 experts can't be shared out evenly to 8 groups"),
        ((8, 1, 1, 4), "n_replicas must be at least 12, got 8"),
        ((12, 1, 1, 0), "n_devices must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_shared_out_evenly_is_refused_with_the_numbers(sizes, words):
    with pytest.raises(ValueError, match=words):
        place_experts(torch.ones(1, 12), *sizes)


def test_loads_that_are_none_are_refused():
    for bad in (-1.0, torch.inf, torch.nan):
        with pytest.raises(ValueError, match="finite and not negative"):
            place_experts(torch.tensor([[1.0, bad]]), 2, 1, 1, 2)
    with pytest.raises(ValueError, match="must have shape"):
        place_experts(torch.ones(4), 4, 1, 1, 2)
    with pytest.raises(ValueError, match="lies in no slot"):
        to_slots(torch.tensor([[3]]), torch.tensor([0, 1]))
