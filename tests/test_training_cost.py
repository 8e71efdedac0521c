"""What a model costs, beside what was built, what torch counts, and what the report says.

Parameters are compared with the tensors of a model (DeepSeek-V3's among them, without their numbers, on the
meta device), operations with torch's own counter on toys. That counter sees whole squares of attention,
masked half included: attention is compared as a square. Experts run as the loop, each product by itself.
"""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer
from lessons_lib.precision import Recipe, count_flops, quantized_linear
from lessons_lib.precision.flops import CPU_ONLY
from lessons_lib.training.cost import (
    count_parameters,
    flops_per_token,
    gpu_hours,
    kv_bytes_per_token,
    kv_numbers_per_token,
    pair_products,
    rule_of_six,
    utilisation,
)

DENSE = ModelConfig(vocab_size=37, dim=24, n_layers=2, n_heads=4, n_kv_heads=2, inter_dim=44)
# widths of keys and values are equal, since the kernel would fill up the narrower one, and be counted with it
LATENT = ModelConfig(
    vocab_size=37,
    dim=24,
    n_layers=3,
    n_heads=4,
    inter_dim=44,
    q_lora_rank=10,
    kv_lora_rank=12,
    qk_nope_head_dim=6,
    qk_rope_head_dim=4,
    v_head_dim=10,
)
EXPERTS = replace(
    LATENT,
    n_dense_layers=1,
    n_routed_experts=6,
    n_activated_experts=2,
    n_shared_experts=1,
    moe_inter_dim=8,
)
SHAPES = {
    "dense": DENSE,
    "tied": replace(DENSE, tie_embeddings=True),
    "one key for all": replace(DENSE, n_kv_heads=1, head_dim=10),
    "latent": LATENT,
    "queries not compressed": replace(LATENT, q_lora_rank=None),
    "experts": EXPERTS,
    "no shared expert": replace(EXPERTS, n_shared_experts=0, n_dense_layers=0),
    "two modules": replace(EXPERTS, n_mtp_layers=2),
    "a module without experts": replace(LATENT, n_mtp_layers=1),
    "sparse": replace(EXPERTS, index_n_heads=3, index_head_dim=7, index_topk=200),
    "sparse, queries not compressed": replace(
        LATENT, q_lora_rank=None, index_n_heads=2, index_head_dim=4, index_topk=200
    ),
}
V3 = ModelConfig.deepseek_v3()


def held(module) -> int:
    """Count the numbers that a state dict of `module` holds, a tied matrix once."""
    return sum({t.data_ptr(): t.numel() for t in module.state_dict().values()}.values())


@pytest.mark.parametrize("name", SHAPES)
def test_parameters_are_those_of_the_model_that_is_built(name):
    model = Transformer(SHAPES[name])
    modules = held(model.mtp)
    found = count_parameters(SHAPES[name])
    assert (found.total, found.mtp) == (held(model) - modules, modules)


@pytest.mark.parametrize("name", SHAPES)
def test_a_token_does_without_the_experts_it_was_not_sent_to(name):
    config = SHAPES[name]
    found = count_parameters(config)
    if config.n_routed_experts is None:
        assert (found.active, found.mtp_active) == (found.total, found.mtp)
        return
    fewer = replace(config, n_routed_experts=config.n_activated_experts)
    small = count_parameters(fewer)
    idle = config.n_routed_experts - config.n_activated_experts
    router = idle * (config.dim + 1)  # rows and biases, at work although their experts are not
    assert found.active == small.total + len(config.expert_layers) * router
    assert found.mtp_active == small.mtp + config.n_mtp_layers * router


def test_v3_has_the_parameters_of_its_report():
    found = count_parameters(V3)
    assert (found.total, found.active) == (671_026_419_200, 37_552_297_472)
    assert round(found.mtp / 1e9, 1) == 11.6


