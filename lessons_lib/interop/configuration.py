"""The configuration of a DeepSeek-V3 or V3.2 model, between `transformers` names and ours.

`transformers` 4 writes `rope_theta` and `rope_scaling`, version 5 one dict `rope_parameters`; both are
read. A key that is absent has the value that `transformers` 5.23 gives it. What this course does not
build is refused by name, since a model that ignored it would write something else.
"""

import math
from collections.abc import Mapping
from typing import Any

from lessons_lib.config import ModelConfig
from lessons_lib.interop.experts import EXPERT_DEFAULTS, experts_from_hf, experts_to_hf
from lessons_lib.interop.indexer import defaults_of, indexer_from_hf, kind_to_hf, refuse_other_models
from lessons_lib.signatures import checked

# transformers 5.23, DeepseekV3Config; a test compares.
DEFAULTS = EXPERT_DEFAULTS | {
    "model_type": "deepseek_v3",
    "vocab_size": 129_280,
    "hidden_size": 7168,
    "intermediate_size": 18_432,
    "num_hidden_layers": 61,
    "num_nextn_predict_layers": 1,
    "num_attention_heads": 128,
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "hidden_act": "silu",
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
    "rope_interleave": True,
    "attention_bias": False,
}
DEFAULT_THETA = 10_000.0
SCALES = ("mscale_all_dim", "mscale", "attention_factor")
MAY_BE_NONE = {"kv_lora_rank", "q_lora_rank", "num_nextn_predict_layers", "n_shared_experts", "n_group"}
MAY_BE_NONE |= {"topk_group", "first_k_dense_replace", "rope_interleave", "norm_topk_prob"}


def as_dict(config: Any) -> dict[str, Any]:
    """Return a configuration, a dict or an object of `transformers`, as a new dict."""
    if isinstance(config, Mapping):
        return dict(config)
    if hasattr(config, "to_dict"):
        return config.to_dict()
    raise TypeError(f"config must be a dict or a configuration of transformers, got {type(config).__name__}")


def refuse_unsupported(config: Mapping[str, Any]) -> None:
    """Raise ValueError, naming it, for what a model of this course cannot be."""
    refuse_other_models(config)
    if config["hidden_act"] not in ("silu", "swish"):
        raise ValueError(f'hidden_act must be "silu", got {config["hidden_act"]!r}')
    if config["attention_bias"]:
        raise ValueError("attention_bias=True is not supported: DeepSeek's projections have no bias")
    if config.get("quantization_config"):
        raise ValueError(
            "quantization_config: FP8 and other quantised checkpoints are not supported; "
            "convert to BF16 or FP32 first"
        )


def refuse_odd_values(config: Mapping[str, Any]) -> None:
    """Raise ValueError, naming it, for a value of another kind than the default's; some may be None."""
    for key, default in (DEFAULTS | defaults_of(config["model_type"])).items():
        value = config[key]
        kinds = (int, float) if isinstance(default, float) else (type(default),)
        is_kind = isinstance(value, kinds) and isinstance(value, bool) == isinstance(default, bool)
        if not (is_kind or (value is None and key in MAY_BE_NONE)):
            raise ValueError(f"{key} must be of the kind of {default!r}, got {value!r:.60}")


def _number(rope: Mapping[str, Any], key: str, otherwise: Any) -> float:
    """Return a number above 0 of the rotary block, `otherwise` where it is absent, None or 0."""
    value = rope.get(key) or otherwise
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{key} must be a number above 0, got {value!r:.60}")
    return float(value)


