"""Two optimizers on one model (lesson 19): which takes the hidden matrices, and at which rates."""

from dataclasses import dataclass
from typing import Literal

from lessons_lib.config.training import TrainConfig
from lessons_lib.config.validation import require_above_zero, require_types


@dataclass(frozen=True)
class RaceConfig:
    """One training run whose hidden matrices are moved by AdamW or by Muon; AdamW always moves the rest.

    `train.optimizer.learning_rate` is the peak of the hidden matrices' rate; embedding, head and the gains of
    norms have their own peak and follow the same curve.
    """

    train: TrainConfig
    optimizer: Literal["AdamW", "Muon"]
    rest_learning_rate: float

    def __post_init__(self) -> None:
        require_types(self)
        require_above_zero(self, "rest_learning_rate")
        if self.train.recipe is not None or self.train.mtp_weight or self.train.eval_every:
            raise ValueError("a race takes no recipe, no MTP modules and no evaluation on the way")
