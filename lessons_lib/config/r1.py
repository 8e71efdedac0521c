"""R1's recipe in miniature: what is curated, tuned on, rewarded; and what a student is taught with."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from lessons_lib.config.model import ModelConfig
from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.reasoning import REASONER, BaseConfig, HuntConfig, RLConfig
from lessons_lib.config.validation import (
    require_above_zero,
    require_choices,
    require_finite,
    require_some,
    require_whole,
)

# Two tasks, six doors and four. Their corpus speaks two languages, and half of its thoughts draw the
# language of every word anew.
TWO_TONGUES = HuntConfig(german=0.5, mixed=0.5)
SMALLER_HUNT = replace(TWO_TONGUES, doors=4)

StageName = Literal["R1-Zero", "cold start", "first RL", "rejection sampling", "last RL"]
STAGES: tuple[StageName, ...] = get_args(StageName)


@dataclass(frozen=True)
class TracesConfig:
    """Fine-tuning on a fixed set of traces, drawn from in random order."""

    steps: int = 60
    batch_size: int = 64
    optimizer: OptimizerConfig = OptimizerConfig(1e-3, warmup_steps=5, weight_decay=0.0)

    def __post_init__(self) -> None:
        require_whole(self, "steps", "batch_size")


@dataclass(frozen=True)
class R1Config:
    """All stages of the recipe; each is run with the recipe's own seed.

    `tasks` are the hunts of the rejection sampling and the last RL; the RL before has the first one only.
    """

    base: BaseConfig = BaseConfig(hunts=(TWO_TONGUES, TWO_TONGUES, SMALLER_HUNT), steps=700)
    tasks: tuple[HuntConfig, ...] = (TWO_TONGUES, SMALLER_HUNT)
    curated: int = 200  # traces of the cold start
    cold_start: TracesConfig = TracesConfig(steps=40)
    rl_steps: int = 30
    language_weight: float = 0.2  # of the language reward, from the first RL on; R1-Zero has none
    asked: int = 128  # training problems of each task, answered for the rejection sampling
    samples: int = 8  # answers to each
    tuning: TracesConfig = TracesConfig(steps=80)
    last_steps: int = 30
    judged: int = 256  # held-out problems that a stage is judged by, per task

    def __post_init__(self) -> None:
        require_whole(self, "curated", "rl_steps", "asked", "samples", "last_steps", "judged")
        require_some(self, "tasks")
        require_finite(self, "language_weight")
        for stage in ("R1-Zero", "first RL", "last RL"):
            self.rl(stage)  # refuses now what its learning by reward would refuse

    def rl(self, stage: str) -> RLConfig:
        """Return what the RL of `stage` learns with; ValueError for a stage without RL."""
        common = RLConfig(base=self.base, tasks=self.tasks[:1], steps=self.rl_steps)
        if stage == "R1-Zero":
            return common
        if stage == "first RL":
            return replace(common, language_weight=self.language_weight)
        if stage == "last RL":
            weight = self.language_weight
            return replace(common, tasks=self.tasks, steps=self.last_steps, language_weight=weight)
        raise ValueError(f"stage {stage!r} has no RL; R1-Zero, first RL and last RL have")


@dataclass(frozen=True)
class StageConfig:
    """One stage of a recipe; those that it rests on are made, or loaded, on the way."""

    name: StageName
    plan: R1Config = R1Config()

    def __post_init__(self) -> None:
        require_choices(self)


# A quarter of the teacher's parameters. So small a model reads later, and wants a higher rate for it.
STUDENT = replace(REASONER, dim=40, n_heads=2, inter_dim=32, kv_lora_rank=16)
Way = Literal["traces", "reward", "corpus"]
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True)
class StudentConfig:
    """A small model that has read the same corpus, and how it goes on learning.

    "traces": fine-tuned on what its teacher wrote and a verifier accepted; "reward": RL of its own; "corpus":
    as many more updates on the corpus, the control.
    """

    way: Way
    plan: R1Config = R1Config()  # the teacher is its first RL's model
    model: ModelConfig = STUDENT
    base_steps: int = 900
    base_learning_rate: float = 5e-3
    rl_steps: int = 40
    traces: TracesConfig = TracesConfig(steps=200, batch_size=64)

    def __post_init__(self) -> None:
        require_whole(self, "base_steps", "rl_steps")
        require_above_zero(self, "base_learning_rate")
        require_choices(self)
