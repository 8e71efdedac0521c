"""Our model beside `DeepseekV3ForCausalLM` of `transformers`, on the same weights, and every refusal.

The tolerance is measured: `transformers` with its cache differs from `transformers` without, in float32, by
rounding alone. Ours may differ by 8 times that, and in any case by 8 roundings (2^-23 of the largest
number), since two paths can agree by luck. Shapes are odd on purpose, no gain is 1, the latents are small
enough for a wrong epsilon to show, and YaRN's ramp has both of its ends inside the rotary width.
"""

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from interop_oracle import (
    SMALL,
    YARN,
    assert_logits_agree,
    draw_tokens,
    our_cached_logits,
    their_cached_logits,
    their_logits_and_tolerance,
)
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM, DynamicCache, LlamaConfig

from lessons_lib.config import ModelConfig
from lessons_lib.interop import from_hf, to_hf
from lessons_lib.interop.configuration import DEFAULT_THETA, DEFAULTS, config_from_hf
from lessons_lib.interop.huggingface import hf_name
from lessons_lib.model import Transformer

ROOT = Path(__file__).resolve().parents[1]
FIELDS = SMALL | dict(
    num_hidden_layers=2,
    first_k_dense_replace=2,
    max_position_embeddings=512,
    rms_norm_eps=1e-2,  # that of the blocks; a latent's is 1e-6 whatever stands here
)
SHAPES = {
    "even": {},
    "three heads": dict(num_attention_heads=3, num_key_value_heads=3, hidden_size=25),
    "odd widths": dict(kv_lora_rank=11, q_lora_rank=7, qk_nope_head_dim=5, v_head_dim=3),
    "values wider than keys": dict(v_head_dim=19),
    "one layer, one head": dict(num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1),
    "no query compression": dict(q_lora_rank=None),
    "tied embeddings": dict(tie_word_embeddings=True),
    "half against half": dict(rope_interleave=False),
    "YaRN": dict(qk_rope_head_dim=16, rope_parameters=YARN | dict(mscale=1.0, mscale_all_dim=1.0)),
    "YaRN, another amplitude": dict(
        qk_rope_head_dim=16, rope_parameters=YARN | dict(mscale=2.0, mscale_all_dim=0.7)
    ),
    "YaRN without mscale": dict(qk_rope_head_dim=16, rope_parameters=YARN),
    "everything at once": dict(
        num_attention_heads=3,
        num_key_value_heads=3,
        q_lora_rank=None,
        kv_lora_rank=9,
        qk_rope_head_dim=16,
        rope_interleave=False,
        tie_word_embeddings=True,
        rope_parameters=YARN | dict(mscale=1.0, mscale_all_dim=1.0),
    ),
}
CUTS = [(1,) * 40, (13, 27), (39, 1)]


