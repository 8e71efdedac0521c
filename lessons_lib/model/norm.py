"""RMSNorm: divide a vector by its root mean square, then rescale each channel.

DeepSeek-V3 uses it before every block and on both attention latents (report arXiv:2412.19437, 4.2).
Unlike LayerNorm it subtracts no mean and adds no bias. Source: Zhang and Sennrich, arXiv:1910.07467.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """Map x (..., dim) to x / sqrt(mean(x^2) + eps) * weight, the mean taken over the last axis."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)
