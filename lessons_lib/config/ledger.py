"""A ledger of notes, how a reader of it is trained, and how its indexer is taught (lesson 18)."""

import math
from dataclasses import dataclass
from typing import Literal

from lessons_lib.config.model import ModelConfig
from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.validation import require_above_zero, require_shares, require_types, require_whole

LETTERS, DIGITS = 26, 10


@dataclass(frozen=True)
class LedgerConfig:
    """The shape of a ledger: `boxes` of `letters`, each with `notes`, and what the notes may say."""

    boxes: int = 8
    notes: int = 14  # of each box
    right: float = 0.4  # chance that a note tells the box's value; else it tells any of the values
    values: int = 4
    letters: int = 8  # that boxes are named by

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "boxes", "notes", "values", "letters")
        require_shares(self, "right")
        if not self.boxes <= self.letters <= LETTERS:
            raise ValueError(f"letters={self.letters} must name boxes={self.boxes} and be at most {LETTERS}")
        if self.values > DIGITS:
            raise ValueError(f"values={self.values}: a value is one of {DIGITS} digits")

    @property
    def length(self) -> int:
        """Tokens of a ledger: a tag, two for each note, three for each question."""
        return 1 + 2 * self.boxes * self.notes + 3 * self.boxes


def clean(boxes: int, notes: int, letters: int) -> LedgerConfig:
    """Return a ledger whose notes are all right."""
    return LedgerConfig(boxes, notes, 1.0, 4, letters)


READER_OF_LEDGERS = ModelConfig(
    vocab_size=106,
    dim=64,
    n_layers=2,
    n_heads=4,
    inter_dim=128,
    max_seq_len=256,
    rope_theta=100.0,
    kv_lora_rank=32,
    qk_nope_head_dim=16,
    qk_rope_head_dim=16,
    v_head_dim=16,
)


@dataclass(frozen=True)
class ReaderConfig:
    """A model that learns to look up in small clean ledgers, one size after the other, then reads long ones.

    A size is passed where the last `passed_over` steps were right in `passed_at` of their answers; a start
    that needs more than `patience` steps for one size is thrown away and another is drawn.
    """

    ledger: LedgerConfig = LedgerConfig()
    model: ModelConfig = READER_OF_LEDGERS
    growth: tuple[LedgerConfig, ...] = (clean(2, 2, 2), clean(3, 2, 4), clean(4, 3, 6), clean(4, 4, 8))
    passed_at: float = 0.97
    passed_over: int = 30
    patience: int = 300
    starts: int = 8  # at most
    growth_batch: int = 16
    common: float = 0.7  # scale of one random vector that all embeddings have in common at the start
    growth_optimizer: OptimizerConfig = OptimizerConfig(min_lr_ratio=1.0, weight_decay=0.0)
    steps: int = 350  # on long ledgers
    batch_size: int = 8
    optimizer: OptimizerConfig = OptimizerConfig(min_lr_ratio=0.05, warmup_steps=10, weight_decay=0.0)
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "passed_over", "patience", "starts", "growth_batch", "steps", "batch_size")
        require_whole(self, "checkpoint_every")
        require_shares(self, "passed_at")
        longest = max(one.length for one in (self.ledger, *self.growth))
        if longest > self.model.max_seq_len:
            raise ValueError(
                f"a ledger of {longest} tokens does not fit max_seq_len={self.model.max_seq_len}"
            )


@dataclass(frozen=True)
class IndexerConfig:
    """An indexer that is taught alone, by the attention of a reader that stays as it is."""

    reader: ReaderConfig = ReaderConfig()
    index_n_heads: int = 8
    index_head_dim: int = 32
    index_topk: int = 32
    steps: int = 150
    batch_size: int = 8
    asked_weight: float = 1.0  # how often the row of a question counts in the KL; any other counts once
    target: Literal["sum", "most"] = "sum"  # of all heads' attention: V3.2 sums; or what any head gives most
    optimizer: OptimizerConfig = OptimizerConfig(
        1e-2, min_lr_ratio=0.05, warmup_steps=20, weight_decay=0.0, grad_clip=math.inf
    )
    judged_at: tuple[int, ...] = (8, 16, 32, 64)  # positions kept
    judged_on: int = 48  # ledgers
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "index_n_heads", "index_head_dim", "index_topk", "steps", "batch_size")
        require_whole(self, "judged_on", "checkpoint_every")
        require_above_zero(self, "asked_weight")


@dataclass(frozen=True)
class SparseConfig:
    """How a reader with a taught indexer goes on learning while it looks at chosen positions alone.

    `among_kept`: the indexer's KL is taken among the positions that are kept (V3.2), else among all.
    """

    indexer: IndexerConfig = IndexerConfig()
    among_kept: bool = True
    steps: int = 100
    batch_size: int = 8
    optimizer: OptimizerConfig = OptimizerConfig(
        3e-4, min_lr_ratio=0.05, warmup_steps=20, weight_decay=0.0
    )  # of all weights but the indexers'
    index_optimizer: OptimizerConfig = OptimizerConfig(
        1e-3, min_lr_ratio=0.05, warmup_steps=20, weight_decay=0.0, grad_clip=math.inf
    )

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "steps", "batch_size")