@functools.cache
def build_theirs(shape="even"):
    """A model of `transformers` whose every weight is drawn here; no test may change it."""
    config = DeepseekV3Config(**FIELDS | SHAPES[shape])
    theirs, rng = DeepseekV3ForCausalLM(config).eval(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in theirs.named_parameters():
            noise = torch.randn(weight.shape, generator=rng)
            weight.copy_(1 + 0.3 * noise if weight.ndim < 2 else noise * weight.shape[1] ** -0.5)
            if "kv_a_proj" in name:
                weight[: config.kv_lora_rank] *= 0.02
            if "q_a_proj" in name:
                weight *= 0.02
    return theirs


def build_ours(shape="even"):
    theirs = build_theirs(shape)
    return from_hf(theirs.state_dict(), theirs.config)


# ---- equal to transformers


@pytest.mark.parametrize("shape", SHAPES)
def test_logits_are_those_of_transformers_read_at_once_or_with_a_cache(shape):
    assert_logits_agree(build_ours(shape), build_theirs(shape), draw_tokens(), CUTS)


@pytest.mark.parametrize("absorbed", [False, True])
def test_both_forms_of_latent_attention_agree_with_transformers(absorbed):
    ours, tokens = build_ours("YaRN"), draw_tokens()
    theirs, tolerance = their_logits_and_tolerance(build_theirs("YaRN"), tokens, CUTS)
    for block in ours.layers:
        block.attention.absorbed = absorbed
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs, atol=tolerance, rtol=0)
        cached = our_cached_logits(ours, tokens, (20, 19, 1))
    torch.testing.assert_close(cached, theirs, atol=tolerance, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_greedy_tokens_are_those_of_transformers(shape):
    theirs, ours, prompt = build_theirs(shape), build_ours(shape), draw_tokens(3, 7)
    settings = dict(do_sample=False, max_new_tokens=30, min_new_tokens=30, pad_token_id=0)
    written = theirs.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
    assert torch.equal(ours.generate(prompt, 30), written)


def gradients_of(parameters, logits, tokens):
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    names, weights = zip(*parameters)
    return dict(zip(names, torch.autograd.grad(loss, weights)))


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_transformers(shape):
    """Each compared in units of its own largest number; the noise is the worst over all weights."""
    theirs, ours, tokens = build_theirs(shape), build_ours(shape), draw_tokens(length=20)
    named = list(theirs.named_parameters())
    full = gradients_of(named, theirs(tokens).logits, tokens)
    cached = gradients_of(named, their_cached_logits(theirs, tokens, (9, 10, 1)), tokens)
    noise = max((cached[name] - g).abs().max() / g.abs().max() for name, g in full.items())
    tolerance = max(8 * noise.item(), 8 * 2**-23)
    assert tolerance < 1e-3
    mine = gradients_of([(hf_name(name), p) for name, p in ours.named_parameters()], ours(tokens), tokens)
    assert mine.keys() == full.keys()
    for name, expected in full.items():
        bound = tolerance * expected.abs().max().item()
        torch.testing.assert_close(
            mine[name], expected, atol=bound, rtol=0, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_our_cached_vectors_are_theirs_after_reordering_the_rotary_pairs():
    """`transformers` caches the latent, too, and its turned pairs lie half against half."""
    theirs, ours, tokens = build_theirs(), build_ours(), draw_tokens(2, 9)
    cache, their_cache = ours.new_cache(2), DynamicCache(config=theirs.config)
    with torch.no_grad():
        ours(tokens, cache)
        theirs(tokens, past_key_values=their_cache, use_cache=True)
    for layer, held in zip(cache.vectors, their_cache.layers):
        latent, rotary = layer[:, :9].split([12, 6], dim=-1)
        torch.testing.assert_close(latent, held.keys[:, 0])
        assert (rotary - held.values[:, 0]).abs().max() > 0.1
        torch.testing.assert_close(rotary[..., [0, 2, 4, 1, 3, 5]], held.values[:, 0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_weights_keep_their_type_and_agree_in_it(dtype):
    """In bfloat16 both round at every step: ours may be twice as far from float32 as theirs is, and
    they are 2^-8 apart somewhere. In float64 theirs still normalises and turns in float32: 1e-5.
    """
    theirs = DeepseekV3ForCausalLM(build_theirs().config).eval()
    theirs.load_state_dict(build_theirs().state_dict())
    theirs.to(dtype)
    ours, tokens = from_hf(theirs.state_dict(), theirs.config), draw_tokens()
    assert {p.dtype for p in ours.parameters()} == {dtype}
    with torch.no_grad():
        mine, their_own = ours(tokens).double(), theirs(tokens).logits.double()
        exact = theirs.float()(tokens).logits.double() if dtype == torch.bfloat16 else their_own
    theirs_off = (their_own - exact).abs().max().item()
    assert theirs_off > 2**-8 or dtype == torch.float64
    tolerance = 2 * theirs_off if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(mine, exact, atol=tolerance, rtol=0)


# ---- configurations


def version_4(config):
    """The same configuration as `transformers` 4 wrote it: `rope_theta` and `rope_scaling`."""
    old = {key: value for key, value in config.to_dict().items() if key != "rope_parameters"}
    rope = dict(config.rope_parameters)
    old["rope_theta"], kind = rope.pop("rope_theta"), rope.pop("rope_type")
    old["rope_scaling"] = None if kind == "default" else {"type": kind} | rope
    return old


@pytest.mark.parametrize("shape", SHAPES)
def test_a_configuration_is_read_as_object_or_dict_of_version_4_or_5(shape):
    config = build_theirs(shape).config
    read = config_from_hf(config)
    assert read == config_from_hf(config.to_dict()) == config_from_hf(version_4(config))
    assert read == config_from_hf(json.loads(config.to_json_string(use_diff=True)))  # config.json
    before = json.dumps(version_4(config), default=str)
    given = version_4(config)
    config_from_hf(given)
    assert json.dumps(given, default=str) == before  # and left as it was


def test_absent_keys_take_the_defaults_of_transformers():
    theirs = DeepseekV3Config()
    assert {key: theirs.to_dict()[key] for key in DEFAULTS} == DEFAULTS
    assert theirs.rope_parameters == {"rope_theta": DEFAULT_THETA, "rope_type": "default"}
    few = dict(num_hidden_layers=2, vocab_size=10)
    assert config_from_hf(few) == config_from_hf(DeepseekV3Config(**few))


ROPE_BLOCKS = {
    "nothing": {},
    "theta only, version 4": dict(rope_theta=77.0),
    "theta only, version 5": dict(rope_parameters=dict(rope_type="default", rope_theta=77.0)),
    "an empty block": dict(rope_scaling=None, rope_theta=77.0),
    "version 4": dict(
        rope_theta=300.0,
        rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=32, mscale=1.0),
    ),
    "factor and length only": dict(
        rope_parameters=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)
    ),
    "the text's length for the trained one": dict(rope_parameters=dict(rope_type="yarn", factor=4.0)),
    "both mscales": dict(rope_parameters=YARN | dict(mscale=0.5, mscale_all_dim=1.5)),
    "only the one of the scores": dict(rope_parameters=YARN | dict(mscale_all_dim=1.5)),
    "only the one of the angles": dict(rope_parameters=YARN | dict(mscale=1.5)),
    "an amplitude": dict(rope_parameters=YARN | dict(attention_factor=1.3, mscale=1.0, mscale_all_dim=1.0)),
    "betas left out": dict(rope_parameters=YARN | dict(beta_fast=None, beta_slow=None)),
    "no stretch": dict(rope_parameters=YARN | dict(factor=1.0, mscale=1.0, mscale_all_dim=1.0)),
    "both versions in one": dict(
        rope_parameters=dict(rope_type="default", rope_theta=77.0),
        rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=32),
        rope_theta=55.0,
    ),
}


@pytest.mark.parametrize("block", ROPE_BLOCKS)
def test_angles_and_scale_are_theirs_however_the_rotary_block_is_written(block):
    """Their angles are float32: 64 positions at 2^-24 of a full turn's numbers, so 1e-5."""
    given = FIELDS | dict(qk_rope_head_dim=16, max_position_embeddings=64) | ROPE_BLOCKS[block]
    theirs = DeepseekV3ForCausalLM(DeepseekV3Config(**json.loads(json.dumps(given))))
    ours = Transformer(config_from_hf(given))
    cos, sin = theirs.model.rotary_emb(torch.zeros(1), torch.arange(64)[None])
    expected = torch.stack([cos[0, :, :8], sin[0, :, :8]], dim=-1)
    torch.testing.assert_close(ours.rope.float(), expected, atol=1e-5, rtol=0)
    assert ours.layers[0].attention.scale == pytest.approx(theirs.model.layers[0].self_attn.scaling)


# ---- there and back


@pytest.mark.parametrize("shape", SHAPES)
def test_to_transformers_and_back_is_bit_for_bit(shape):
    ours = build_ours(shape)
    weights, config = to_hf(ours)
    again = from_hf(weights, json.loads(json.dumps(config)))
    assert again.config == ours.config
    for name, weight in ours.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    theirs = build_theirs(shape).state_dict()
    tied = {"lm_head.weight"} if ours.config.tie_embeddings else set()
    assert weights.keys() == theirs.keys() - tied
    assert all(torch.equal(weight, theirs[name]) for name, weight in weights.items())


OURS = dict(vocab_size=13, dim=20, n_layers=3, n_heads=3, max_seq_len=96)
OURS |= dict(kv_lora_rank=9, qk_nope_head_dim=6, qk_rope_head_dim=8, v_head_dim=7)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(q_lora_rank=10, norm_eps=1e-3, inter_dim=30),
        dict(tie_embeddings=True, rope_interleaved=False),
        dict(rope_factor=4.0, original_seq_len=24, mscale=0.8, rope_amplitude=1.1, beta_fast=3.0),
        dict(rope_factor=2.0, original_seq_len=48, mscale=0.0),
    ],
)
def test_a_model_of_ours_written_for_transformers_says_the_same_there(changes):
    torch.manual_seed(0)
    ours, tokens = Transformer(ModelConfig(**OURS | changes)).eval(), draw_tokens(8, vocab=13)
    weights, config = to_hf(ours)
    theirs = DeepseekV3ForCausalLM(DeepseekV3Config.from_dict(config)).eval()
    missing, unexpected = theirs.load_state_dict(weights, strict=False)
    assert missing == (["lm_head.weight"] if ours.config.tie_embeddings else []) and not unexpected
    theirs.tie_weights()
    expected, tolerance = their_logits_and_tolerance(theirs, tokens, CUTS)
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), expected, atol=tolerance, rtol=0)
    prompt = tokens[:, :4]
    written = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=40
    )
    assert torch.equal(ours.generate(prompt, 40), written)
    assert (written[:, 4:-1] == 1).any()  # which would end a text by their default