def test_v3_without_its_numbers_is_as_large():
    """One dense layer, one with experts and the module are built; the others are as large as these."""
    with torch.device("meta"):
        small = replace(V3, n_layers=2, n_dense_layers=1, max_seq_len=8)
        model = Transformer(small)
    sizes = [sum(t.numel() for t in part.state_dict().values()) for part in (*model.layers, model.mtp[0])]
    dense, sparse, module = sizes
    ends = 2 * V3.vocab_size * V3.dim + V3.dim
    found = count_parameters(V3)
    assert found.total == ends + 3 * dense + 58 * sparse
    assert found.mtp == module


def counted(model, tokens, backward: bool) -> tuple[int, int]:
    """Return torch's count of a pass over tokens, products with matrices and attention's own, each a sum."""
    with FlopCounterMode(display=False, custom_mapping=CPU_ONLY) as counter:
        logits = model(tokens)
        if backward:
            logits.sum().backward()
    by_kind = counter.get_flop_counts()["Global"]
    attention = sum(n for kind, n in by_kind.items() if "attention" in str(kind))
    return sum(by_kind.values()) - attention, attention


def unasked(model, backward: bool) -> int:
    """Count the indexers' products that a short text doesn't need: all is kept, keys are only remembered."""
    indexers = [layer.attention.indexer for layer in model.layers if model.config.index_topk is not None]
    asking = sum(part.weight.numel() for i in indexers for part in (i.wq_b, i.weights_proj))
    remembering = sum(indexer.wk.weight.numel() for indexer in indexers)
    return 2 * (3 * asking + 2 * remembering if backward else asking)  # a choice has no gradient


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", [name for name, config in SHAPES.items() if not config.n_mtp_layers])
def test_products_are_those_that_torch_counts(name, backward, monkeypatch):
    """Exactly: forward, and three times that with the backward pass; attention by its own kernel."""
    monkeypatch.setattr("lessons_lib.model.attention.SHORT", 0)
    config, (batch, length) = SHAPES[name], (3, 8)
    model = Transformer(config, form="loop")
    tokens = torch.randint(37, (batch, length), generator=torch.Generator().manual_seed(0))
    products, attention = counted(model, tokens, backward)
    work = flops_per_token(config, length)
    factor = 3 if backward else 1
    counted_by_us = factor * (work.in_blocks + work.outside) - unasked(model, backward)
    assert products == batch * length * counted_by_us
    square = work.attention * 2 * length / (length + 1)  # torch counts positions that are masked
    again = 3.5 if backward else 1  # the kernel computes the scores once more in the backward pass
    assert attention == batch * length * again * square
    assert work.training == 3 * (work.in_blocks + work.outside + work.attention)


def test_modules_are_counted_at_the_positions_that_they_have():
    config, length = SHAPES["two modules"], 8
    model = Transformer(config, form="loop")
    tokens = torch.randint(37, (3, length), generator=torch.Generator().manual_seed(0))
    with FlopCounterMode(display=False, custom_mapping=CPU_ONLY) as counter:
        states = model.hidden_states(tokens)
        rope = model.rope[:length].float()
        for k, module in enumerate(model.mtp, start=1):
            states = module(states[:, :-1], model.embed(tokens[:, k:]), rope[: length - k])
            model.head(states)
    by_kind = counter.get_flop_counts()["Global"]
    products = sum(n for kind, n in by_kind.items() if "attention" not in str(kind))
    main, both = flops_per_token(config, length), flops_per_token(config, length, mtp=True)
    added = both.in_blocks + both.outside - main.in_blocks - main.outside
    without_head = main.in_blocks + main.outside - 2 * config.vocab_size * config.dim
    assert products == pytest.approx(3 * length * (added + without_head), rel=1e-12)


def test_the_share_in_eight_bits_is_the_one_that_runs():
    """Beside the operations that the quantised layers report themselves."""
    tokens = torch.randint(37, (4, 8), generator=torch.Generator().manual_seed(0))
    model = Transformer(EXPERTS, linear=quantized_linear(Recipe()))
    with count_flops() as flops:
        model(tokens)
    work = flops_per_token(EXPERTS, 8)
    assert flops.quantized == tokens.numel() * work.in_blocks
    assert work.quantized_share == work.in_blocks / (work.in_blocks + work.outside + work.attention)


