"""DeepSeek-V3 and V3.2 weights, between the names of `transformers` and ours; every number stays as it is.

Three conventions that are easy to get wrong, each held by a test against `transformers`:
  order     `q_b_proj` holds per head [no position | rotary], `kv_b_proj` per head [key | value], and
            `kv_a_proj_with_mqa` [latent | rotary key];
  epsilon   `rms_norm_eps` is for the norms of the blocks and the last one; those on the latents have 1e-6;
  layout    with `rope_interleave` neighbours are turned together. `transformers` then writes the turned
            pairs half against half, and we leave them where they were: scores agree, cached keys only
            after reordering.
Experts: `experts.py`; modules for multi-token prediction: `multi_token.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lessons_lib.config import ModelConfig
from lessons_lib.interop.configuration import config_from_hf, config_to_hf
from lessons_lib.interop.experts import EXPERT_NAMES, split_experts, stack_experts
from lessons_lib.interop.indexer import INDEX_NAMES
from lessons_lib.interop.multi_token import (
    IN_MODULE,
    as_layer,
    exchange_halves,
    modules_held,
    with_copies,
    without_copies,
)
from lessons_lib.model import Transformer
from lessons_lib.signatures import checked

# ours -> theirs, inside a layer
IN_LAYER = (
    IN_MODULE
    | INDEX_NAMES
    | {
        "attention_norm": "input_layernorm",
        "attention.wq": "self_attn.q_proj",
        "attention.wq_a": "self_attn.q_a_proj",
        "attention.q_norm": "self_attn.q_a_layernorm",
        "attention.wq_b": "self_attn.q_b_proj",
        "attention.wkv_a": "self_attn.kv_a_proj_with_mqa",
        "attention.kv_norm": "self_attn.kv_a_layernorm",
        "attention.wkv_b": "self_attn.kv_b_proj",
        "attention.wo": "self_attn.o_proj",
        "ffn_norm": "post_attention_layernorm",
        "ffn.w1": "mlp.gate_proj",
        "ffn.w2": "mlp.down_proj",
        "ffn.w3": "mlp.up_proj",
    }
)
MANY = 20  # layers; more of them than tensors are not even looked at
OUTSIDE = {"embed": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}


def hf_name(name: str, n_layers: int = 0) -> str:
    """Return the name that `transformers` gives to our parameter or buffer `name`.

    Those of MTP modules are counted on behind the last of `n_layers`.
    """
    name = as_layer(name, n_layers)
    expert = re.fullmatch(r"layers\.(\d+)\.(.+)", name)
    if expert and expert[2] in EXPERT_NAMES:
        return f"model.layers.{expert[1]}.{EXPERT_NAMES[expert[2]]}"
    stem, kind = name.rsplit(".", 1)
    inside = re.fullmatch(r"layers\.(\d+)\.(.+)", stem)
    if inside:
        return f"model.layers.{inside[1]}.{IN_LAYER[inside[2]]}.{kind}"
    return f"{OUTSIDE[stem]}.{kind}"


@checked()
def from_hf(state_dict: Mapping[str, Tensor], config: Any) -> Transformer:
    """Return a Transformer, in eval mode, with the weights of a `DeepseekV3ForCausalLM` or V3.2's.

    `config` is a dict or a configuration object. The weights are copied and keep their dtype. Raises
    ValueError for what is not supported, by name, and for a state dict that is not the one of this
    configuration, with the missing and unexpected keys and the wrong shapes. MTP modules that are announced
    may be absent; a part of one may not.
    """
    config = config_from_hf(config)
    announced, n_layers = config.n_mtp_layers, config.n_layers
    config = replace(config, n_mtp_layers=modules_held(state_dict, n_layers, announced))
    ours = _shapes(config, n_layers, len(state_dict))
    theirs = {key: tensor for key, tensor in state_dict.items() if not key.endswith("rotary_emb.inv_freq")}
    refuse_eight_bits(theirs)
    refuse_no_weights(theirs)
    theirs = stack_experts(theirs)
    if config.tie_embeddings:
        theirs = with_both_names(theirs)
    theirs = exchange_halves(without_copies(theirs, n_layers, announced))
    refuse_wrong_keys(ours, theirs)
    with torch.random.fork_rng(devices=[]):  # the weights drawn now are replaced at once
        model = Transformer(config)
    model.to(theirs["model.embed_tokens.weight"].dtype)
    model.load_state_dict({name: theirs[hf_name(name, n_layers)] for name in model.state_dict()})
    return model.eval()


def _shapes(config: ModelConfig, n_layers: int, n_tensors: int) -> dict[str, Tensor]:
    """Return a model's weights under their names, without memory: a file may announce what it has not."""
    if n_layers + config.n_mtp_layers > max(n_tensors, MANY):
        raise ValueError(
            f"the state dict does not fit the configuration: {n_tensors} tensors cannot be the weights of "
            f"{n_layers} layers"
        )
    try:
        with torch.device("meta"):
            model = Transformer(config)
    except (RuntimeError, OverflowError, TypeError) as error:  # more numbers than can be counted
        raise ValueError(f"no model of this configuration can be made: {error}") from None
    return {hf_name(name, n_layers): tensor for name, tensor in model.state_dict().items()}


