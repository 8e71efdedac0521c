"""How a model that was trained on short texts is made to read longer ones (lesson 18)."""

from dataclasses import dataclass
from typing import Literal

from lessons_lib.config.model import ModelConfig
from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.training import TrainConfig
from lessons_lib.config.validation import require_types, require_whole

Way = Literal["usual angles", "all slowed", "YaRN"]


@dataclass(frozen=True)
class StretchConfig:
    """A trained model (`base`, with the run's seed), its angles on longer texts, and its further training.

    "all slowed" divides every pair's angle by `factor` (position interpolation); YaRN's ramp lies between
    `beta_slow` and `beta_fast` turns, and with `mscale` 0 it leaves the scores as they are.
    """

    base: TrainConfig
    way: Way = "YaRN"
    factor: int = 4  # how many times longer than the base's texts
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    mscale: float = 0.0
    steps: int = 0  # on texts of the full length
    batch_size: int = 4
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-3, warmup_steps=5)
    texts: int = 96  # held out, to measure on

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "factor", "batch_size", "texts")
        require_whole(self, "steps", least=0)
        if not isinstance(self.base.model, ModelConfig):
            raise ValueError("angles are a Transformer's; the base is another model")
        if self.way != "YaRN" and self.mscale:
            raise ValueError(f"mscale={self.mscale} is YaRN's; the way is {self.way!r}")