def test_weights_are_copied_and_the_random_numbers_left_alone():
    state, before = build_theirs().state_dict(), torch.get_rng_state()
    ours = from_hf(state, build_theirs().config)
    assert torch.equal(torch.get_rng_state(), before) and not ours.training
    held = state["model.norm.weight"].clone()
    with torch.no_grad():
        weights, _ = to_hf(ours)
        ours.norm.weight += 1
    assert torch.equal(state["model.norm.weight"], held)
    assert torch.equal(weights["model.norm.weight"], held)


@pytest.mark.parametrize("name", ["lm_head.weight", "model.embed_tokens.weight"])
def test_tied_weights_may_come_under_either_name(name):
    theirs = build_theirs("tied embeddings")
    state = {key: tensor for key, tensor in theirs.state_dict().items() if key != name}
    ours = from_hf(state, theirs.config)
    assert ours.head.weight is ours.embed.weight
    assert torch.equal(ours.embed.weight, theirs.model.embed_tokens.weight)


def test_buffers_that_old_checkpoints_hold_are_passed_over():
    state = build_theirs().state_dict() | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(3)}
    from_hf(state, build_theirs().config)


# ---- multi-token prediction: announced, absent, or shared copies only (test_interop_multi_token.py has more)


def copies(layer, state):
    """What a checkpoint stores once more for the module behind the last layer."""
    return {
        f"model.layers.{layer}.embed_tokens.weight": state["model.embed_tokens.weight"],
        f"model.layers.{layer}.shared_head.head.weight": state["lm_head.weight"],
    }


