"""Exercises whose function returns a loss: the gradient that it hands back counts as much as its value.

Two formulas for a loss can agree in every value and train a model differently, when something is counted
in one and differentiable in the other. So such a function is called with a first argument that asks for a
gradient, and what is compared is the pair of loss and gradient.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import CHECK_SECONDS, Exercise, Verdict
from lessons_lib.checks.limits import GRACE


def with_gradient(loss_function: Callable[..., Any]) -> Callable[..., tuple[Any, Tensor]]:
    """Return a function that gives the loss and its gradient with respect to the first argument.

    What is not a loss is returned as it is, beside a gradient of zeros: its type or shape is named then.
    """

    @functools.wraps(loss_function)
    def pair(first: Tensor, *others: Any) -> tuple[Any, Tensor]:
        with torch.enable_grad():
            leaf = first.detach().clone().requires_grad_()
            given = leaf * 1  # a leaf would refuse to be written into; this way it is seen
            loss, gradient = loss_function(given, *others), None
            if isinstance(loss, Tensor) and loss.shape == () and loss.requires_grad:
                (gradient,) = torch.autograd.grad(loss, leaf, allow_unused=True)
        first.data = given.detach()  # what was written into it is the caller's to find
        return loss, torch.zeros_like(leaf) if gradient is None else gradient

    return pair


@dataclass(frozen=True)
class LossExercise(Exercise):
    """One whose oracle and misconceptions give (loss, gradient), and whose attempts give the loss alone."""

    def judge(self, attempt: Callable, limit: float = CHECK_SECONDS, grace: float = GRACE) -> Verdict:
        """Judge the loss of `attempt` and its gradient on fresh cases, within `limit` seconds."""
        return super().judge(with_gradient(attempt) if callable(attempt) else attempt, limit, grace)
