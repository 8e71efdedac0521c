"""MTP modules beside `MtpModel` of `transformers`, on the same weights, under the names of a checkpoint.

The tolerance is 8 times what `transformers` differs from itself when its module reads the text in pieces
with a cache, and the main model does. No gain is 1, routing biases are far apart, and the two halves of
`eh_proj` have different scales, so that exchanged ones would show.
"""

import functools
import json

import pytest
import torch
from interop_oracle import SMALL, their_cached_logits
from test_interop_experts import YARN
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM, DynamicCache
from transformers.modeling_layers import MtpModel

from lessons_lib.config import ModelConfig
from lessons_lib.interop import from_hf, to_hf
from lessons_lib.interop.huggingface import hf_name
from lessons_lib.model import Transformer

FIELDS = SMALL | dict(
    num_hidden_layers=2,
    first_k_dense_replace=1,
    n_routed_experts=8,
    num_experts_per_tok=3,
    n_shared_experts=1,
    moe_intermediate_size=16,
    n_group=4,
    topk_group=2,
    max_position_embeddings=64,
)
SHAPES = {
    "one module": {},
    "two modules": dict(num_nextn_predict_layers=2),
    "odd widths": dict(hidden_size=25, moe_intermediate_size=7, rms_norm_eps=1e-3),
    "everything at once": dict(
        num_nextn_predict_layers=2,
        q_lora_rank=None,
        tie_word_embeddings=True,
        rope_interleave=False,
        qk_rope_head_dim=8,
        rope_parameters=YARN,
        n_shared_experts=2,
        first_k_dense_replace=0,
    ),
}


@functools.cache
def build_theirs(shape="one module"):
    """A main model and its modules, every weight drawn here; no test may change them."""
    config = DeepseekV3Config(**FIELDS | SHAPES[shape])
    main = DeepseekV3ForCausalLM(config).eval()
    modules = MtpModel(main, config.num_nextn_predict_layers).eval()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for model in (main, modules.layers):
            for name, weight in model.named_parameters():
                noise = torch.randn(weight.shape, generator=rng)
                weight.copy_(1 + 0.3 * noise if weight.ndim < 2 else noise * weight.shape[-1] ** -0.5)
                if "eh_proj" in name:
                    weight[:, : weight.shape[0]] *= 2
            for name, buffer in model.named_buffers():
                if name.endswith("e_score_correction_bias"):
                    buffer.copy_(0.15 * torch.randn(buffer.shape, generator=rng) - 3.0)
    main.set_experts_implementation("eager")
    modules.set_experts_implementation("eager")
    return main, modules


def checkpoint(shape="one module"):
    """Their weights under the names of a released checkpoint, copies included."""
    main, modules = build_theirs(shape)
    state, n_layers = dict(main.state_dict()), main.config.num_hidden_layers
    for key, tensor in modules.layers.state_dict().items():
        k, name = key.split(".", 1)
        name = name.removeprefix("mtp_block.").replace("post_norm.", "shared_head.norm.")
        state[f"model.layers.{n_layers + int(k)}.{name}"] = tensor
    for k in range(main.config.num_nextn_predict_layers):
        state[f"model.layers.{n_layers + k}.embed_tokens.weight"] = main.model.embed_tokens.weight.detach()
        state[f"model.layers.{n_layers + k}.shared_head.head.weight"] = main.lm_head.weight.detach()
    return state


def build_ours(shape="one module"):
    return from_hf(checkpoint(shape), build_theirs(shape)[0].config)


def draw_tokens(batch=2, length=20, seed=1):
    return torch.randint(37, (batch, length), generator=torch.Generator().manual_seed(seed))


def their_mtp_logits(shape, tokens, depth=1, cut=None):
    """Their logits of a depth; with `cut`, main model and modules read in such pieces, with caches."""
    main, modules = build_theirs(shape)
    n = tokens.shape[1]
    cut = (n,) if cut is None else cut
    cache = DynamicCache(config=main.config)
    pieces = [main.model(t, past_key_values=cache, use_cache=True)[0] for t in tokens.split(cut, 1)]
    hidden = torch.cat(pieces, 1)
    for k in range(1, depth + 1):
        mtp_cache, out, at = DynamicCache(config=modules.config), [], 0
        for length in cut:
            end = min(at + length, n - k)
            if end > at:
                out.append(
                    modules.forward_layer(
                        k - 1,
                        hidden[:, at:end],
                        torch.arange(at, end)[None],
                        mtp_cache if len(cut) > 1 else None,
                        input_ids=tokens[:, at + k : end + k],
                    )
                )
            at = end
        hidden = torch.cat(out, 1)
    return main.lm_head(hidden)


