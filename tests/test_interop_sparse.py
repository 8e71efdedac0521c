"""Sparse models beside `DeepseekV32ForCausalLM` of `transformers`, on the same weights, and every refusal.

The tolerance is measured as in `test_interop.py`. Eight index heads or more: with fewer, ties decide what is
kept, and `transformers` differs from itself with its cache.
"""

import functools
import json
import random
from dataclasses import replace

import pytest
import torch
from interop_oracle import (
    SMALL,
    YARN,
    assert_logits_agree,
    draw_tokens,
    their_logits_and_tolerance,
)
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM, DeepseekV32Config, DeepseekV32ForCausalLM

from lessons_lib.config import ModelConfig
from lessons_lib.interop import from_hf, to_hf
from lessons_lib.interop.configuration import config_from_hf, with_defaults
from lessons_lib.interop.indexer import V32_DEFAULTS
from lessons_lib.model import Transformer

CUTS = [(1,) * 40, (13, 27), (39, 1)]
STRETCHED = YARN | dict(mscale=1.0, mscale_all_dim=1.0)
NO_INDEXER = dict(index_n_heads=None, index_head_dim=None, index_topk=None)


def fields(seed):
    """Draw the fields of a small model: shapes that do not repeat each other, with and without experts."""
    rng = random.Random(seed)
    heads, rotary = rng.randint(1, 5), 2 * rng.randint(2, 8)
    return SMALL | dict(
        num_hidden_layers=2,
        first_k_dense_replace=rng.choice([0, 1, 2]),
        max_position_embeddings=512,
        rms_norm_eps=1e-2,
        hidden_size=4 * rng.randint(5, 10),  # their experts want rows of 16 bytes
        num_attention_heads=heads,
        num_key_value_heads=heads,
        q_lora_rank=rng.randint(6, 20),
        kv_lora_rank=rng.randint(6, 20),
        qk_nope_head_dim=rng.randint(3, 12),
        qk_rope_head_dim=rotary,
        v_head_dim=rng.randint(3, 14),
        n_routed_experts=8,
        moe_intermediate_size=4 * rng.randint(2, 4),
        n_group=4,
        topk_group=2,
        num_experts_per_tok=rng.randint(1, 4),
        n_shared_experts=rng.randint(0, 1),
        index_n_heads=rng.randint(8, 20),
        index_head_dim=rotary + rng.randint(1, 12),
        index_topk=rng.choice([1, 3, 7, 16]),
        **(dict(rope_parameters=STRETCHED) if rotary == 16 or rng.random() < 0.3 else {}),
    )


@functools.cache
def build_theirs(seed=0, topk=None):
    """A model of `transformers` whose every weight is drawn here; no test may change it."""
    config = DeepseekV32Config(**fields(seed) | (dict(index_topk=topk) if topk else {}))
    theirs, rng = DeepseekV32ForCausalLM(config).eval(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in theirs.parameters():
            noise = torch.randn(weight.shape, generator=rng)
            weight.copy_(1 + 0.3 * noise if weight.ndim < 2 else noise * max(1, weight.shape[1]) ** -0.5)
        for name, weight in theirs.named_parameters():
            if name.endswith("k_norm.bias"):
                weight.sub_(1)
    return theirs


def build_ours(seed=0, topk=None):
    theirs = build_theirs(seed, topk)
    return from_hf(theirs.state_dict(), theirs.config)


@pytest.mark.parametrize("seed", range(12))
def test_logits_are_those_of_transformers_read_at_once_or_with_a_cache(seed):
    ours, tokens = build_ours(seed), draw_tokens()
    theirs, tolerance = assert_logits_agree(ours, build_theirs(seed), tokens, CUTS)
    with torch.no_grad():
        dense = build_ours(seed, 64)(tokens)
    assert (dense - theirs).abs().max() > 100 * tolerance  # and it matters what is left out


@pytest.mark.parametrize("seed", range(3))
def test_with_room_for_all_they_are_those_of_v3(seed):
    sparse, tokens = build_theirs(seed, 64), draw_tokens()
    v3 = DeepseekV3ForCausalLM(DeepseekV3Config(**fields(seed) | NO_INDEXER)).eval()
    missing, _ = v3.load_state_dict(sparse.state_dict(), strict=False)
    assert not missing
    theirs, tolerance = their_logits_and_tolerance(v3, tokens, CUTS)
    ours = build_ours(seed, 64)
    plain = Transformer(replace(ours.config, **NO_INDEXER)).eval()
    plain.load_state_dict(ours.state_dict(), strict=False)
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs, atol=tolerance, rtol=0)
        assert torch.equal(ours(tokens), plain(tokens))


