"""Multi-token prediction (MTP): from one position, learn the token after the next as well.

Three ideas:
  one more token  the module of depth k knows what the main model knew at position t and the k tokens that
                  came after it, and predicts the one after those, t + k + 1;
  in sequence     depth k continues from depth k - 1, so each sees the whole chain of tokens before its own,
                  unlike heads that guess side by side;
  shared ends     embedding and output head are the main model's. A module owns two norms, a matrix that
                  joins what they give, one Transformer block and a last norm, which goes before the head.

h^0 is the main model's state *after* its last norm, and a module hands on its own after that norm; so do the
released weights and `transformers` (`MtpModel`), with which the numbers agree. The matrix has the report's
order of columns, state first, embedding second; released weights (`eh_proj`) have them the other way round,
and `from_hf` and `to_hf` exchange the halves.

Left out: nothing. After training the modules may be thrown away, or used as a draft (`speculative.py`).
Source: DeepSeek-V3 report, arXiv:2412.19437, section 2.2, equations 21 to 25.
Letters: b batch, t position, T scored tokens of a text, k depth, D modules.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes, whole
from lessons_lib.config import ModelConfig
from lessons_lib.model.cache import Cache
from lessons_lib.model.norm import RMSNorm


class MultiToken(nn.Module):
    """One module: map states and embeddings of later tokens, both (b, t, dim), to states (b, t, dim)."""

    def __init__(self, config: ModelConfig, block: nn.Module, *, linear: type[nn.Linear] = nn.Linear) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        instance(Callable, linear=linear)
        instance(nn.Module, block=block)
        self.dim = config.dim
        self.hidden_norm = RMSNorm(config.dim, config.norm_eps)
        self.embedding_norm = RMSNorm(config.dim, config.norm_eps)
        self.join = linear(2 * config.dim, config.dim, bias=False)  # M_k, state first
        self.block = block
        self.norm = RMSNorm(config.dim, config.norm_eps)

    @takes(hidden="float batch position self.dim", embedded="float batch position self.dim")
    def forward(self, hidden: Tensor, embedded: Tensor, rope: Tensor, cache: Cache | None = None) -> Tensor:
        """`hidden` is of depth k - 1 at positions t, `embedded` of tokens t + k; `rope` belongs to t."""
        joined = torch.cat([self.hidden_norm(hidden), self.embedding_norm(embedded)], dim=-1)
        return self.norm(self.block(self.join(joined), rope, cache, 0))


def refuse_depth(n_modules: int, depth: int, n_tokens: int | None = None) -> None:
    """Raise ValueError for a depth that a model of `n_modules` modules, or a text, does not have."""
    instance(int, depth=depth)
    if n_modules == 0:
        raise ValueError("this model has no MTP module: its configuration has n_mtp_layers=0")
    if not 1 <= depth <= n_modules:
        raise ValueError(f"depth must be 1 to n_mtp_layers={n_modules}, got {depth}")
    if n_tokens is not None and n_tokens <= depth:
        raise ValueError(f"depth {depth} needs texts of at least {depth + 1} tokens, these have {n_tokens}")


@takes(tokens="whole batch position")
def mtp_loss(logits: Sequence[Tensor], tokens: Tensor) -> Tensor:
    """Return the mean over modules of their losses, a scalar; not yet multiplied by lambda.

    `tokens` (b, T + 1) are a training window, `logits[k - 1]` (b, T - k, vocabulary) what depth k says of
    it. Depth k predicts tokens k + 1 to T: T - k terms, which the report divides by T all the same.
    """
    instance((list, tuple), logits=logits)
    length = tokens.shape[1] - 1
    if len(logits) == 0 or tokens.shape[0] == 0 or length <= len(logits):
        raise ValueError(f"{len(logits)} modules have no loss on tokens of shape {tuple(tokens.shape)}")
    losses = []
    for k, ahead in enumerate(logits, start=1):
        labels = tokens[:, k + 1 :]  # (b, T - k)
        instance(Tensor, logits=ahead)
        if ahead.ndim != 3 or ahead.shape[:2] != labels.shape:
            raise ValueError(
                f"depth {k} has logits for {tuple(ahead.shape[:2])} (batch, position), "
                f"the window has labels for {tuple(labels.shape)}"
            )
        whole(0, ahead.shape[2] - 1, **{"least token": int(labels.min()), "largest token": int(labels.max())})
        total = F.cross_entropy(ahead.flatten(0, 1), labels.flatten(), reduction="sum")
        losses.append(total / (len(tokens) * length))
    return torch.stack(losses).mean()