@pytest.mark.parametrize(
    "shape, depth",
    [(s, d) for s in SHAPES for d in range(1, 1 + SHAPES[s].get("num_nextn_predict_layers", 1))],
)
def test_logits_and_gradients_are_those_of_their_module(shape, depth):
    """Gradients in units of each weight's largest number; of the main model's weights, too."""
    ours, tokens = build_ours(shape), draw_tokens()
    main, modules = build_theirs(shape)
    theirs, cached = (their_mtp_logits(shape, tokens, depth, cut) for cut in (None, (9, 8, 3)))
    noise = (theirs - cached).abs().max().item()
    tolerance = max(8 * noise, 8 * 2**-23 * theirs.abs().max().item())
    assert theirs.std() > 0.3 and tolerance < 1e-3
    mine = ours.mtp_logits(tokens, depth)
    torch.testing.assert_close(mine, theirs, atol=tolerance, rtol=0)
    direction = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(2))
    their_names = {}
    for name, weight in [*main.named_parameters(), *modules.layers.named_parameters()]:
        k, _, rest = name.partition(".")
        if k.isdigit():
            rest = rest.removeprefix("mtp_block.").replace("post_norm.", "shared_head.norm.")
            name = f"model.layers.{main.config.num_hidden_layers + int(k)}.{rest}"
        their_names[name] = weight
    n_layers = main.config.num_hidden_layers
    our_names = {hf_name(name, n_layers): weight for name, weight in ours.named_parameters()}

    def gradients(logits, named):
        found = torch.autograd.grad((logits * direction).sum(), list(named.values()), allow_unused=True)
        return {name: g for name, g in zip(named, found) if g is not None}

    expected, got = gradients(theirs, their_names), gradients(mine, our_names)
    again = gradients(cached, their_names)
    compared = [name for name in expected if name in got]
    assert len(compared) == len(got) == len(expected)
    off = max((again[n] - expected[n]).abs().max() / expected[n].abs().max() for n in compared).item()
    for name in compared:
        theirs_g, ours_g = expected[name], got[name]
        if name.endswith("eh_proj.weight"):
            ours_g = torch.cat(ours_g.chunk(2, dim=1)[::-1], dim=1)
        bound = max(8 * off, 8 * 2**-23) * theirs_g.abs().max().item()
        torch.testing.assert_close(ours_g, theirs_g, atol=bound, rtol=0, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_main_model_reads_its_own_part_alone(shape):
    main, _ = build_theirs(shape)
    ours, tokens = build_ours(shape), draw_tokens()
    with torch.no_grad():
        alone = from_hf(main.state_dict(), main.config)
        assert torch.equal(ours(tokens), alone(tokens))
        torch.testing.assert_close(ours(tokens), their_cached_logits(main, tokens, 20), atol=1e-4, rtol=0)
    assert ours.config.n_mtp_layers == main.config.num_nextn_predict_layers and not alone.config.n_mtp_layers


@pytest.mark.parametrize("shape", SHAPES)
def test_to_a_checkpoint_and_back_is_bit_for_bit(shape):
    ours, stored = build_ours(shape), checkpoint(shape)
    weights, config = to_hf(ours)
    assert config["num_nextn_predict_layers"] == ours.config.n_mtp_layers
    again = from_hf(weights, json.loads(json.dumps(config)))
    assert again.config == ours.config
    for name, weight in ours.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    for key, tensor in stored.items():
        if "experts.gate_up" not in key and "experts.down" not in key:  # stacked in their module
            assert key == "lm_head.weight" or torch.equal(weights[key], tensor), key


def test_a_module_without_experts_goes_there_and_back():
    latent = dict(kv_lora_rank=9, qk_nope_head_dim=6, qk_rope_head_dim=8, v_head_dim=7)
    torch.manual_seed(0)
    ours = Transformer(
        ModelConfig(vocab_size=13, dim=20, n_layers=2, n_heads=2, inter_dim=24, n_mtp_layers=1, **latent)
    )
    again = from_hf(*to_hf(ours))
    assert again.config == ours.config
    tokens = draw_tokens() % 13
    assert torch.equal(again.mtp_logits(tokens), ours.mtp_logits(tokens))


def test_a_part_of_a_module_is_refused_by_name():
    state = checkpoint()
    del state["model.layers.2.eh_proj.weight"], state["model.layers.2.mlp.gate.weight"]
    with pytest.raises(
        ValueError, match=r"missing: model\.layers\.2\.eh_proj\.weight, .*\.mlp\.gate\.weight$"
    ):
        from_hf(state, build_theirs()[0].config)


@pytest.mark.parametrize(
    "name, original", [("embed_tokens", "embed_tokens"), ("shared_head.head", "lm_head")]
)
def test_a_copy_that_is_none_is_refused(name, original):
    state = checkpoint()
    key = f"model.layers.2.{name}.weight"
    state[key] = state[key] + 1
    with pytest.raises(
        ValueError, match=rf"{key} differs from .*{original}.weight, which an MTP module shares"
    ):
        from_hf(state, build_theirs()[0].config)


def test_a_module_that_nobody_announced_is_unexpected():
    config = build_theirs()[0].config.to_dict() | dict(num_nextn_predict_layers=0)
    with pytest.raises(ValueError, match=r"unexpected: model\.layers\.2\."):
        from_hf(checkpoint(), config)
