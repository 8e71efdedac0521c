"""What is done with a trained model's keys and values, and how it is trained on afterwards."""

from dataclasses import dataclass
from typing import Literal

from lessons_lib.config.optimizer import OptimizerConfig
from lessons_lib.config.training import TrainConfig
from lessons_lib.config.validation import require_types, require_whole

ConversionName = Literal["as it is", "averaged", "aligned", "one latent"]


@dataclass(frozen=True)
class UptrainConfig:
    """A trained model (`base`, with the run's seed), converted, and its further training."""

    base: TrainConfig
    conversion: ConversionName
    size: int | None = None  # sets of keys and values, or the latent's width; None for "as it is"
    steps: int = 50
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-3, warmup_steps=5)
    measured_at: tuple[int, ...] = (0, 5, 10, 20, 30, 50)  # steps taken
    eval_windows: int = 256

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "size", "steps", "eval_windows")
        if (self.size is None) != (self.conversion == "as it is"):
            raise ValueError(f"conversion={self.conversion!r} with size={self.size}: one needs the other")
        if not all(type(place) is int for place in self.measured_at):
            raise ValueError(f"measured_at must be whole numbers, got {self.measured_at}")
        places = list(self.measured_at)
        if places != sorted(set(places)) or not places or places[0] < 0 or places[-1] > self.steps:
            raise ValueError(
                f"measured_at={self.measured_at} must rise from 0 or above to steps={self.steps}"
            )
