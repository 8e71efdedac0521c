"""AdamW as DeepSeek-V3 used it: betas 0.9 and 0.95, weight decay 0.1, gradients clipped at 1.

Two ideas:
  decay      shrinks matrices (two dimensions or more; the embedding, routers and stacked experts among
             them, also an expert that had no token), not the gains of norms: a gain pulled to 0 would
             silence its layer. The report gives only the number 0.1; which parameters it meant is not
             said, and this is the usual reading;
  schedule   a straight warm-up, because Adam's first averages are noise, then half a cosine down to
             `min_lr_ratio` of the peak. V3 stays at its peak for 10 of 14.8 trillion tokens before its
             cosine; a run of minutes has no time to.

Source: DeepSeek-V3 report, arXiv:2412.19437, section 4.2; AdamW: Loshchilov and Hutter, 2019.
"""

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from lessons_lib.config import OptimizerConfig
from lessons_lib.runs.finite import require_finite
from lessons_lib.signatures import checked


@runtime_checkable
class Training(Protocol):
    """The configuration of any training: how many steps, and how each is taken."""

    @property
    def steps(self) -> int: ...

    @property
    def optimizer(self) -> OptimizerConfig: ...


def descend(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, step: int, config: Training
) -> float:
    """Take one step down the gradient of `loss`, clipped, at the rate of `step` (0 is the first).

    Returns the loss. Raises FloatingPointError, before any weight has moved, where the loss or the length
    of its gradient is not finite.
    """
    rate, value = learning_rate(step, config), loss.item()
    optimizer.zero_grad()
    loss.backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.grad_clip).item()
    require_finite(step, rate, loss=value, length_of_the_gradient=length)
    set_learning_rate(optimizer, rate)
    optimizer.step()
    return value


@checked()
def make_optimizer(model: nn.Module, config: Training) -> torch.optim.AdamW:
    """Return AdamW over `model`'s parameters; `set_learning_rate` fills in the rate of each step."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.optimizer.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    # fused: one pass over memory per parameter, where the plain form makes about ten
    rate, betas = config.optimizer.learning_rate, config.optimizer.betas
    return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True)


@checked(step="0..")
def learning_rate(step: int, config: Training) -> float:
    """Return the learning rate of `step` (0 is the first): warm-up, then cosine to the last step.

    With `min_lr_ratio=1` the rate stays at the peak, as in learning by reward.
    """
    peak, warmup = config.optimizer.learning_rate, config.optimizer.warmup_steps
    ratio = config.optimizer.min_lr_ratio
    if ratio == 1:  # a share of the peak: the other order of these operations rounds differently
        return peak * min(1.0, (step + 1) / max(1, warmup))
    if step < warmup:
        return peak * (step + 1) / warmup
    after = max(1, config.steps - 1 - warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / after)))
    return peak * (ratio + (1 - ratio) * cosine)


@checked(rate="0..")
def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use `rate` for the optimizer's next step, in all its parameter groups."""
    for group in optimizer.param_groups:
        group["lr"] = rate
