"""Gradients of weights, computed later than the rest of the backward.

A product y = x Wᵀ has two gradients: that of x, which the layer before waits for, and that of W, which nobody
needs before the optimizer. `PutOff.linear` is handed to the model as its `linear`: its products give the
first at once, and put the second off while `collecting` is open, a job for whoever has time. So DeepSeek's
DualPipe does it, too (`WeightGradStore`). Norms, embedding, router and head are done at once: small, or last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.model.experts import grouped_linear

Job = tuple[nn.Parameter, Callable[[], Tensor]]  # a weight, and what computes its gradient


class PutOff:
    """Where gradients of weights are put off to."""

    def __init__(self) -> None:
        self._jobs: list[Job] | None = None

    @contextmanager
    def collecting(self) -> Iterator[list[Job]]:
        """Put weight gradients off into the list given, as long as this is open."""
        jobs: list[Job] = []
        self._jobs = jobs
        try:
            yield jobs
        finally:
            self._jobs = None

    def add(self, weight: nn.Parameter, job: Callable[[], Tensor]) -> Tensor | None:
        """Put a gradient off and return None, or return it at once where nobody collects."""
        if self._jobs is None:
            return job()
        self._jobs.append((weight, job))
        return None

    @property
    def linear(self) -> type[nn.Linear]:
        """Return the layer that a model uses in place of nn.Linear, without a bias."""
        put_off = self

        class LinearPutOff(nn.Linear):
            """A matrix whose weight gradient may be put off."""

            def forward(self, x: Tensor) -> Tensor:
                return _Product.apply(x, self.weight, put_off)

            @staticmethod
            def grouped(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
                """Multiply rows by their experts' matrices, see `model.experts.grouped_linear`."""
                return _GroupedProduct.apply(x, weight, ends, put_off)

        return LinearPutOff


def compute(jobs: list[Job]) -> None:
    """Add the gradients that were put off to their weights, in the order in which they came."""
    for weight, job in jobs:
        weight.grad = job() if weight.grad is None else weight.grad + job()
    jobs.clear()


class _Product(torch.autograd.Function):
    """x (..., in) times weight (out, in) transposed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, put_off: PutOff) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.put_off = put_off
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        job = lambda: grad.flatten(0, -2).T @ x.flatten(0, -2)  # noqa: E731
        return grad @ weight, ctx.put_off.add(weight, job), None


class _GroupedProduct(torch.autograd.Function):
    """Rows x (R, in), sorted by expert, times weight (E, out, in) transposed; `ends` (E,)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, ends: Tensor, put_off: PutOff) -> Tensor:
        ctx.save_for_backward(x, weight, ends)
        ctx.put_off = put_off
        return grouped_linear(x, weight, ends)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, weight, ends = ctx.saved_tensors

        def job() -> Tensor:
            cuts = ends[:-1].cpu().long()
            pieces = zip(grad.tensor_split(cuts), x.tensor_split(cuts), strict=True)
            return torch.stack([out.T @ rows for out, rows in pieces])

        return grouped_linear(grad, weight.transpose(1, 2), ends), ctx.put_off.add(weight, job), None, None
