"""A run that diverged ends with a sentence: nothing that is not finite is kept.

Losses and lengths of gradients, which a loop has anyway, are looked at in every step, the weights once at
the end: so the looking costs nothing.
"""

import math

from torch import nn


def require_finite(step: int, rate: float, **values: float) -> None:
    """Raise FloatingPointError if a named number of `step` (0 is the first) is nan or infinite.

    `rate` is the step's learning rate, which is what can be changed. Names may have `_` for a blank.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the {name.replace('_', ' ')} became {value} at step {step + 1}, "
                f"where the learning rate was {rate:.3g}; try a smaller learning_rate"
            )


def require_finite_weights(model: nn.Module, steps: int) -> None:
    """Raise FloatingPointError with name and value if a weight is nan or infinite after `steps` steps."""
    for name, weight in model.state_dict().items():
        if not weight.isfinite().all():
            value = weight[~weight.isfinite()][0].item()
            raise FloatingPointError(
                f"{name} holds {value} after step {steps}, the last; try a smaller learning_rate"
            )
