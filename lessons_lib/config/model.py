"""The shape of a model. Names are those of `ModelArgs` in DeepSeek-V3's released `inference/model.py`.

So a reader who opens that file afterwards feels at home. What only this course has (`n_kv_heads`,
`head_dim`, `norm_eps`, `tie_embeddings`, ...) is marked. Where DeepSeek's file writes 0 for "not there",
we write None.
"""

from dataclasses import dataclass
from typing import Literal

from lessons_lib.config.parts import check_experts, check_indexer, check_latent_attention
from lessons_lib.config.presets import DEEPSEEK_V3, MINI
from lessons_lib.config.shapes import (
    ExpertShape,
    IndexerShape,
    LatentShape,
    expert_shape,
    indexer_shape,
    latent_shape,
)
from lessons_lib.config.validation import require_above_zero, require_types, require_whole

ScoreFunction = Literal["sigmoid", "softmax"]
GroupScore = Literal["top2", "max"]


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a decoder-only transformer; invalid combinations raise ValueError.

    With `kv_lora_rank=None` attention is plain (`n_kv_heads` chooses MHA, GQA or MQA); otherwise it
    is DeepSeek's latent attention. With `n_routed_experts=None` every feed-forward block is dense.
    """

    vocab_size: int
    dim: int  # width of the residual stream
    n_layers: int
    n_heads: int
    n_kv_heads: int | None = None  # ours; key/value heads, None: as many as query heads (MHA)
    head_dim: int | None = None  # ours; None: dim / n_heads
    inter_dim: int | None = None  # width of a dense feed-forward block; None: about 8/3 of dim
    max_seq_len: int = 128
    rope_theta: float = 500.0  # base of the rotary frequencies; 10,000 in V3, for 32 times the length
    norm_eps: float = 1e-6  # ours; fixed in DeepSeek's code
    tie_embeddings: bool = False  # ours; the output head reuses the embedding matrix

    # latent attention (lessons 03 and 04)
    q_lora_rank: int | None = None  # None: queries are not compressed
    kv_lora_rank: int | None = None
    qk_nope_head_dim: int | None = None  # width of a head's part without positions
    qk_rope_head_dim: int | None = None  # width of a head's rotary part
    v_head_dim: int | None = None

    # YaRN: reading texts longer than those of the training (lesson 18)
    rope_factor: float | None = None  # how many times longer; None: no YaRN
    original_seq_len: int = 4096  # the length of the training
    beta_fast: float = 32.0  # pairs with more turns than this in the original length stay as they are
    beta_slow: float = 1.0  # pairs with fewer turns than this are slowed down by the whole factor
    mscale: float = 1.0  # the scores grow with (0.1 mscale ln(rope_factor) + 1)^2; 0: not at all
    rope_amplitude: float = 1.0  # ours; length of the turned pairs, 1 in all of DeepSeek's models
    rope_interleaved: bool = True  # ours; pairs are neighbours (DeepSeek); False: half against half

    # sparse attention (lesson 18); names of V3.2
    index_n_heads: int | None = None  # of the indexer that chooses
    index_head_dim: int | None = None  # its rotary part is as wide as a head's
    index_topk: int | None = None  # positions that a query looks at; None: all, and no indexer

    # experts (lessons 05 and 06)
    n_dense_layers: int = 0  # leading layers that keep a dense block
    n_routed_experts: int | None = None
    n_activated_experts: int | None = None  # per token
    n_shared_experts: int = 0  # see every token
    n_expert_groups: int = 1
    n_limited_groups: int = 1  # groups that the experts of one token may come from
    moe_inter_dim: int | None = None  # width of one expert
    score_func: ScoreFunction = "sigmoid"  # of an expert for a token; "softmax" in V2
    norm_topk: bool = True  # ours; the weights of a token's experts are divided by their sum
    group_score: GroupScore = "top2"  # ours; a group counts as its best two, or in V2 as its best: "max"
    route_scale: float = 1.0  # the weights are multiplied by this

    # predicting several tokens (lesson 08)
    n_mtp_layers: int = 0  # ours; modules behind the last layer, each one token further ahead

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "vocab_size", "dim", "n_layers", "n_heads", "max_seq_len")
        require_whole(self, "n_kv_heads", "head_dim", "inter_dim")
        require_whole(self, "n_dense_layers", "n_shared_experts", "n_mtp_layers", least=0)
        require_whole(self, "n_expert_groups", "n_limited_groups")
        require_above_zero(self, "norm_eps", "rope_amplitude", "route_scale")
        require_above_zero(self, "rope_theta", bound=1)
        check_latent_attention(self)
        check_indexer(self)
        if self.kv_lora_rank is None and self.head_dim is None and self.dim % self.n_heads:
            raise ValueError(
                f"dim={self.dim} does not split into n_heads={self.n_heads} heads; "
                "choose another number of heads or set head_dim"
            )
        if self.n_heads % self.kv_heads:
            raise ValueError(
                f"n_heads={self.n_heads} query heads cannot share n_kv_heads={self.kv_heads} "
                "key/value heads evenly"
            )
        if self.rope_width % 2:
            raise ValueError(
                f"rotary embedding turns pairs, so the head width must be even, got {self.rope_width}"
            )
        check_experts(self)

    @property
    def latent(self) -> LatentShape:
        """The widths of latent attention; ValueError for a model with plain attention."""
        widths = self.kv_lora_rank, self.qk_nope_head_dim, self.qk_rope_head_dim, self.v_head_dim
        return latent_shape(self.q_lora_rank, *widths)

    @property
    def indexer(self) -> IndexerShape:
        """The indexer of sparse attention; ValueError for a model that looks at everything."""
        return indexer_shape(self.index_n_heads, self.index_head_dim, self.index_topk)

    @property
    def routed(self) -> ExpertShape:
        """The routed experts; ValueError for a model without."""
        return expert_shape(self.n_routed_experts, self.n_activated_experts, self.moe_inter_dim)

    @property
    def expert_layers(self) -> range:
        """The layers that have experts: none, or all after the leading dense ones."""
        return range(0) if self.n_routed_experts is None else range(self.n_dense_layers, self.n_layers)

    @property
    def kv_heads(self) -> int:
        """Number of key/value heads: `n_kv_heads`, or `n_heads` where that is None."""
        return self.n_heads if self.n_kv_heads is None else self.n_kv_heads

    @property
    def width_per_head(self) -> int:
        """Width of one head in plain attention."""
        return self.dim // self.n_heads if self.head_dim is None else self.head_dim

    @property
    def rope_width(self) -> int:
        """Width of what is turned: the rotary part of a head, in plain attention the whole head."""
        return self.width_per_head if self.kv_lora_rank is None else self.latent.qk_rope_head_dim

    @property
    def ffn_dim(self) -> int:
        """Width of a dense block: `inter_dim`, or 8/3 of `dim` rounded up to a multiple of 8.

        A gated block has three matrices instead of two, so 8/3 instead of 4 keeps its parameters
        equal to those of the classic block.
        """
        return -(-8 * self.dim // 3 // 8) * 8 if self.inter_dim is None else self.inter_dim

    @classmethod
    def deepseek_v3(cls) -> "ModelConfig":
        """DeepSeek-V3's own figures."""
        return cls(**DEEPSEEK_V3)

    @classmethod
    def mini(cls) -> "ModelConfig":
        """Lesson 12's model: every idea of DeepSeek-V3 in 1.6 million parameters."""
        return cls(**MINI)
