"""What the parts of a model's shape must fulfil, else ValueError: latent attention, its indexer, experts."""

from typing import Any

from lessons_lib.config.validation import require_at_least, require_not_negative, require_whole


def check_latent_attention(config: Any) -> None:
    """Refuse a `ModelConfig` whose latent attention lacks a width, or is stretched impossibly by YaRN."""
    widths = ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
    missing = [name for name in widths if getattr(config, name) is None]
    if missing and (len(missing) < len(widths) or config.q_lora_rank is not None):
        raise ValueError(f"latent attention needs {', '.join(widths)}; not given: {', '.join(missing)}")
    if not missing and (config.n_kv_heads is not None or config.head_dim is not None):
        raise ValueError("n_kv_heads and head_dim are plain attention's; with kv_lora_rank leave them out")
    require_whole(config, *widths, "q_lora_rank", "original_seq_len")
    require_at_least(config, 1, "rope_factor")
    require_not_negative(config, "mscale", "beta_fast", "beta_slow")
    if not config.beta_fast > config.beta_slow > 0:
        raise ValueError(
            f"beta_fast={config.beta_fast} must be above beta_slow={config.beta_slow}, and that above 0"
        )


def check_indexer(config: Any) -> None:
    """Refuse a `ModelConfig` with a part of an indexer, or with one that has nothing to choose for."""
    names = ("index_n_heads", "index_head_dim", "index_topk")
    missing = [name for name in names if getattr(config, name) is None]
    require_whole(config, *names)
    if len(missing) == len(names):
        return
    if missing:
        raise ValueError(f"sparse attention needs {', '.join(names)}; not given: {', '.join(missing)}")
    if config.kv_lora_rank is None:
        raise ValueError("sparse attention is latent attention's: kv_lora_rank is not given")
    width, rotary = config.indexer.index_head_dim, config.latent.qk_rope_head_dim
    if width < rotary:
        raise ValueError(f"index_head_dim={width} has no room for a rotary part of {rotary}")


def check_experts(config: Any) -> None:
    """Refuse a `ModelConfig` whose experts do not split into groups, or are fewer than a token takes."""
    experts, chosen, groups = config.n_routed_experts, config.n_activated_experts, config.n_expert_groups
    if experts is None:
        if chosen is not None or config.moe_inter_dim is not None or config.n_shared_experts:
            raise ValueError(
                "n_activated_experts, n_shared_experts and moe_inter_dim describe a model with experts; "
                "n_routed_experts is not given"
            )
        return
    require_whole(config, "n_routed_experts")
    if chosen is None or config.moe_inter_dim is None:
        raise ValueError("n_routed_experts needs n_activated_experts and moe_inter_dim")
    require_whole(config, "n_activated_experts", "moe_inter_dim")
    if not 0 <= config.n_dense_layers < config.n_layers:
        raise ValueError(
            f"n_dense_layers={config.n_dense_layers} of n_layers={config.n_layers} leave no layer for experts"
        )
    if experts % groups:
        raise ValueError(f"{experts} experts do not split into n_expert_groups={groups} groups evenly")
    if config.n_limited_groups > groups:
        raise ValueError(f"n_limited_groups={config.n_limited_groups} of only {groups} groups")
    allowed = experts // groups * config.n_limited_groups
    if chosen > allowed:
        raise ValueError(f"n_activated_experts={chosen} cannot be chosen from {allowed} experts")
    if groups > 1 and config.group_score == "top2" and experts // groups < 2:
        raise ValueError(f"a group's best two experts: {groups} groups of 1 expert have no two")
