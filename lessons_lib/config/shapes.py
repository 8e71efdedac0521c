"""The parts of a model's shape that it has or has not, each whole: for code that works with what is there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LatentShape:
    """Widths of latent attention; names as in `ModelConfig`."""

    q_lora_rank: int | None
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int


@dataclass(frozen=True)
class ExpertShape:
    """Number, choice and width of the routed experts; names as in `ModelConfig`."""

    n_routed_experts: int
    n_activated_experts: int
    moe_inter_dim: int
