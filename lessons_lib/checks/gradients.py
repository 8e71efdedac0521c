"""Exercises whose function returns a loss or weights: the gradient handed back counts as much as the value.

Two formulas for a loss can agree in every value and train a model differently, when something is counted
in one and differentiable in the other; and a router learns only if a gradient comes back through the
weights. So such a function is called with a first argument that asks for a gradient, and what is compared
is the result and the gradient of the loss, or of the sum of the weights.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def with_gradient(
    function: Callable[..., Any],
    loss_of: Callable[[Any], Any] = lambda result: result,
    n: int = 1,
) -> Callable[..., tuple[Any, ...]]:
    """Return a function that gives the result and its loss's gradients by the first `n` arguments.

    Where there is no loss, the result stands beside gradients of zeros: its type or shape is named then.
    """

    @functools.wraps(function)
    def observed(*arguments: Any) -> tuple[Any, ...]:
        with torch.enable_grad():
            leaves = [x.detach().clone().requires_grad_() for x in arguments[:n]]
            given = [leaf * 1 for leaf in leaves]  # a leaf would refuse to be written into
            gradients: tuple[Tensor | None, ...] = (None,) * n
            result = function(*given, *arguments[n:])
            loss = loss_of(result)
            if isinstance(loss, Tensor) and loss.shape in ((), (1,)) and loss.requires_grad:
                gradients = torch.autograd.grad(loss.reshape(()), leaves, allow_unused=True)
        for argument, now in zip(arguments, given, strict=False):
            argument.data = now.detach()  # what was written into it is the caller's to find
        zeros = map(torch.zeros_like, leaves)
        return result, *(z if g is None else g for z, g in zip(zeros, gradients, strict=True))

    return observed


def with_weights_gradient(function: Callable[..., Any]) -> Callable[..., tuple[Any, Tensor]]:
    """Do so for a function whose last result are weights, of which the sum stands for a loss."""
    return with_gradient(function, sum_of_weights)


def sum_of_weights(result: Any) -> Any:
    """Return the sum of the weights, the last of several results; None if there are none."""
    last = result[-1] if isinstance(result, (tuple, list)) and result else None
    return last.sum() if isinstance(last, Tensor) else None