def read_rope(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return our rotary fields from `rope_parameters`, or from `rope_theta` and `rope_scaling`."""
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if not isinstance(rope, Mapping):
        raise ValueError(f"rope_parameters must be a dict, got {rope!r:.60}")
    theta = _number(rope, "rope_theta", _number(config, "rope_theta", DEFAULT_THETA))
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind not in ("default", "yarn"):
        raise ValueError(f'rope_type must be "default" or "yarn", got {kind!r}')
    if (rope.get("partial_rotary_factor") or config.get("partial_rotary_factor") or 1) != 1:
        raise ValueError("partial_rotary_factor is not supported: qk_rope_head_dim says what is turned")
    fields = {"rope_theta": theta}
    if kind == "default":
        return fields
    if rope.get("truncate") is False:
        raise ValueError("truncate=False is not supported: DeepSeek rounds the ends of the YaRN ramp")
    longest = config["max_position_embeddings"]
    original = _number(rope, "original_max_position_embeddings", longest)
    factor = _number(rope, "factor", longest / original)
    everywhere, turned, amplitude = (_number(rope, key, 0.0) for key in SCALES)
    if not amplitude:  # what cos and sin are multiplied by: 1 where both are given and equal
        amplitude = grown(factor, 1.0)
        if turned and everywhere:
            amplitude = grown(factor, turned) / grown(factor, everywhere)
    return fields | {
        "rope_factor": factor,
        "original_seq_len": int(original),
        "beta_fast": _number(rope, "beta_fast", 32),
        "beta_slow": _number(rope, "beta_slow", 1),
        "mscale": everywhere,
        "rope_amplitude": amplitude,
    }


def grown(factor: float, mscale: float) -> float:
    """Return 0.1 mscale ln(factor) + 1, and 1 for a factor that does not stretch."""
    return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1.0


def with_defaults(config: Any) -> dict[str, Any]:
    """Return `as_dict(config)` with what is absent; `num_mtp_layers` is another name that they allow."""
    config = as_dict(config)
    if "num_mtp_layers" in config:
        config.setdefault("num_nextn_predict_layers", config.pop("num_mtp_layers"))
    return DEFAULTS | defaults_of(config.get("model_type")) | config


def config_from_hf(config: Any) -> ModelConfig:
    """Return our configuration for one of `transformers`; what it asks in vain is refused by name."""
    config = with_defaults(config)
    refuse_odd_values(config)
    refuse_unsupported(config)
    return ModelConfig(
        vocab_size=config["vocab_size"],
        dim=config["hidden_size"],
        n_layers=config["num_hidden_layers"],
        n_heads=config["num_attention_heads"],
        inter_dim=config["intermediate_size"],
        max_seq_len=config["max_position_embeddings"],
        norm_eps=config["rms_norm_eps"],
        tie_embeddings=config["tie_word_embeddings"],
        q_lora_rank=config["q_lora_rank"],
        kv_lora_rank=config["kv_lora_rank"],
        qk_nope_head_dim=config["qk_nope_head_dim"],
        qk_rope_head_dim=config["qk_rope_head_dim"],
        v_head_dim=config["v_head_dim"],
        rope_interleaved=bool(config["rope_interleave"]),
        n_mtp_layers=config["num_nextn_predict_layers"] or 0,
        **read_rope(config),
        **experts_from_hf(config),
        **indexer_from_hf(config),
    )


@checked()
def config_to_hf(config: ModelConfig) -> dict[str, Any]:
    """Return the configuration that `transformers` reads, rotary fields as version 5 writes them."""
    if config.kv_lora_rank is None:
        raise ValueError("only models with latent attention (kv_lora_rank) can be written as deepseek_v3")
    rope = {"rope_type": "default", "rope_theta": config.rope_theta}
    if config.rope_factor is not None:
        rope |= {
            "rope_type": "yarn",
            "factor": config.rope_factor,
            "original_max_position_embeddings": config.original_seq_len,
            "beta_fast": config.beta_fast,
            "beta_slow": config.beta_slow,
            "mscale": config.mscale,
            "mscale_all_dim": config.mscale,
            "attention_factor": config.rope_amplitude,
        }
    return {
        **kind_to_hf(config),
        "vocab_size": config.vocab_size,
        "hidden_size": config.dim,
        "intermediate_size": config.ffn_dim,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_heads,
        "q_lora_rank": config.q_lora_rank,
        "kv_lora_rank": config.kv_lora_rank,
        "qk_nope_head_dim": config.qk_nope_head_dim,
        "qk_rope_head_dim": config.qk_rope_head_dim,
        "v_head_dim": config.v_head_dim,
        **experts_to_hf(config),
        "num_nextn_predict_layers": config.n_mtp_layers,
        "hidden_act": "silu",
        "max_position_embeddings": config.max_seq_len,
        "bos_token_id": None,  # left out, token 1 would end every text
        "eos_token_id": None,
        "rms_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "rope_interleave": config.rope_interleaved,
        "rope_parameters": rope,
        "attention_bias": False,
    }
