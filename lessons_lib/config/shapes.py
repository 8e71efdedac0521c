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
class IndexerShape:
    """Number and width of the indexer's heads, and how many positions it keeps; names as in `ModelConfig`."""

    index_n_heads: int
    index_head_dim: int
    index_topk: int


@dataclass(frozen=True)
class ExpertShape:
    """Number, choice and width of the routed experts; names as in `ModelConfig`."""

    n_routed_experts: int
    n_activated_experts: int
    moe_inter_dim: int


def latent_shape(
    q_lora_rank: int | None, rank: int | None, nope: int | None, rotary: int | None, value: int | None
) -> LatentShape:
    """Return the widths of latent attention; ValueError where they are not there."""
    if rank is None or nope is None or rotary is None or value is None:
        raise ValueError("this model has plain attention: kv_lora_rank is None")
    return LatentShape(q_lora_rank, rank, nope, rotary, value)


def indexer_shape(heads: int | None, width: int | None, kept: int | None) -> IndexerShape:
    """Return the shape of the indexer; ValueError where there is none."""
    if heads is None or width is None or kept is None:
        raise ValueError("this model looks at everything: index_topk is None")
    return IndexerShape(heads, width, kept)


def expert_shape(experts: int | None, chosen: int | None, width: int | None) -> ExpertShape:
    """Return the routed experts' shape; ValueError where there are none."""
    if experts is None or chosen is None or width is None:
        raise ValueError("this model has no experts: n_routed_experts is None")
    return ExpertShape(experts, chosen, width)