@checked()
def to_hf(model: Transformer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return a copy of the weights under the names of `transformers`, and the configuration."""
    config, n_layers = config_to_hf(model.config), model.config.n_layers
    state = model.state_dict()
    weights = {hf_name(name, n_layers): tensor.detach().clone() for name, tensor in state.items()}
    weights = with_copies(exchange_halves(weights), n_layers, model.config.n_mtp_layers)
    if model.config.tie_embeddings:
        del weights["lm_head.weight"]
    return split_experts(weights), config


def refuse_eight_bits(state_dict: Mapping[str, Tensor]) -> None:
    """Raise ValueError if weights are stored in FP8."""
    eight_bits = [k for k, t in state_dict.items() if t.element_size() == 1 or k.endswith("_scale_inv")]
    if eight_bits:
        raise ValueError(
            f"FP8 checkpoints are not supported; convert to BF16 or FP32 first. {listed(eight_bits)}"
        )


def refuse_no_weights(state_dict: Mapping[str, Tensor]) -> None:
    """Raise ValueError for tensors that cannot be weights: whole numbers, or shapes without memory."""
    wrong = [key for key, tensor in state_dict.items() if not tensor.is_floating_point() or tensor.is_meta]
    if wrong:
        raise ValueError(f"weights must be floating-point numbers in memory; these are not: {listed(wrong)}")


def with_both_names(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tied weights with the one matrix under both of its names; a file may hold either or both."""
    names = ("model.embed_tokens.weight", "lm_head.weight")
    held = [state_dict[name] for name in names if name in state_dict]
    if len(held) == 2 and not torch.equal(*held):
        raise ValueError(f"tie_word_embeddings=True, but {' and '.join(names)} differ")
    return {**state_dict, **{name: held[0] for name in names if held}}


def refuse_wrong_keys(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    """Raise ValueError naming keys that are missing or unexpected and shapes that differ."""
    missing, unexpected = sorted(ours.keys() - theirs.keys()), sorted(theirs.keys() - ours.keys())
    shapes = [
        f"{key} is {tuple(theirs[key].shape)}, the configuration says {tuple(ours[key].shape)}"
        for key in sorted(ours.keys() & theirs.keys())
        if ours[key].shape != theirs[key].shape
    ]
    problems = {"missing": missing, "unexpected": unexpected, "wrong shape": shapes}
    told = [f"{what}: {listed(keys)}" for what, keys in problems.items() if keys]
    if told:
        raise ValueError("the state dict does not fit the configuration; " + "; ".join(told))


def listed(names: list[str], most: int = 8) -> str:
    """Return the first names in a row, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
