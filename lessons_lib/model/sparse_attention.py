"""Sparse latent attention (DSA): an indexer chooses a few positions, and all heads look at these alone.

Two ideas:
  shared    in the absorbed form all heads look at the same remembered vectors, so one choice serves them all,
            and each vector that is fetched is used by every head;
  the same  as long as nothing needs leaving out, up to `index_topk` positions, this is latent attention.

A position is remembered as [latent | rotary key | index key], side by side in one row of the cache. The
chosen rows are gathered: a mask would compute every score first and be slower than looking at everything.
Source: DeepSeek-V3.2-Exp, section 2. Letters: b batch, t new position, s all positions, k kept positions,
h heads, c latent width, n width of a head without position, r rotary width, v value width.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes, takes_late, whole
from lessons_lib.config import ModelConfig
from lessons_lib.model.cache import LatentCache
from lessons_lib.model.indexer import Indexer
from lessons_lib.model.latent_attention import CACHES, LatentAttention, per_head

Chooser = Callable[["SparseAttention", Tensor, Tensor, Tensor], Tensor]
LOOK = takes(
    q_nope="float batch self.n_heads query self.nope",
    q_rotary="float batch self.n_heads query self.rotary",
    memory="float batch position self.remembered",
    ids="whole batch query kept",
)


class SparseAttention(LatentAttention):
    """Map x (batch, position, dim) to (batch, position, dim): each position sees the past's best alone."""

    def __init__(
        self, config: ModelConfig, *, linear: type[nn.Linear] = nn.Linear, absorbed: bool | None = None
    ) -> None:
        super().__init__(config, linear=linear, absorbed=absorbed)
        self.indexer = Indexer(config, linear=linear)
        self.topk = self.indexer.topk
        self.chooser: Chooser | None = None  # who scores in the indexer's place

    @takes_late(x="float batch position self.dim", rope="float position self.pairs 2")
    def forward(self, x: Tensor, rope: Tensor, cache: LatentCache | None = None, layer: int = 0) -> Tensor:
        """`rope` (position, qk_rope_head_dim / 2, 2) holds the angles of x's own positions."""
        if type(cache) not in CACHES:
            instance(CACHES, cache=cache)
        if x.ndim != 3 or rope.shape != (x.shape[1], self.pairs, 2) or not rope.is_floating_point():
            raise TypeError("x or rope doesn't fit")  # which, and why, is said when it is looked at
        q_nope, q_rotary = self._queries(x, rope)
        with torch.no_grad():  # a choice has no gradient
            keys = self.indexer.keys(x, rope)
        rows = torch.cat([self._memory(x, rope), keys], dim=-1)  # (b, t, c + r + d)
        if cache is not None:
            rows = cache.append(layer, rows)
        memory = rows[..., : self.remembered]
        if memory.shape[1] <= self.topk:
            absorbed = self.absorbed
            if absorbed is None:
                absorbed = self.absorbing_is_cheaper(x.shape[1], memory.shape[1])
            attend = self.look_absorbed if absorbed else self.look_rebuilt
            o = attend(q_nope, q_rotary, memory.contiguous())  # to the bit what LatentAttention gives
        else:
            score = self.chooser or SparseAttention.index_scores
            with torch.no_grad():
                ids = score(self, x, rope, rows).topk(self.topk, dim=-1).indices  # (b, t, k)
            o = self.look_chosen(q_nope, q_rotary, memory, ids)
        return self.wo(o.transpose(1, 2).flatten(2))  # from (b, t, h v)

    def index_scores(self, x: Tensor, rope: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return the indexer's scores (b, t, s); `rows` (b, s, c + r + d) are remembered; None: x's."""
        keys = self.indexer.keys(x, rope) if rows is None else rows[..., self.remembered :]
        latent = self.q_norm(self.wq_a(x)) if hasattr(self, "wq_a") else x
        return self.indexer(latent, x, keys, rope)

    @LOOK
    def look_chosen(self, q_nope: Tensor, q_rotary: Tensor, memory: Tensor, ids: Tensor) -> Tensor:
        """Let every query look at the rows `ids` (b, t, k) of `memory` (b, s, c + r): (b, h, t, v).

        The queries are the last positions of the memory. What lies behind a query is not looked at.
        """
        b, t, k = ids.shape
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < memory.shape[1]:
            raise ValueError(
                f"ids {int(ids.min())} to {int(ids.max())} of a memory of {memory.shape[1]} positions"
            )
        w_uk, w_uv = self._matrices()
        q = torch.cat([per_head(q_nope, w_uk), q_rotary], dim=-1).transpose(1, 2)  # (b, t, h, c + r)
        flat = (ids + memory.shape[1] * torch.arange(b, device=ids.device)[:, None, None]).flatten()
        chosen = memory.flatten(0, 1).index_select(0, flat).view(b * t, k, -1)  # (b t, k, c + r)
        own = torch.arange(memory.shape[1] - t, memory.shape[1], device=ids.device)[:, None]
        hidden = torch.zeros(b, t, k, dtype=q.dtype, device=q.device).masked_fill(ids > own, -torch.inf)
        scores = self.scale * q.flatten(0, 1) @ chosen.mT + hidden.view(b * t, 1, k)  # (b t, h, k)
        o = (scores.softmax(dim=-1) @ chosen[..., : self.rank]).unflatten(0, (b, t))
        return per_head(o.transpose(1, 2), w_uv.mT)

    @takes(x="float batch position self.dim", rope="float position self.pairs 2")
    def own_weights(self, x: Tensor, rope: Tensor) -> Tensor:
        """Return what each head of the dense form looks at, (b, h, t, t): rows add up to 1."""
        (q_nope, q_rotary), memory = self._queries(x, rope), self._memory(x, rope)
        q = torch.cat([per_head(q_nope, self._matrices()[0]), q_rotary], dim=-1)
        scores = self.scale * q @ memory.unsqueeze(1).mT
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        return scores.masked_fill(later, -torch.inf).softmax(dim=-1)

    def _matrices(self) -> tuple[Tensor, Tensor]:
        """Return each head's key matrix (h, n, c) and value matrix (h, v, c)."""
        w = self.wkv_b.weight.unflatten(0, (self.n_heads, -1))
        return w[:, : self.nope], w[:, self.nope :]


@contextmanager
def choosing(model: nn.Module, chooser: Chooser | None = None, *, topk: int | None = None) -> Iterator[None]:
    """Let `chooser` score in the indexers' place within the block, and `topk` positions be kept.

    It is called with (attention, x, rope, rows) and returns scores (b, t, s), minus infinity for positions
    behind the query; None leaves the choice to the indexers.
    """
    instance(nn.Module, model=model)
    found = [module for module in model.modules() if isinstance(module, SparseAttention)]
    if not found:
        raise ValueError("this model has no sparse attention: index_topk is None")
    if chooser is not None:
        instance(Callable, chooser=chooser)
    if topk is not None:
        whole(topk=topk)
    before = [(a, a.chooser, a.topk) for a in found]
    try:
        for a in found:
            a.chooser, a.topk = chooser, a.topk if topk is None else topk
        yield
    finally:
        for a, was, k in before:
            a.chooser, a.topk = was, k


def by_position(attention: SparseAttention, x: Tensor, rope: Tensor, rows: Tensor) -> Tensor:
    """Score the latest positions best: what is kept is a window (b, t, s)."""
    new, held = x.shape[1], rows.shape[1]
    place = torch.arange(held, device=x.device, dtype=torch.float32)
    later = place > torch.arange(held - new, held, device=x.device)[:, None]
    return place.expand(new, held).masked_fill(later, -torch.inf).expand(len(x), -1, -1)


def by_attention(attention: SparseAttention, x: Tensor, rope: Tensor, rows: Tensor) -> Tensor:
    """Score by the dense attention itself, summed over heads (b, t, s); for whole texts."""
    summed = attention.own_weights(x, rope).sum(dim=1)
    later = torch.ones(summed.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
    return summed.masked_fill(later, -torch.inf)
