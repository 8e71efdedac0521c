"""Every hyperparameter of the course, as frozen dataclasses.

`ModelConfig` uses the names of `ModelArgs` in DeepSeek-V3's released `inference/model.py`, so that a
reader who opens that file afterwards feels at home. What only this course has (`n_kv_heads`,
`head_dim`, `norm_eps`, `tie_embeddings`) is marked. Where DeepSeek's file writes 0 for "not there",
we write None.
"""

from dataclasses import dataclass


def _require_positive(owner: object, *names: str) -> None:
    """Raise ValueError if one of the named whole numbers is below 1; None means "not there"."""
    for name in names:
        value = getattr(owner, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} must be a whole number, got {value!r}")
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


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
    q_lora_rank: int | None = None
    kv_lora_rank: int | None = None
    qk_nope_head_dim: int | None = None
    qk_rope_head_dim: int | None = None
    v_head_dim: int | None = None

    # experts (lessons 05 and 06)
    n_dense_layers: int = 0  # leading layers that keep a dense block
    n_routed_experts: int | None = None
    n_activated_experts: int | None = None
    n_shared_experts: int = 0
    n_expert_groups: int = 1
    n_limited_groups: int = 1
    moe_inter_dim: int | None = None  # width of one expert
    route_scale: float = 1.0

    def __post_init__(self) -> None:
        _require_positive(self, "vocab_size", "dim", "n_layers", "n_heads", "max_seq_len")
        _require_positive(self, "n_kv_heads", "head_dim", "inter_dim")
        if self.head_dim is None and self.dim % self.n_heads:
            raise ValueError(
                f"dim={self.dim} does not split into n_heads={self.n_heads} heads; "
                "choose another number of heads or set head_dim"
            )
        if self.n_heads % self.kv_heads:
            raise ValueError(
                f"n_heads={self.n_heads} query heads cannot share n_kv_heads={self.kv_heads} "
                "key/value heads evenly"
            )
        if self.kv_lora_rank is None and self.width_per_head % 2:
            raise ValueError(
                f"rotary embedding turns pairs, so the head width must be even, got {self.width_per_head}"
            )
        if not self.rope_theta > 1:
            raise ValueError(f"rope_theta must be above 1, got {self.rope_theta}")
        if not self.norm_eps > 0:
            raise ValueError(f"norm_eps must be above 0, got {self.norm_eps}")

    @property
    def kv_heads(self) -> int:
        """Number of key/value heads: `n_kv_heads`, or `n_heads` where that is None."""
        return self.n_heads if self.n_kv_heads is None else self.n_kv_heads

    @property
    def width_per_head(self) -> int:
        """Width of one head in plain attention."""
        return self.dim // self.n_heads if self.head_dim is None else self.head_dim

    @property
    def ffn_dim(self) -> int:
        """Width of a dense block: `inter_dim`, or 8/3 of `dim` rounded up to a multiple of 8.

        A gated block has three matrices instead of two, so 8/3 instead of 4 keeps its parameters
        equal to those of the classic block.
        """
        return -(-8 * self.dim // 3 // 8) * 8 if self.inter_dim is None else self.inter_dim

    @classmethod
    def deepseek_v3(cls) -> "ModelConfig":
        """DeepSeek-V3's own figures (report arXiv:2412.19437, section 4.2; `config_671B.json`)."""
        return cls(
            vocab_size=129_280,
            dim=7168,
            n_layers=61,
            n_heads=128,
            inter_dim=18_432,
            max_seq_len=4096,
            rope_theta=10_000.0,
            q_lora_rank=1536,
            kv_lora_rank=512,
            qk_nope_head_dim=128,
            qk_rope_head_dim=64,
            v_head_dim=128,
            n_dense_layers=3,
            n_routed_experts=256,
            n_activated_experts=8,
            n_shared_experts=1,
            n_expert_groups=8,
            n_limited_groups=4,
            moe_inter_dim=2048,
            route_scale=2.5,
        )


@dataclass(frozen=True)
class WindowMLPConfig:
    """The shape of the model without attention that lesson 01 compares with; all sizes at least 1."""

    vocab_size: int
    window: int = 8  # tokens that it sees
    embed_dim: int = 32
    hidden_dim: int = 256
    max_seq_len: int = 128

    def __post_init__(self) -> None:
        _require_positive(self, "vocab_size", "window", "embed_dim", "hidden_dim", "max_seq_len")


@dataclass(frozen=True)
class CorpusConfig:
    """Which corpus to build: `lessons_lib.corpus.build_corpus` reads this."""

    kind: str = "mixed"  # "mixed": many kinds of domain; "languages": order-2 Markov languages
    seed: int = 0  # of the languages' tables and of the facts, not of the windows drawn
    domains: tuple[str, ...] | None = None  # mixed only; None: all
    n: int = 16  # languages only: how many

    def __post_init__(self) -> None:
        if self.kind not in ("mixed", "languages"):
            raise ValueError(f'a corpus is of kind "mixed" or "languages", got {self.kind!r}')
        _require_positive(self, "n")


@dataclass(frozen=True)
class TrainConfig:
    """One training run, but for its seed; invalid combinations raise ValueError."""

    model: ModelConfig | WindowMLPConfig
    corpus: CorpusConfig
    steps: int
    batch_size: int = 16  # windows per step
    length: int = 96  # scored tokens per window
    learning_rate: float = 4e-3  # peak, reached after the warm-up
    min_lr_ratio: float = 0.1  # the cosine ends at this share of the peak
    warmup_steps: int = 40
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    grad_clip: float = 1.0
    context: int | None = None  # show only the domain's tag and this many last tokens; None: all
    pool: int | None = None  # train on this many fixed windows only; None: fresh windows every step
    eval_every: int | None = None  # None: only at the end
    eval_windows: int = 512
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        _require_positive(self, "steps", "batch_size", "length", "eval_windows", "checkpoint_every")
        _require_positive(self, "context", "pool", "eval_every")
        if self.length > self.model.max_seq_len:
            raise ValueError(
                f"windows of length={self.length} do not fit max_seq_len={self.model.max_seq_len}"
            )
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.min_lr_ratio <= 1:
            raise ValueError(f"min_lr_ratio must be between 0 and 1, got {self.min_lr_ratio}")
        if self.warmup_steps < 0:
            raise ValueError(f"warmup_steps cannot be negative, got {self.warmup_steps}")