@pytest.mark.parametrize("modules, held", [(1, ()), (1, (0,)), (1, (1,)), (1, (0, 1)), (2, (0, 1)), (0, ())])
def test_an_announced_module_may_be_absent_and_its_copies_may_be_there(modules, held):
    """1 is the default of `transformers`, whose model has no such module."""
    theirs, tokens = build_theirs(), draw_tokens()
    state = theirs.state_dict()
    more = [copies(2 + i, state) for i in range(modules)]
    state |= {key: tensor for each in more for i, (key, tensor) in enumerate(each.items()) if i in held}
    ours = from_hf(state, theirs.config.to_dict() | dict(num_nextn_predict_layers=modules))
    assert torch.equal(ours(tokens), build_ours()(tokens))


@pytest.mark.parametrize("key", ["num_nextn_predict_layers", "num_mtp_layers"])
def test_copies_for_a_module_that_nobody_announced_are_unexpected(key):
    theirs = build_theirs()
    config = {k: v for k, v in theirs.config.to_dict().items() if k != "num_nextn_predict_layers"}
    with pytest.raises(ValueError, match=r"unexpected: model\.layers\.2\.embed_tokens\.weight"):
        from_hf(theirs.state_dict() | copies(2, theirs.state_dict()), config | {key: 0})


