"""The lightning indexer: a quick guess of what attention would look at (DeepSeek sparse attention, V3.2).

Four ideas:
  small     its heads are few and narrow, and all of them share one key for each position;
  ReLU      a head's score counts where it is above 0; a weight for each head, made from the query's own
            position, says how much;
  kept      only the positions with the best scores are looked at, so attention costs the same from a
            certain length on, and the indexer alone still reads everything;
  taught    no gradient passes through a choice. The indexer learns from the attention that it replaces: its
            scores' softmax is pulled towards all heads' attention, summed.

Its rotary part is the first of its width, turned half against half, whatever the attention does. With few
heads many scores are exactly 0, and which of equal ones is kept is chance: eight heads or more.
Left out: the Hadamard rotation and the 8-bit products of the released code; the first changes no score.
Sources: DeepSeek-V3.2-Exp, equations 1 to 4, and its `inference/model.py`, whose names these are.
Letters: b batch, t new position, s all positions, i index heads, d index width.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes
from lessons_lib.config import ModelConfig
from lessons_lib.model.rope import turn

KEY_EPS = 1e-6  # of the norm on the keys


class Indexer(nn.Module):
    """Score every earlier position for every query, (batch, position, position).

    Queries are made of the queries' latent, or of x itself where `q_lora_rank` is None (ours).
    """

    def __init__(self, config: ModelConfig, *, linear: type[nn.Linear] = nn.Linear) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        instance(Callable, linear=linear)
        shape, self.dim = config.indexer, config.dim
        self.n_heads, self.width, self.topk = shape.index_n_heads, shape.index_head_dim, shape.index_topk
        self.rotary = config.rope_width
        self.pairs, self.reads = self.rotary // 2, config.q_lora_rank or config.dim
        self.wq_b = linear(self.reads, self.n_heads * self.width, bias=False)
        self.wk = linear(config.dim, self.width, bias=False)
        self.k_norm = nn.LayerNorm(self.width, KEY_EPS)
        self.weights_proj = nn.Linear(config.dim, self.n_heads, bias=False)  # never 8-bit, as in V3.2

    @takes(x="float batch position self.dim", rope="float position self.pairs 2")
    def keys(self, x: Tensor, rope: Tensor) -> Tensor:
        """Return the one key of each position of x, which all heads share, (b, t, d)."""
        return self._turned(self.k_norm(self.wk(x)), rope)

    @takes(
        latent="float batch position self.reads",
        x="float batch position self.dim",
        keys="float batch all self.width",
        rope="float position self.pairs 2",
    )
    def forward(self, latent: Tensor, x: Tensor, keys: Tensor, rope: Tensor) -> Tensor:
        """Return the scores (b, t, s): minus infinity for positions behind the query.

        x and `latent` are the last positions of `keys` (batch, all, index_head_dim).
        """
        new, held = x.shape[1], keys.shape[1]
        if new > held:
            raise ValueError(f"{new} queries cannot be the last positions of {held} keys")
        q = self.wq_b(latent).unflatten(-1, (self.n_heads, self.width)).transpose(1, 2)  # (b, i, t, d)
        wide = torch.promote_types(x.dtype, torch.float32)  # of what is compared; 16 bits would make ties
        products = self._turned(q, rope).to(wide) @ keys.to(wide).unsqueeze(1).mT
        each = F.relu(products * self.width**-0.5)  # (b, i, t, s)
        weights = self.weights_proj(x).to(wide) * self.n_heads**-0.5  # (b, t, i)
        scores = (weights.unsqueeze(-2) @ each.transpose(1, 2)).squeeze(-2)  # (b, t, s)
        later = torch.ones(new, held, dtype=torch.bool, device=x.device).triu(held - new + 1)
        return scores.masked_fill(later, -torch.inf)

    def _turned(self, x: Tensor, rope: Tensor) -> Tensor:
        turned = turn(x[..., : self.rotary], rope, interleaved=False)
        return torch.cat([turned, x[..., self.rotary :]], dim=-1)


@takes(
    scores="float batch position all",
    attention="float batch heads position all",
    kept="mask batch position all",
)
def indexer_loss(scores: Tensor, attention: Tensor, kept: Tensor | None = None) -> Tensor:
    """Return how far the indexer is from the attention, KL(p || softmax(scores)), a scalar (equations 3, 4).

    p is all heads' attention (batch, heads, position, all), summed and divided by its sum. With `kept`
    (batch, position, all) both are those among the kept positions, as while everything is trained.
    """
    target = attention.detach().sum(dim=1).to(scores.dtype)  # (b, t, s)
    if kept is not None:
        scores, target = scores.masked_fill(kept == 0, -torch.inf), target * (kept != 0)
    target = target / target.sum(dim=-1, keepdim=True)
    guess = scores.log_softmax(dim=-1)
    guess = guess.masked_fill(target == 0, 0)  # 0 log 0 is 0
    return (torch.xlogy(target, target) - target * guess).sum(dim=-1).mean()
