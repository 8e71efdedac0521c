"""How a telephone book is learned by heart (lesson 05): everything about a run but its seed."""

from dataclasses import dataclass

from lessons_lib.config.model import ModelConfig
from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.validation import require_not_negative, require_types, require_whole

SYMBOLS, LINE = 36, 6  # 26 letters and ten digits; a name of three letters, a number of three digits
NAMES = 26**3


@dataclass(frozen=True)
class BookConfig:
    """One model that reads one book again and again; invalid combinations raise ValueError."""

    model: ModelConfig
    entries: int  # lines of the book, each with a name of its own
    steps: int = 800
    batch_size: int = 256  # lines per step
    aux_alpha: float = 0.0  # experts: weight of the classic balance loss, averaged over layers
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=1e-2, min_lr_ratio=0.02, warmup_steps=20, weight_decay=0.0
    )
    checkpoint_every: int = 400

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "entries", "steps", "batch_size", "checkpoint_every")
        require_not_negative(self, "aux_alpha")
        if self.entries > NAMES:
            raise ValueError(f"there are {NAMES:,} names of three letters, not entries={self.entries:,}")
        if self.model.vocab_size < SYMBOLS or self.model.max_seq_len < LINE:
            raise ValueError(
                f"a line has {LINE} of {SYMBOLS} symbols; the model takes {self.model.max_seq_len} of "
                f"{self.model.vocab_size}"
            )
        if self.aux_alpha and self.model.n_routed_experts is None:
            raise ValueError(f"aux_alpha={self.aux_alpha} balances experts, but the model has none")
