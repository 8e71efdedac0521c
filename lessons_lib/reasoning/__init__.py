"""How a model learns to think: advantages of a group of answers, and the loss that raises the better ones."""

from lessons_lib.reasoning.grpo import group_advantages, grpo_loss, kl_estimate

__all__ = [
    "group_advantages",
    "grpo_loss",
    "kl_estimate",
]