# ---- refusals


def test_a_state_dict_that_does_not_fit_is_refused_with_every_fault():
    state = dict(build_theirs().state_dict())
    del state["model.layers.1.self_attn.kv_a_layernorm.weight"], state["model.norm.weight"]
    state["model.layers.0.self_attn.q_proj.weight"] = torch.zeros(56, 28)
    state["lm_head.weight"] = torch.zeros(36, 28)
    with pytest.raises(ValueError) as refused:
        from_hf(state, build_theirs().config)
    said = str(refused.value)
    assert "missing: model.layers.1.self_attn.kv_a_layernorm.weight, model.norm.weight;" in said
    assert "unexpected: model.layers.0.self_attn.q_proj.weight;" in said
    assert "wrong shape: lm_head.weight is (36, 28), the configuration says (37, 28)" in said


def test_many_missing_keys_are_counted_not_listed():
    with pytest.raises(ValueError, match=r"missing: .* and 19 more$"):
        from_hf({}, build_theirs().config)  # 2 layers of 12 weights, and 3 outside


def test_a_bias_is_unexpected_and_so_is_a_layer_too_many():
    theirs = build_theirs()
    bias = "model.layers.0.self_attn.o_proj.bias"
    with pytest.raises(ValueError, match=f"unexpected: {bias}$"):
        from_hf(theirs.state_dict() | {bias: torch.zeros(28)}, theirs.config)
    fewer = theirs.config.to_dict() | dict(num_hidden_layers=1, num_nextn_predict_layers=0)
    with pytest.raises(ValueError, match=r"unexpected: model\.layers\.1\.input_layernorm\.weight, .*more$"):
        from_hf(theirs.state_dict(), fewer)


def test_tied_weights_that_differ_are_refused():
    theirs = build_theirs("tied embeddings")
    state = theirs.state_dict()
    state["lm_head.weight"] = state["lm_head.weight"] + 1
    with pytest.raises(ValueError, match="tie_word_embeddings=True, but .* and lm_head.weight differ"):
        from_hf(state, theirs.config)


@pytest.mark.parametrize("added", [("x.weight", torch.float8_e4m3fn), ("a.weight_scale_inv", torch.float32)])
def test_a_checkpoint_in_8_bits_is_refused_by_name(added):
    name, dtype = added
    with pytest.raises(ValueError, match=f"FP8 checkpoints are not supported; .* {name}"):
        from_hf(build_theirs().state_dict() | {name: torch.ones(3).to(dtype)}, build_theirs().config)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(attention_bias=True), "attention_bias=True is not supported"),
        (
            dict(model_type="deepseek_v2"),
            'model_type must be "deepseek_v3" or "deepseek_v32", got \'deepseek_v2\'',
        ),
        (dict(hidden_act="gelu"), "hidden_act must be \"silu\", got 'gelu'"),
        (dict(quantization_config=dict(quant_method="fp8")), "quantization_config: FP8 .* not supported"),
        (dict(rope_scaling=dict(type="linear", factor=2.0)), "rope_type must be .* got 'linear'"),
        (dict(rope_parameters=dict(rope_type="llama3")), "rope_type must be .* got 'llama3'"),
        (dict(rope_parameters=YARN | dict(truncate=False)), "truncate=False is not supported"),
        (dict(partial_rotary_factor=0.5), "partial_rotary_factor is not supported"),
        (dict(kv_lora_rank=None), "not given: kv_lora_rank"),
    ],
)
def test_what_a_model_of_this_course_cannot_be_is_refused_by_name(changes, sentence):
    config = {k: v for k, v in build_theirs().config.to_dict().items() if k != "rope_parameters"}
    with pytest.raises(ValueError, match=sentence):
        from_hf(build_theirs().state_dict(), config | changes)


