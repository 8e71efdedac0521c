"""The dense feed-forward block: SwiGLU, as in DeepSeek's dense layers and inside every expert.

w2(silu(w1 x) * w3 x): one projection decides how far each channel of the other is let through.
Source: Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202; names as in DeepSeek's code.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes_late, whole


class FeedForward(nn.Module):
    """Map x (..., dim) to (..., dim) through a gated layer of width `inter_dim`."""

    def __init__(self, dim: int, inter_dim: int, *, linear: type[nn.Linear] = nn.Linear) -> None:
        super().__init__()
        instance(Callable, linear=linear)
        whole(dim=dim, inter_dim=inter_dim)
        self.dim = dim
        self.w1 = linear(dim, inter_dim, bias=False)  # gate
        self.w2 = linear(inter_dim, dim, bias=False)  # down
        self.w3 = linear(dim, inter_dim, bias=False)  # up

    @takes_late(x="float ... self.dim")
    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))
