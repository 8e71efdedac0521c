"""Experts spread over processes: forward and backward equal to one process, and every byte counted."""

from dataclasses import replace

import pytest
import rank_functions
import torch

from lessons_lib.config import ModelConfig
from lessons_lib.model import Routing, grouped
from lessons_lib.parallel import (
    Dispatch,
    ExpertStep,
    Level,
    expert_step,
    own_experts,
    run_processes,
    whole_gradients,
)
from lessons_lib.precision import round_tiles

FREE = ModelConfig(
    vocab_size=50,
    dim=12,
    n_layers=1,
    n_heads=2,
    n_routed_experts=8,
    n_activated_experts=3,
    n_shared_experts=1,
    moe_inter_dim=6,
)
LIMITED = replace(FREE, n_expert_groups=4, n_limited_groups=2)
deep = pytest.mark.deep


def rows_to_others(ids: torch.Tensor, shares: tuple[int, ...], per_rank: int, rank: int) -> int:
    """Count by a loop how many rows a rank sends: one for each (token, other rank with an expert of it)."""
    mine = ids[sum(shares[:rank]) : sum(shares[: rank + 1])]
    return sum(len({int(e) // per_rank for e in row} - {rank}) for row in mine)


@pytest.mark.parametrize(
    ("config", "nodes", "shares"),
    [
        (FREE, 1, (5, 3)),
        (LIMITED, 1, (8, 0)),
        pytest.param(LIMITED, 2, (4, 0, 1, 3), marks=deep),
        pytest.param(FREE, 1, (0, 1, 6, 2), marks=deep),
        pytest.param(replace(FREE, n_routed_experts=9), 1, (2, 2, 4), marks=deep),
        pytest.param(FREE, 4, (1, 2, 3, 4), marks=deep),
    ],
    ids=["2 ranks", "an empty rank", "2 nodes of 2", "4 ranks", "3 ranks", "4 nodes of 1"],
)
def test_a_layer_spread_over_ranks_is_the_layer_of_one_process_forward_and_backward(config, nodes, shares):
    one = rank_functions.moe_layer(config, 1, shares, {})
    many = run_processes(rank_functions.moe_layer, config, nodes, shares, {}, n=len(shares))
    for what in ("answer", "x"):
        joined = torch.cat([part[what] for part in many])
        torch.testing.assert_close(joined, one[what], rtol=0, atol=1e-12)
    for name, gradient in one["gradients"].items():
        parts = [part["gradients"][name] for part in many]
        whole = torch.cat(parts) if name.startswith("experts.") else parts[0]
        torch.testing.assert_close(whole, gradient, rtol=0, atol=1e-12)
    if nodes == 1:
        per_rank = config.n_routed_experts // len(shares)
        for rank, part in enumerate(many):  # rows forward, and as many gradients for what comes back
            rows = rows_to_others(one["ids"], shares, per_rank, rank)
            assert part["rows"][0]["dispatch"] == 2 * rows
            assert part["sent"][0]["dispatch"] == 2 * rows * config.dim * 8
        total = [sum(part["rows"][0][what] for part in many) for what in ("dispatch", "combine")]
        assert total[0] == total[1]


def test_eight_bits_on_the_way_there_are_the_rounding_of_lesson_09_and_nothing_else():
    shares = (6, 4)
    wide = replace(FREE, dim=160)  # a tile of 128 and one of 32
    one = rank_functions.moe_layer(wide, 1, shares, {})
    many = run_processes(rank_functions.moe_layer, wide, 1, shares, {"dispatch": "fp8"})
    torch.manual_seed(1)
    from lessons_lib.model import MoE

    layer = MoE(wide).double()
    x, _ = torch.randn(2, 10, wide.dim, dtype=torch.float64)
    routing = layer.router(x)
    rounded = round_tiles(x.float(), (1, 128)).double()
    wanted = grouped(rounded, routing, layer.experts.w13, layer.experts.w2) + layer.shared(x)
    found = torch.cat([part["answer"] for part in many])
    torch.testing.assert_close(found, wanted.detach(), rtol=0, atol=1e-5)  # scales are FP32's
    assert (found - one["answer"]).abs().max() > 1e-3  # the rounding is there
    for part in many:  # one byte a number, and a scale of 4 bytes for each of the two tiles
        assert part["sent"][0]["dispatch"] == part["rows"][0]["dispatch"] * (160 + 8)
        assert part["sent"][0]["combine"] == part["rows"][0]["combine"] * 160 * 8


def test_a_whole_model_with_shared_experts_and_mtp_gives_the_loss_and_gradients_of_one_process():
    job = ExpertStep(ModelConfig.mini(), seed=3)
    tokens = torch.randint(0, 106, (6, 33), generator=torch.Generator().manual_seed(0))
    one = expert_step(job, tokens)
    many = run_processes(expert_step, replace(job, shares=(4, 2)), tokens)
    assert sum(part.loss for part in many) == pytest.approx(one.loss, abs=1e-6)
    torch.testing.assert_close(torch.cat([part.logits for part in many]), one.logits, rtol=0, atol=1e-5)
    gradients = whole_gradients(many)
    assert gradients.keys() == one.gradients.keys()
    for name, gradient in one.gradients.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=0, atol=1e-6)


@pytest.mark.deep
@pytest.mark.parametrize("limit", [4, 2])
def test_a_whole_model_on_two_nodes_of_two_ranks_in_float64(limit):
    config = replace(ModelConfig.mini(), n_limited_groups=limit)
    job = ExpertStep(config, double=True)
    tokens = torch.randint(0, 106, (7, 33), generator=torch.Generator().manual_seed(0))
    one = expert_step(job, tokens)
    many = run_processes(expert_step, replace(job, nodes=2, shares=(1, 2, 1, 3)), tokens, n=4)
    gradients = whole_gradients(many)
    for name, gradient in one.gradients.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=0, atol=1e-12)


def test_16_bits_on_the_way_back_round_each_ranks_answer_once():
    shares = (6, 4)
    one = rank_functions.moe_layer(FREE, 1, shares, {})
    many = run_processes(rank_functions.moe_layer, FREE, 1, shares, {"combine": "bf16"})
    found = torch.cat([part["answer"] for part in many])
    off = (found - one["answer"]).abs()
    assert (
        0 < off.max() < 2**-8 * 2 * one["answer"].abs().max()
    )  # half a step of 8 bits, for two ranks' answers
    assert all(part["sent"][0]["combine"] == part["rows"][0]["combine"] * 12 * 2 for part in many)


def test_own_experts_leave_out_what_is_not_there_and_answer_nothing_to_nobody():
    generator = torch.Generator().manual_seed(0)
    x, w13, w2 = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((5, 4), (3, 6, 4), (3, 4, 3))
    )
    ids = torch.tensor([[0, 2], [-1, 1], [-1, -1], [2, -1], [1, 0]])
    weights = torch.rand(5, 2, generator=generator, dtype=torch.float64)
    found = own_experts(x, ids, weights, w13, w2)
    everywhere = Routing(ids.clamp(min=0), weights * (ids >= 0), weights)
    torch.testing.assert_close(found, grouped(x, everywhere, w13, w2), rtol=0, atol=1e-12)
    assert torch.equal(found[2], torch.zeros(4, dtype=torch.float64))
    assert own_experts(x[:0], ids[:0], weights[:0], w13, w2).shape == (0, 4)
    with pytest.raises(ValueError, match="chosen"):
        own_experts(x, ids, weights[:, :1], w13, w2)


def test_bad_wires_and_experts_that_cannot_be_spread_are_refused():
    with pytest.raises(
        ValueError, match='dispatch must be "as it is", "bf16" or "fp8", got "fp4"'.replace('"fp4"', "'fp4'")
    ):
        Dispatch([Level()], dispatch="fp4")
    with pytest.raises(
        RuntimeError, match=r"rank \d of 3: ValueError: 8 experts can't be spread evenly over 3"
    ):
        run_processes(rank_functions.moe_layer, FREE, 1, (1, 1, 1), {}, n=3)
