"""What is trained, on what, and how: everything about a run but its seed."""

from dataclasses import dataclass
from typing import Literal

from lessons_lib.config.model import ModelConfig
from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.validation import require_not_negative, require_some, require_types, require_whole
from lessons_lib.precision import Recipe

# fmt: off
DomainName = Literal[
    "language_1", "language_2", "language_3",
    "arithmetic", "brackets", "copy", "recall", "periodic", "stories", "facts",
]
# fmt: on


@dataclass(frozen=True)
class WindowMLPConfig:
    """The shape of the model without attention that lesson 01 compares with; all sizes at least 1."""

    vocab_size: int
    window: int = 8  # tokens that it sees
    embed_dim: int = 32
    hidden_dim: int = 256
    max_seq_len: int = 128

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "vocab_size", "window", "embed_dim", "hidden_dim", "max_seq_len")


@dataclass(frozen=True)
class CorpusConfig:
    """Which corpus to build: `lessons_lib.corpus.build_corpus` reads this."""

    kind: Literal["mixed", "languages"] = "mixed"  # many kinds of domain, or order-2 Markov ones
    seed: int = 0  # of the languages' tables and of the facts, not of the windows drawn
    domains: tuple[DomainName, ...] | None = None  # mixed only; None: all
    n: int = 16  # languages only: how many

    def __post_init__(self) -> None:
        require_types(self)
        require_some(self, "domains")
        require_whole(self, "seed", least=0)
        require_whole(self, "n")
        if self.kind == "languages" and self.domains is not None:
            raise ValueError(f"domains={self.domains} name mixed ones; of the languages choose n")


@dataclass(frozen=True)
class TrainConfig:
    """One training run, but for its seed; invalid combinations raise ValueError."""

    model: ModelConfig | WindowMLPConfig
    corpus: CorpusConfig
    steps: int
    batch_size: int = 16  # windows per step
    length: int = 96  # scored tokens per window
    optimizer: OptimizerConfig = OptimizerConfig()
    bias_update_speed: float = 0.0  # experts: how far a step moves a routing bias; 0: not at all
    aux_alpha: float = 0.0  # experts: weight of the classic balance loss, averaged over layers
    seq_alpha: float = 0.0  # experts: weight of V3's sequence-wise balance loss, averaged over layers
    mtp_weight: float = 0.0  # MTP modules: lambda, the weight of their loss; 0: they do not learn
    recipe: Recipe | None = None  # rounds the products inside the blocks; None: FP32
    context: int | None = None  # show only the domain's tag and this many last tokens; None: all
    pool: int | None = None  # train on this many fixed windows only; None: fresh windows every step
    eval_every: int | None = None  # None: only at the end
    eval_windows: int = 512
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "steps", "batch_size", "length", "eval_windows", "checkpoint_every")
        require_whole(self, "context", "pool", "eval_every")
        if self.recipe is not None and not isinstance(self.model, ModelConfig):
            raise ValueError("a recipe rounds the products of a Transformer; this model is another one")
        if self.length > self.model.max_seq_len:
            raise ValueError(
                f"windows of length={self.length} do not fit max_seq_len={self.model.max_seq_len}"
            )
        self._check_balancing()
        self._check_multi_token()

    def _check_multi_token(self) -> None:
        modules = getattr(self.model, "n_mtp_layers", 0)
        require_not_negative(self, "mtp_weight")
        if self.mtp_weight and not modules:
            raise ValueError(f"mtp_weight={self.mtp_weight} trains MTP modules, but the model has none")
        if self.mtp_weight and self.length <= modules:
            raise ValueError(f"{modules} MTP modules need windows longer than length={self.length}")

    def _check_balancing(self) -> None:
        has_experts = isinstance(self.model, ModelConfig) and self.model.n_routed_experts is not None
        for name in ("bias_update_speed", "aux_alpha", "seq_alpha"):
            require_not_negative(self, name)
            if getattr(self, name) and not has_experts:
                raise ValueError(f"{name}={getattr(self, name)} balances experts, but the model has none")
