"""Learning to reason: the problems, the base that has read worked traces, and the learning by reward."""

from dataclasses import dataclass, field
from typing import Literal

from lessons_lib.config.model import ModelConfig
from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.validation import (
    require_above_zero,
    require_finite,
    require_not_negative,
    require_shares,
    require_some,
    require_types,
    require_whole,
)

Language = Literal["english", "german"]
Advantage = Literal["group", "reward", "correct"]
Aggregation = Literal["grpo", "bnpo", "dr_grpo", "dapo"]
Level = Literal["token", "sequence"]


@dataclass(frozen=True)
class HuntConfig:
    """A treasure hunt and how its corpus searches (see `corpus/hunts.py`)."""

    doors: int = 6
    lookups: int = 1  # 1: door, room, content; 2: a chest between the room and the content
    max_tries: int = 8  # of a thought in the corpus
    direct: float = 0.5  # share of solutions that guess without a thought
    go_on: float = 0.75  # probability of another try after a cross
    systematic: float = 0.3  # share of the searchers that never try a door twice
    ordered: float = 0.0  # share of the searchers that try d0, d1, d2, ...
    practice: float = 0.5  # share of lines that only practise reading
    practice_reads: int = 8  # doors read in such a line
    german: float = 0.0  # share of the thoughts of one language that are in the second one
    mixed: float = 0.0  # share of the thoughts that draw the language of every word

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "doors", "lookups", "max_tries", "practice_reads")
        require_shares(self, "direct", "go_on", "systematic", "ordered", "practice", "german", "mixed")
        if self.doors > 8 or self.doors < 2 or self.lookups > 2:
            raise ValueError(
                f"a hunt has 2 to 8 doors and 1 or 2 lookups, got doors={self.doors}, lookups={self.lookups}"
            )
        if self.systematic + self.ordered > 1:
            raise ValueError(
                f"systematic and ordered are shares of the same searchers, together at most 1: "
                f"got {self.systematic} and {self.ordered}"
            )

    @property
    def prompt_length(self) -> int:
        """Tokens of a prompt."""
        return 2 * self.doors * (self.lookups + 1) + 1

    @property
    def longest(self) -> int:
        """Tokens of the longest line of the corpus, prompt and <eos> included: a solution, or practice."""
        solution = 5 + self.max_tries * (self.lookups + 3)
        return self.prompt_length + max(solution, self.practice_reads * (self.lookups + 2) + 1)


# The smaller sibling of the course's model: two layers of latent attention. Embeddings start at scale 1, the
# rotary base suits texts of a hundred tokens.
REASONER = ModelConfig(
    vocab_size=40,
    dim=64,
    n_layers=2,
    n_heads=4,
    inter_dim=128,
    max_seq_len=128,
    rope_theta=100.0,
    kv_lora_rank=32,
    qk_nope_head_dim=16,
    qk_rope_head_dim=16,
    v_head_dim=16,
)


@dataclass(frozen=True)
class BaseConfig:
    """A base: a model that has read worked traces and nothing else."""

    hunts: tuple[HuntConfig, ...] = (HuntConfig(),)  # read in equal shares
    model: ModelConfig = REASONER
    steps: int = 650
    batch_size: int = 128
    optimizer: OptimizerConfig = OptimizerConfig(3e-3, warmup_steps=50, weight_decay=0.0)
    check_every: int = 50  # how often reading is measured
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "steps", "batch_size", "check_every", "checkpoint_every")
        require_some(self, "hunts")
        longest = max(hunt.longest for hunt in self.hunts)
        if longest > self.model.max_seq_len:
            raise ValueError(
                f"a line may have {longest} tokens, which do not fit max_seq_len={self.model.max_seq_len}"
            )


@dataclass(frozen=True)
class RLConfig:
    """Learning from rewards by rule, starting from a base."""

    base: BaseConfig = field(default_factory=BaseConfig)  # trained with the run's own seed
    tasks: tuple[HuntConfig, ...] | None = None  # one a step, in turn; None: those of the base
    steps: int = 100
    problems: int = 16  # per step
    group_size: int = 16  # samples of each problem
    max_new: int = 60  # tokens of an answer
    temperature: float = 1.0
    optimizer: OptimizerConfig = OptimizerConfig(5e-4, min_lr_ratio=1.0, warmup_steps=5, weight_decay=0.0)
    accuracy_weight: float = 1.0
    format_weight: float = 0.1
    language_weight: float = 0.0  # of the share of the wanted language, paid to right answers and wrong ones
    wanted_language: Language = "english"
    advantage: Advantage = "group"  # "group": less its mean; "reward": as it is; "correct": 1 if right
    normalize_std: bool = True  # divide a group's advantages by their standard deviation
    aggregation: Aggregation = "bnpo"  # of tokens, see `grpo_loss`; "bnpo": all weigh the same
    level: Level = "token"
    clip_low: float = 0.2
    clip_high: float = 0.2
    updates: int = 1  # passes over one step's samples; with 1 the ratio is 1 and nothing is clipped
    beta: float = 0.0  # weight of the KL to the base
    eval_every: int | None = None  # None: only the samples that are learned from are judged
    eval_problems: int = 64
    checkpoint_every: int = 20

    def __post_init__(self) -> None:
        require_whole(self, "steps", "problems", "group_size", "max_new", "updates", "checkpoint_every")
        require_whole(self, "eval_every", "eval_problems")
        require_types(self)
        require_some(self, "tasks")
        require_finite(self, "accuracy_weight", "format_weight", "language_weight")
        require_not_negative(self, "clip_low", "clip_high", "beta")
        require_above_zero(self, "temperature")
        if self.advantage == "group" and self.group_size < 2:
            raise ValueError("a group of 1 has no mean to be compared with: group_size must be at least 2")
        require_room(self, self.max_new)

    @property
    def hunts(self) -> tuple[HuntConfig, ...]:
        """The tasks learned on."""
        return self.base.hunts if self.tasks is None else self.tasks


def require_room(config: RLConfig, max_new: int) -> None:
    """Refuse answers of `max_new` tokens that do not fit the model behind the longest of the prompts."""
    needed = max(hunt.prompt_length for hunt in config.hunts) + max_new
    if needed > config.base.model.max_seq_len:
        raise ValueError(
            f"a prompt and max_new={max_new} tokens are {needed}, which do not fit "
            f"max_seq_len={config.base.model.max_seq_len}"
        )
