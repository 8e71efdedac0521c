"""The indexer of a DeepSeek-V3.2 model, between `transformers` and us: its configuration and its names.

A V3.2 model is a V3 model with an indexer in every layer. Its configuration lists the layers one by one; what
this course does not build is refused by name. The longest text has another default than V3's.
"""

from collections.abc import Mapping
from typing import Any

from lessons_lib.config import ModelConfig

V3, V32 = "deepseek_v3", "deepseek_v32"
# transformers 5.23, DeepseekV32Config; a test compares
INDEX_DEFAULTS = {"index_n_heads": 64, "index_head_dim": 128, "index_topk": 2048}
V32_DEFAULTS = INDEX_DEFAULTS | {"max_position_embeddings": 163_840, "mlp_bias": False}

# ours -> theirs, inside a layer
INDEX_NAMES = {
    f"attention.indexer.{name}": f"self_attn.indexer.{name}"
    for name in ("wq_b", "wk", "k_norm", "weights_proj")
}


def defaults_of(model_type: Any) -> dict[str, Any]:
    """Return what a configuration of this kind has besides V3's keys, or has otherwise."""
    return V32_DEFAULTS if model_type == V32 else {}


def refuse_other_models(config: Mapping[str, Any]) -> None:
    """Raise ValueError for a model of another kind than V3 and V3.2."""
    if config["model_type"] not in (V3, V32):
        raise ValueError(f'model_type must be "{V3}" or "{V32}", got {config["model_type"]!r}')


def indexer_from_hf(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return our fields about the indexer, none for a V3 model; ValueError for what we do not build."""
    if config["model_type"] != V32:
        return {}
    n, dense = config["num_hidden_layers"], config["first_k_dense_replace"] or 0
    dense = min(dense, n)
    wanted = {
        "layer_types": ["indexed_attention"] * n,
        "mlp_layer_types": ["dense"] * dense + ["sparse"] * (n - dense),
        "mlp_bias": False,
    }
    for key, value in wanted.items():
        if (given := config.get(key)) is not None and given != value:
            raise ValueError(f"{key} must be {value!r:.60} in a model of this course, got {given!r:.60}")
    if config["q_lora_rank"] is None:
        raise ValueError("q_lora_rank must be given in a deepseek_v32 model: its indexer reads that latent")
    if not config["rope_interleave"]:
        raise ValueError("rope_interleave=False: a deepseek_v32 model turns neighbours")
    return {key: config[key] for key in INDEX_DEFAULTS}


def kind_to_hf(config: ModelConfig) -> dict[str, Any]:
    """Return what `transformers` is told of a model's kind; ValueError for one that V3.2 does not know."""
    if config.index_topk is None:
        return {"model_type": V3, "architectures": ["DeepseekV3ForCausalLM"]}
    if config.q_lora_rank is None:
        raise ValueError("a deepseek_v32 model has a q_lora_rank, which its indexer reads; this one has none")
    if not config.rope_interleaved:
        raise ValueError("a deepseek_v32 model turns neighbours, this one has rope_interleaved=False")
    return {
        "model_type": V32,
        "architectures": ["DeepseekV32ForCausalLM"],
        **{key: getattr(config, key) for key in INDEX_DEFAULTS},
    }