def test_other_objects_and_other_models_are_refused_as_configurations():
    with pytest.raises(TypeError, match="a dict or a configuration of transformers, got str"):
        from_hf({}, "deepseek_v3")
    with pytest.raises(ValueError, match="got 'llama'"):
        from_hf({}, LlamaConfig())


def test_plain_attention_cannot_be_written_as_deepseek_v3():
    with pytest.raises(ValueError, match=r"only models with latent attention \(kv_lora_rank\)"):
        to_hf(Transformer(ModelConfig(vocab_size=5, dim=8, n_layers=1, n_heads=2)))


# ---- what is announced and not there


BIG = {"num_hidden_layers": 50_000_000}, {"hidden_size": 2**40}, {"n_routed_experts": 10**12}, {}


@pytest.mark.skipif(sys.platform == "win32", reason="reads the memory of a process as Unix counts it")
@pytest.mark.parametrize("changes", BIG)
def test_what_a_configuration_announces_is_compared_before_memory_is_taken(changes):
    """An empty configuration is that of V3 itself, 671 billion weights."""
    code = (
        "import resource, time, torch; from lessons_lib.interop import from_hf\n"
        "weights = {'model.embed_tokens.weight': torch.zeros(80, 80)}\n"
        "before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()\n"
        f"try: from_hf(weights, {changes!r})\n"
        "except ValueError as error: print(str(error)[:60])\n"
        "kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "assert kib < 500 * 1024 and time.process_time() - began < 10, (kib, time.process_time() - began)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "does not fit the configuration" in done.stdout or "can be made" in done.stdout


@pytest.mark.parametrize(
    ("weights", "changes", "words"),
    [
        (
            {"model.norm.weight": torch.zeros(25).long()},
            {},
            "floating-point numbers in memory",
        ),
        ({"model.norm.weight": torch.zeros(25, device="meta")}, {}, "these are not: model.norm.weight"),
        ({"model.layers.0.mlp.experts.99999999999.gate_proj.weight": torch.zeros(2, 2)}, {}, "missing: "),
        ({}, dict(hidden_size="25"), "hidden_size must be of the kind of 7168, got '25'"),
        ({}, dict(num_hidden_layers=None), "num_hidden_layers must be of the kind of 61, got None"),
        ({}, dict(num_hidden_layers=True), "num_hidden_layers must be of the kind of 61, got True"),
        ({}, dict(rms_norm_eps="1e-6"), "rms_norm_eps must be of the kind of 1e-06"),
        ({}, dict(tie_word_embeddings=0), "tie_word_embeddings must be of the kind of False, got 0"),
        ({}, dict(rope_parameters=5), "rope_parameters must be a dict, got 5"),
        ({}, dict(rope_parameters=YARN | dict(factor="8")), "factor must be a number above 0, got '8'"),
        (
            {},
            dict(rope_parameters=YARN | dict(factor=float("inf"))),
            "above 0, got inf",
        ),
        ({}, dict(rope_theta=-1.0), "rope_theta must be a number above 0, got -1.0"),
        (
            {},
            dict(rope_parameters=YARN | dict(beta_fast=True)),
            "above 0, got True",
        ),
    ],
)
def test_odd_weights_and_odd_values_are_refused_in_one_sentence(weights, changes, words):
    with pytest.raises(ValueError) as caught:
        from_hf(build_theirs().state_dict() | weights, FIELDS | changes)
    assert words in str(caught.value) and "\n" not in str(caught.value), caught.value


@pytest.mark.parametrize("state_dict", [None, [1], {"a": 1}, {1: torch.ones(1)}])
def test_what_is_no_state_dict_is_refused(state_dict):
    with pytest.raises(TypeError, match="state_dict must be a mapping from text to a Tensor"):
        from_hf(state_dict, FIELDS)
