"""Count how many of a step's floating-point operations went through quantised products.

All matrix products are counted, attention's two among them (its whole square, masked half included, as
torch's own counter has it): torch counts what runs, the quantised layers report what of it was theirs.
Forward and backward both count, if both are run inside the `with`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count


@dataclass
class Flops:
    """Floating-point operations of matrix products: a multiplication and an addition each are two."""

    quantized: int = 0
    total: int = 0

    @property
    def share(self) -> float:
        """The quantised part of all, 0 to 1."""
        if not self.total:
            raise ValueError("no matrix product was counted, so none of them can be a share")
        return self.quantized / self.total


_counting: list[Flops] = []  # the counts that are open at this moment, innermost last


@contextmanager
def count_flops() -> Iterator[Flops]:
    """Count inside `with count_flops() as flops:`; `flops` is complete when the block has ended."""
    flops = Flops()
    _counting.append(flops)
    try:
        with FlopCounterMode(display=False, custom_mapping=CPU_ONLY) as counter:
            yield flops
        flops.total = counter.get_total_flops()
    finally:
        _counting.remove(flops)


def multiply(a: Tensor, b: Tensor, *, quantized: bool) -> Tensor:
    """Return a @ b for matrices (M, K) and (K, N), reporting 2 M N K operations if it is `quantized`."""
    if quantized:
        for flops in _counting:
            flops.quantized += 2 * a.shape[0] * a.shape[1] * b.shape[1]
    return a @ b


def _attention_forward(q, k, v, *args, out_shape=None, **kwargs) -> int:
    return sdpa_flop_count(q, k, v)


def _attention_backward(gradient, q, k, v, *args, out_shape=None, **kwargs) -> int:
    return sdpa_backward_flop_count(gradient, q, k, v)


def _grouped(a, b, *args, out_shape=None, **kwargs) -> int:
    """Rows (N, K) by one matrix of (E, K, M) each, or (M, N) by (N, K), a sum for each group of N."""
    return 2 * a[0] * a[1] * b[-1]


# What torch's counter does not know: its kernels for a CPU.
CPU_ONLY = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_forward,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    torch.ops.aten._grouped_mm: _grouped,
}
