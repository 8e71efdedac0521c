"""Plain attention, whose heads may share keys and values: MHA, GQA and MQA as one module.

Three ideas:
  heads   the model width is cut into heads that look at the past independently;
  groups  `n_kv_heads` key/value heads serve n_heads / n_kv_heads query heads each:
          as many as query heads is multi-head attention (MHA), one is multi-query attention (MQA,
          Shazeer, arXiv:1911.02150), between them lies grouped-query attention (GQA, Ainslie et al.,
          arXiv:2305.13245);
  cache   earlier keys and values are kept, so a new token costs one row of scores, not a square.

The product itself is torch's fused `scaled_dot_product_attention`; lesson 01 builds it by hand and
shows that the numbers are equal. Where that kernel would need copies or padding and the text is short, a
table of all scores is quicker. Axes are moved by views instead of einops, which would cost a tenth of
the time of writing one token. Letters: b batch, t position, h heads, k key/value heads, d width.
"""

import functools
from collections.abc import Callable
from types import NoneType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import instance, number, takes, takes_late
from lessons_lib.config import ModelConfig
from lessons_lib.model.cache import KVCache, SharedPrompts
from lessons_lib.model.rope import turn

CACHES = (NoneType, KVCache, SharedPrompts)
SHORT = 256  # keys; up to here a table of all scores is small


@takes(
    q="float batch heads query width", k="float batch kv_heads key width", v="float batch kv_heads key value"
)
def attend(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
    """Let queries look at all keys up to their own position.

    q is (batch, heads, query, d), k (batch, kv_heads, key, d) and v (batch, kv_heads, key, width); the
    queries are the *last* positions of the keys. Scores are multiplied by `scale`, None: 1 / sqrt(d).
    Returns (batch, heads, query, width).
    """
    if scale is not None:
        number(above=0, scale=scale)
    if q.shape[2] > k.shape[2]:
        raise ValueError(f"{q.shape[2]} queries cannot be the last positions of {k.shape[2]} keys")
    if not k.shape[1] or q.shape[1] % k.shape[1]:
        raise ValueError(f"{q.shape[1]} heads cannot share {k.shape[1]} heads of keys evenly")
    if not q.shape[-1]:
        raise ValueError(f"queries and keys need a width of at least 1, got q of shape {tuple(q.shape)}")
    return look(q, k, v, scale)


def look(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
    """Return what `attend` returns, for arguments that fit."""
    width, n_queries, n_keys = v.shape[-1], q.shape[2], k.shape[2]
    if 1 < n_queries and n_keys <= SHORT and (width < q.shape[-1] or k.shape[1] < q.shape[1]):
        return _attend_by_table(q, k, v, q.shape[-1] ** -0.5 if scale is None else scale)
    if width < q.shape[-1]:  # the fused kernel wants equal widths; without it, up to 3 times slower
        return look(q, k, F.pad(v, (0, q.shape[-1] - width)), scale)[..., :width]
    if n_queries == 1:
        # One new token sees everything. The queries that share a head are stacked as rows, so shared
        # keys and values are read once and never copied.
        stacked = q.reshape(*k.shape[:2], -1, q.shape[3])  # (b, k, g, d)
        looked = F.scaled_dot_product_attention(stacked, k, v, scale=scale)
        return looked.reshape(*q.shape[:3], width)
    if k.shape[1] == 1:  # one head for all: seen several times, never copied
        k, v = (x.expand(-1, q.shape[1], -1, -1) for x in (k, v))
    elif k.shape[1] != q.shape[1]:
        group = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    if n_queries == n_keys:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=_mask(n_queries, n_keys, q.device), scale=scale)


def _attend_by_table(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """Attend by the textbook's formula, which takes widths and shared heads as they are."""
    n_queries, n_keys = q.shape[2], k.shape[2]
    rows = (scale * q).unflatten(1, (k.shape[1], -1)).flatten(2, 3)  # (b, k, g query, d)
    scores = (rows @ k.mT).unflatten(2, (-1, n_queries))  # (b, k, g, query, key)
    weights = (scores + _hidden(n_queries, n_keys, q.dtype, q.device)).softmax(dim=-1)
    return (weights.flatten(2, 3) @ v).unflatten(2, (-1, n_queries)).flatten(1, 2)


@functools.lru_cache(maxsize=4)
def _hidden(n_queries: int, n_keys: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return what is added to scores (query, key): minus infinity where the key comes after the query."""
    visible = _mask(n_queries, n_keys, device)
    return torch.zeros(visible.shape, dtype=dtype, device=device).masked_fill(~visible, -torch.inf)


@functools.lru_cache(maxsize=4)  # the layers of one pass ask for the same one
def _mask(n_queries: int, n_keys: int, device: torch.device) -> Tensor:
    """Return which keys (query, key) the last queries see: those up to their own position."""
    with torch.inference_mode(False):  # made once, it must serve training, too
        visible = torch.ones(n_queries, n_keys, dtype=torch.bool, device=device)
        mask = visible.tril(n_keys - n_queries)
    return mask


class Attention(nn.Module):
    """Map x (batch, position, dim) to (batch, position, dim), each position seeing the past only."""

    def __init__(self, config: ModelConfig, *, linear: type[nn.Linear] = nn.Linear) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        instance(Callable, linear=linear)
        if config.kv_lora_rank is not None:
            raise ValueError(f"kv_lora_rank={config.kv_lora_rank}: this configuration's attention is latent")
        self.dim, self.head_dim = config.dim, config.width_per_head
        self.pairs = config.rope_width // 2
        self.wq = linear(config.dim, config.n_heads * self.head_dim, bias=False)
        self.wk = linear(config.dim, config.kv_heads * self.head_dim, bias=False)
        self.wv = linear(config.dim, config.kv_heads * self.head_dim, bias=False)
        self.wo = linear(config.n_heads * self.head_dim, config.dim, bias=False)

    @takes_late(x="float batch position self.dim", rope="float position self.pairs 2")
    def forward(self, x: Tensor, rope: Tensor, cache: KVCache | None = None, layer: int = 0) -> Tensor:
        """`rope` (position, head_dim / 2, 2) holds the angles of x's own positions."""
        if type(cache) not in CACHES:
            instance(CACHES, cache=cache)
        if x.ndim != 3 or rope.shape != (x.shape[1], self.pairs, 2) or not rope.is_floating_point():
            raise TypeError("x or rope doesn't fit")  # which, and why, is said when it is looked at
        q, k, v = (
            w(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for w in (self.wq, self.wk, self.wv)
        )  # each (b, h, t, d)
        q, k = turn(q, rope), turn(k, rope)  # before the cache: a key never moves again
        if cache is not None:
            k, v = cache.append(layer, k, v)
        return self.wo(look(q, k, v).transpose(1, 2).flatten(2))  # from (b, t, h d)
