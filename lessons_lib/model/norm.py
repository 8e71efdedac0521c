"""RMSNorm: divide a vector by its root mean square, then rescale each channel.

DeepSeek-V3 uses it before every block and on both attention latents (report arXiv:2412.19437, 4.2).
Unlike LayerNorm it subtracts no mean and adds no bias. Source: Zhang and Sennrich, arXiv:1910.07467.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lessons_lib.arguments import number, takes_late, whole


class RMSNorm(nn.Module):
    """Map x (..., dim) to x / sqrt(mean(x^2) + eps) * weight, the mean taken over the last axis."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        whole(dim=dim)
        number(above=0, eps=eps)
        self.dim, self.eps = dim, eps
        self.weight = nn.Parameter(torch.ones(dim))

    @takes_late(x="float ... self.dim")
    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if x.dtype != weight.dtype or (torch.is_grad_enabled() and torch.is_autocast_enabled(x.device.type)):
            if not torch.is_autocast_enabled(x.device.type):
                raise TypeError(f"RMSNorm: x holds {x.dtype}, its weights {weight.dtype}")
            return F.rms_norm(x.to(weight.dtype), weight.shape, weight, self.eps)  # with all its digits
        if x.dtype.itemsize < 4 or not torch.is_grad_enabled():
            return F.rms_norm(x, weight.shape, weight, self.eps)
        if x.shape[-1] != self.dim:
            raise TypeError("x doesn't fit")  # a width of 1 would be stretched
        return _Norm.apply(x, weight, self.eps)


class _Norm(torch.autograd.Function):
    """`F.rms_norm` to the bit, with a gradient up to three times as fast: LayerNorm's kernel gives it.

    torch has no kernel for RMSNorm's gradient on a CPU and takes it in a dozen small steps. LayerNorm's,
    told that the mean is 0, is RMSNorm's less what would flow through the mean; that is added again.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        scale = (torch.linalg.vecdot(x, x) / x.shape[-1] + eps).rsqrt().unsqueeze(-1)  # (..., 1)
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight, scale = ctx.saved_tensors
        mean, wanted = torch.zeros_like(scale), [True, True, False]  # dx, dweight, no bias
        dx, dweight, _ = torch.ops.aten.native_layer_norm_backward(
            g, x, weight.shape, mean, scale, weight, None, wanted
        )
        dx += (g @ weight).unsqueeze(-1) * scale / x.shape[-1]
        return dx, dweight, None