def test_the_rule_of_six_is_the_training_without_attention_and_look_ups():
    """6 N D counts embeddings, which are looked up, and norms: on V3 3 % too much."""
    work = flops_per_token(V3, 4096)
    active = count_parameters(V3).active
    looked_up = V3.vocab_size * V3.dim
    products = 3 * (work.in_blocks + work.outside)
    assert rule_of_six(active - looked_up, 1) == pytest.approx(products, rel=1e-4)
    assert 0.02 < rule_of_six(active, 1) / products - 1 < 0.03
    assert round(work.quantized_share, 2) == 0.85  # as lesson 10 counts it by hand
    assert f"{rule_of_six(37e9, 14.8e12):.4g}" == "3.286e+24"


def test_the_memory_of_a_token_is_the_papers():
    assert kv_numbers_per_token(V3) == 35_136 and kv_bytes_per_token(V3) == 70_272
    plain = ModelConfig(vocab_size=2, dim=16_384, n_layers=126, n_heads=128, n_kv_heads=8)  # Llama 3.1 405B
    assert kv_bytes_per_token(plain) == 516_096


@pytest.mark.parametrize("name", SHAPES)
def test_the_memory_of_a_token_is_the_caches(name):
    model = Transformer(replace(SHAPES[name], n_mtp_layers=0)).eval()
    cache = model.new_cache(1)
    model(torch.zeros(1, 5, dtype=torch.int64), cache)
    assert cache.n_bytes() == 5 * kv_bytes_per_token(SHAPES[name], 4)


def test_hours_and_utilisation_undo_each_other():
    assert gpu_hours(7.2e18, 1e15, 0.5) == pytest.approx(4)
    used = utilisation(rule_of_six(37e9, 14.8e12), 2_664_000, 989.5e12)
    assert round(100 * used, 1) == 34.6  # derived from the report's hours; ours, not theirs
    assert gpu_hours(rule_of_six(37e9, 14.8e12), 989.5e12, used) == pytest.approx(2_664_000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gpu_hours(1.0, 1.0, 1.2), "at most 1, got 1.2"),
        (lambda: gpu_hours(1.0, 0.0, 0.5), "peak must be above 0, got 0.0"),
        (lambda: utilisation(1.0, -1.0, 1.0), "hours must be above 0, got -1.0"),
        (lambda: flops_per_token(DENSE, 0), "length must be at least 1, got 0"),
    ],
)
def test_impossible_figures_are_refused_with_the_number(call, message):
    with pytest.raises(ValueError, match=message):
        call()


V32 = replace(ModelConfig.deepseek_v3(), index_n_heads=64, index_head_dim=128, index_topk=2048)


def test_a_pair_of_v32_costs_the_indexer_8192_products_and_attention_139264():
    """64 heads of 128; 128 heads that meet 576 numbers and sum 512. 17 times as many."""
    assert pair_products(V32) == (8192, 139_264)
    with pytest.raises(ValueError, match="looks at everything"):
        pair_products(ModelConfig.deepseek_v3())


@pytest.mark.parametrize("length", [5, 9, 10, 40])
def test_sparse_attention_is_counted_pair_by_pair(length):
    """Up to `index_topk` positions as dense latent attention, beyond position by position."""
    sparse = replace(LATENT, index_n_heads=3, index_head_dim=7, index_topk=9)
    found = flops_per_token(sparse, length).attention / 2 / sparse.n_layers
    if length <= 9:
        assert found == flops_per_token(LATENT, length).attention / 2 / sparse.n_layers
        return
    scored, looked = 3 * 7, 4 * (12 + 4 + 12)
    pairs = [(t + 1, min(t + 1, 9)) for t in range(length)]
    assert found == pytest.approx(sum(scored * seen + looked * kept for seen, kept in pairs) / length)
