"""R1's recipe in miniature: what is curated, tuned on, rewarded; and what a student is taught with."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.reasoning import BaseConfig, HuntConfig, RLConfig
from lessons_lib.config.validation import (
    require_finite,
    require_some,
    require_types,
    require_whole,
)

# Two tasks, six doors and four, and a corpus of two kinds of writers. A quarter of the solutions with six
# doors search in order, to the end; the others guess, or search blindly and give up. Those who search draw
# the language of every word anew, of the others' thoughts one in ten does.
SEARCHERS = HuntConfig(direct=0.0, go_on=1.0, systematic=0.0, ordered=1.0, german=0.5, mixed=1.0)
OTHERS = HuntConfig(direct=0.6, systematic=0.0, german=0.5, mixed=0.1)
SMALLER_HUNT = replace(OTHERS, doors=4)

StageName = Literal["R1-Zero", "cold start", "first RL", "rejection sampling", "last RL"]
STAGES: tuple[StageName, ...] = get_args(StageName)


@dataclass(frozen=True)
class TracesConfig:
    """Fine-tuning on a fixed set of traces, drawn from in random order."""

    steps: int = 60
    batch_size: int = 64
    optimizer: OptimizerConfig = OptimizerConfig(1e-3, warmup_steps=5, weight_decay=0.0)

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "steps", "batch_size")


@dataclass(frozen=True)
class R1Config:
    """All stages of the recipe; each is run with the recipe's own seed.

    `tasks` are the hunts of the rejection sampling and the last RL; the RL before has the first one only.
    """

    base: BaseConfig = BaseConfig(hunts=(SEARCHERS, OTHERS, OTHERS, OTHERS, SMALLER_HUNT), steps=700)
    tasks: tuple[HuntConfig, ...] = (OTHERS, SMALLER_HUNT)  # of which only the problems count
    curated: int = 200  # traces of the cold start
    cold_start: TracesConfig = TracesConfig(steps=40)
    rl_steps: int = 40
    language_weight: float = 0.2  # of the language reward, from the first RL on; R1-Zero has none
    asked: int = 128  # training problems of each task, answered for the rejection sampling
    samples: int = 8  # answers to each
    tuning: TracesConfig = TracesConfig(steps=80)
    last_steps: int = 30
    judged: int = 256  # held-out problems that a stage is judged by, per task

    def __post_init__(self) -> None:
        require_whole(self, "curated", "rl_steps", "asked", "samples", "last_steps", "judged")
        require_types(self)
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
        require_types(self)


Way = Literal["traces", "reward", "corpus"]
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True)
class StudentConfig:
    """A model that goes on learning: from a teacher, from rewards, or from more of what it has read.

    "traces": fine-tuned on what a teacher, the model after the plan's first RL, wrote and a verifier took;
    "reward": RL of its own; "corpus": as many more updates on its own corpus as "traces" has, the control.
    """

    way: Way
    plan: R1Config = R1Config()
    base: BaseConfig | None = None  # what the student is before; None: as the plan's
    teacher: int = 0  # the seed of the plan whose first RL's model writes the traces
    rl_steps: int = 120
    traces: TracesConfig = TracesConfig(steps=200, batch_size=64)

    def __post_init__(self) -> None:
        require_whole(self, "rl_steps")
        require_whole(self, "teacher", least=0)
        require_types(self)

    @property
    def start(self) -> BaseConfig:
        """The base that the student starts from, of the student's own seed."""
        return self.plan.base if self.base is None else self.base
