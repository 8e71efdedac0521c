"""How weights follow gradients: what every kind of training here has in common."""

from dataclasses import dataclass

from lessons_lib.config.validation import (
    require_above_zero,
    require_not_negative,
    require_shares,
    require_types,
    require_whole,
)


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW and the rate of its steps; impossible values raise ValueError. Defaults: pre-training's."""

    learning_rate: float = 4e-3  # peak, reached after the warm-up
    min_lr_ratio: float = 0.1  # the cosine ends at this share of the peak; 1: the rate stays at the peak
    warmup_steps: int = 40
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    grad_clip: float = 1.0  # longest gradient; longer ones are cut to this length

    def __post_init__(self) -> None:
        require_types(self)
        require_above_zero(self, "learning_rate")
        require_shares(self, "min_lr_ratio")
        require_whole(self, "warmup_steps", least=0)
        require_not_negative(self, "weight_decay")
        if not all(isinstance(beta, (int, float)) and 0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be two numbers from 0 to below 1, got {self.betas}")
        if isinstance(self.grad_clip, bool) or not isinstance(self.grad_clip, (int, float)):
            raise ValueError(f"grad_clip must be a number, got {self.grad_clip!r}")
        if not self.grad_clip > 0:
            raise ValueError(
                f"grad_clip must be above 0 (infinite: nothing is clipped), got {self.grad_clip}"
            )