def test_greedy_tokens_are_those_of_transformers():
    theirs, ours, prompt = build_theirs(3), build_ours(3), draw_tokens(3, 7)
    settings = dict(do_sample=False, max_new_tokens=30, min_new_tokens=30, pad_token_id=0)
    written = theirs.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
    assert torch.equal(ours.generate(prompt, 30), written)


@pytest.mark.parametrize("seed", range(4))
def test_to_transformers_and_back_is_bit_for_bit(seed):
    ours, theirs = build_ours(seed), build_theirs(seed)
    weights, config = to_hf(ours)
    again = from_hf(weights, json.loads(json.dumps(config)))
    announced = config_from_hf(theirs.config.to_dict())
    assert again.config == ours.config == replace(announced, n_mtp_layers=0)
    for name, weight in ours.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    opened = DeepseekV32ForCausalLM(DeepseekV32Config.from_dict(config)).eval()
    assert opened.config.index_topk == ours.config.index_topk
    tokens = draw_tokens()
    expected, tolerance = their_logits_and_tolerance(theirs, tokens, CUTS)
    with torch.no_grad():
        torch.testing.assert_close(again(tokens), expected, atol=tolerance, rtol=0)


def test_absent_keys_take_the_defaults_of_transformers():
    theirs = DeepseekV32Config().to_dict()
    ours = with_defaults({"model_type": "deepseek_v32"})
    known = {key: value for key, value in ours.items() if key in theirs}
    assert known == {key: theirs[key] for key in known} and V32_DEFAULTS.keys() <= known.keys()
    assert config_from_hf(dict(model_type="deepseek_v32", num_hidden_layers=4)).index_topk == 2048
    assert config_from_hf(dict(num_hidden_layers=4)).index_topk is None  # V3


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(model_type="deepseek_v4"), "model_type must be .* got 'deepseek_v4'"),
        (dict(q_lora_rank=None), "q_lora_rank must be given in a deepseek_v32 model"),
        (dict(rope_interleave=False), "a deepseek_v32 model turns neighbours"),
        (dict(mlp_bias=True), "mlp_bias must be False"),
        (dict(layer_types=["full_attention", "indexed_attention"]), "layer_types must be"),
        (dict(mlp_layer_types=["sparse", "dense"]), "mlp_layer_types must be"),
        (dict(index_topk="many"), "index_topk must be of the kind of 2048, got 'many'"),
        (dict(index_topk=0), "index_topk must be at least 1, got 0"),
        (dict(index_head_dim=2), "index_head_dim=2 has no room for a rotary part of"),
    ],
)
def test_what_a_model_of_this_course_cannot_be_is_refused_by_name(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_hf(build_theirs().state_dict(), build_theirs().config.to_dict() | changes)


def test_weights_that_are_missing_or_too_many_are_named():
    state = dict(build_theirs().state_dict())
    key = "model.layers.1.self_attn.indexer.k_norm.bias"
    held = state.pop(key)
    with pytest.raises(ValueError, match=f"missing: {key}"):
        from_hf(state, build_theirs().config)
    v3 = build_theirs().config.to_dict() | dict(model_type="deepseek_v3")
    with pytest.raises(ValueError, match="unexpected: .*indexer"):
        from_hf(state | {key: held}, v3)


@pytest.mark.parametrize(
    "changes, sentence",
    [(dict(q_lora_rank=None), "has a q_lora_rank"), (dict(rope_interleaved=False), "turns neighbours")],
)
def test_what_v32_does_not_know_cannot_be_written(changes, sentence):
    config = dict(vocab_size=13, dim=20, n_layers=1, n_heads=3, kv_lora_rank=9, qk_nope_head_dim=6)
    config |= dict(qk_rope_head_dim=4, v_head_dim=7, q_lora_rank=6)
    config |= dict(index_n_heads=8, index_head_dim=4, index_topk=5)
    with pytest.raises(ValueError, match=sentence):
        to_hf(Transformer(ModelConfig(**config | changes)))
