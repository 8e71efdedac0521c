"""Exercises whose function returns a loss or weights: the gradient handed back counts as much as the value.

Two formulas for a loss can agree in every value and train a model differently, when something is counted
in one and differentiable in the other; and a router learns only if a gradient comes back through the
weights. So such a function is called with a first argument that asks for a gradient, and what is compared
is the result and the gradient of the loss, or of the sum of the weights.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import CHECK_SECONDS, Exercise, Verdict
from lessons_lib.checks.compare import find_type_fault
from lessons_lib.checks.limits import GRACE


def sum_of_weights(result: Any) -> Any:
    """Return the sum of the weights, the last of several results; None if there are none."""
    last = result[-1] if isinstance(result, (tuple, list)) and result else None
    return last.sum() if isinstance(last, Tensor) else None


def with_gradient(
    function: Callable[..., Any], loss_of: Callable[[Any], Any] = lambda result: result
) -> Callable[..., tuple[Any, Tensor]]:
    """Return a function that gives the result and its loss's gradient with respect to the first argument.

    Where there is no loss, the result stands beside a gradient of zeros: its type or shape is named then.
    """

    @functools.wraps(function)
    def pair(first: Tensor, *others: Any) -> tuple[Any, Tensor]:
        with torch.enable_grad():
            leaf = first.detach().clone().requires_grad_()
            given = leaf * 1  # a leaf would refuse to be written into; this way it is seen
            result, gradient = function(given, *others), None
            loss = loss_of(result)
            if isinstance(loss, Tensor) and loss.shape == () and loss.requires_grad:
                (gradient,) = torch.autograd.grad(loss, leaf, allow_unused=True)
        first.data = given.detach()  # what was written into it is the caller's to find
        return result, torch.zeros_like(leaf) if gradient is None else gradient

    return pair


@dataclass(frozen=True)
class LossExercise(Exercise):
    """One whose oracle and misconceptions give (loss, gradient), and whose attempts give the loss alone."""

    def judge(self, attempt: Callable, limit: float = CHECK_SECONDS, grace: float = GRACE) -> Verdict:
        """Judge the loss of `attempt` and its gradient on fresh cases, within `limit` seconds."""
        return super().judge(with_gradient(attempt) if callable(attempt) else attempt, limit, grace)


@dataclass(frozen=True)
class WeightExercise(Exercise):
    """One whose attempts give several results, weights last; oracle and misconceptions add the gradient."""

    def judge(self, attempt: Callable, limit: float = CHECK_SECONDS, grace: float = GRACE) -> Verdict:
        """Judge what `attempt` returns and the gradient of its weights' sum, within `limit` seconds."""
        judged = with_gradient(attempt, sum_of_weights) if callable(attempt) else attempt
        return super().judge(judged, limit, grace)

    def _find_fault(self, result: Any, arguments: tuple) -> tuple[tuple[str, str] | None, Any]:
        """Find a fault of what was returned first: a gradient is nothing that a reader should return."""
        returned, gradient = result
        fault = find_type_fault(returned, self.oracle(*arguments)[:-1], self.returns[:-1])
        return (fault, result) if fault else super()._find_fault((*returned, gradient), arguments)
