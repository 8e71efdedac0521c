"""Two specialists into one student (lesson 19): how they are trained, and what the student learns from."""

from dataclasses import dataclass
from typing import Literal

from lessons_lib.config.muon import RaceConfig
from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.validation import require_types, require_whole

Text = Literal["teachers", "own"]
Signal = Literal["token", "forward", "reverse"]


@dataclass(frozen=True)
class SpecialistsConfig:
    """A base on all languages, and from it two specialists, each on one half of them."""

    base: RaceConfig
    specialist: RaceConfig

    def __post_init__(self) -> None:
        require_types(self)
        languages = self.base.train.corpus
        if languages.kind != "languages" or languages.n % 2 or languages != self.specialist.train.corpus:
            raise ValueError("base and specialists need one corpus of an even number of languages")
        if self.base.train.model != self.specialist.train.model:
            raise ValueError("a specialist goes on from the base, so both need the same model")


@dataclass(frozen=True)
class DistilConfig:
    """How a copy of the base learns from both specialists: on whose text, and from how much of their answer.

    `signal`: of each next token's distribution only the written token ("token"), or all of it, by the KL
    from the specialist ("forward", it covers) or from the student ("reverse", V4's, it seeks).
    """

    specialists: SpecialistsConfig
    text: Text
    signal: Signal
    steps: int = 60
    batch_size: int = 32  # texts per step
    optimizer: OptimizerConfig = OptimizerConfig(8e-3, 0.05, 10, 0.0)
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "steps", "batch_size", "checkpoint_every")
