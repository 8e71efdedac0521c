"""Multi-head latent attention (MLA): keys and values of all heads rebuilt from one small vector.

Four ideas:
  latent     the hidden state is compressed to kv_lora_rank numbers, and only these are remembered; one
             matrix per head makes keys from them, another makes values (queries may pass through a
             latent of their own, which saves memory in training, not in the cache);
  decoupled  a rotation between the two matrices would depend on the position and bind them to it, so
             position gets channels of its own: a rotary query per head, and ONE rotary key that all
             heads share, made from the hidden state, not from the latent;
  absorbed   q . (W_UK c) = (W_UK^T q) . c: the key matrix moves to the side of the query, the value
             matrix behind the sum, and every head looks at the cached vectors themselves;
  cheaper    both forms are the same function; which one costs less follows from counting products.

Left out against the report: nothing. Both latents are normalised (report, section 4.2), and what is
cached is the latent after its norm and the rotary key after its turn. Names are those of DeepSeek's
`inference/model.py`. Source: DeepSeek-V3 report, arXiv:2412.19437, equations 1 to 11; absorption:
DeepSeek-V2, arXiv:2405.04434, section 2.1.2.
Letters: b batch, t new position, s all positions, h heads, c latent width, n width of a head without
position, r rotary width, v value width.
"""

from collections.abc import Callable
from types import NoneType

import torch
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes, takes_late
from lessons_lib.config import ModelConfig
from lessons_lib.model.attention import look
from lessons_lib.model.cache import LatentCache, SharedPrompts
from lessons_lib.model.norm import RMSNorm
from lessons_lib.model.rope import turn
from lessons_lib.model.yarn import yarn_mscale

CACHES = (NoneType, LatentCache, SharedPrompts)
LATENT_EPS = 1e-6  # of the norms on the latents, whatever `norm_eps` says of the others
LOOKS = takes_late(
    q_nope="float batch self.n_heads query self.nope",
    q_rotary="float batch self.n_heads query self.rotary",
    memory="float batch position self.remembered",
)


class LatentAttention(nn.Module):
    """Map x (batch, position, dim) to (batch, position, dim), each position seeing the past only.

    `absorbed` chooses the form: False rebuilds all keys and values, True never does, None takes the
    one with fewer products. The results are equal up to rounding.
    """

    def __init__(
        self, config: ModelConfig, *, linear: type[nn.Linear] = nn.Linear, absorbed: bool | None = None
    ) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        instance(Callable, linear=linear)
        instance((bool, NoneType), absorbed=absorbed)
        shape, self.dim = config.latent, config.dim
        self.n_heads, self.rank = config.n_heads, shape.kv_lora_rank
        self.nope, self.rotary = shape.qk_nope_head_dim, shape.qk_rope_head_dim
        self.value, self.interleaved = shape.v_head_dim, config.rope_interleaved
        self.scale = (self.nope + self.rotary) ** -0.5 * yarn_mscale(config) ** 2
        self.absorbed = absorbed
        self.pairs = self.rotary // 2
        self.remembered = self.rank + self.rotary
        query = config.n_heads * (self.nope + self.rotary)
        if config.q_lora_rank is None:
            self.wq = linear(config.dim, query, bias=False)
        else:
            self.wq_a = linear(config.dim, config.q_lora_rank, bias=False)
            self.q_norm = RMSNorm(config.q_lora_rank, LATENT_EPS)
            self.wq_b = linear(config.q_lora_rank, query, bias=False)
        self.wkv_a = linear(config.dim, self.rank + self.rotary, bias=False)  # latent and rotary key
        self.kv_norm = RMSNorm(self.rank, LATENT_EPS)
        self.wkv_b = linear(self.rank, config.n_heads * (self.nope + self.value), bias=False)
        self.wo = linear(config.n_heads * self.value, config.dim, bias=False)

    @takes_late(x="float batch position self.dim", rope="float position self.pairs 2")
    def forward(self, x: Tensor, rope: Tensor, cache: LatentCache | None = None, layer: int = 0) -> Tensor:
        """`rope` (position, qk_rope_head_dim / 2, 2) holds the angles of x's own positions."""
        if type(cache) not in CACHES:
            instance(CACHES, cache=cache)
        if x.ndim != 3 or rope.shape != (x.shape[1], self.pairs, 2) or not rope.is_floating_point():
            raise TypeError("x or rope doesn't fit")  # which, and why, is said when it is looked at
        q_nope, q_rotary = self._queries(x, rope)
        memory = self._memory(x, rope)  # (b, t, c + r)
        if cache is not None:
            memory = cache.append(layer, memory)  # (b, s, c + r)
        absorbed = self.absorbed
        if absorbed is None:
            absorbed = self.absorbing_is_cheaper(x.shape[1], memory.shape[1])
        attend = self.look_absorbed if absorbed else self.look_rebuilt
        return self.wo(attend(q_nope, q_rotary, memory).transpose(1, 2).flatten(2))  # from (b, t, h v)

    @takes(x="float batch position self.dim", rope="float position self.pairs 2")
    def queries(self, x: Tensor, rope: Tensor) -> tuple[Tensor, Tensor]:
        """Return each head's query without position (b, h, t, n) and with it (b, h, t, r)."""
        return self._queries(x, rope)

    def _queries(self, x: Tensor, rope: Tensor) -> tuple[Tensor, Tensor]:
        q = self.wq(x) if hasattr(self, "wq") else self.wq_b(self.q_norm(self.wq_a(x)))
        q = q.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)  # (b, h, t, n + r)
        q_nope, q_rotary = q[..., : self.nope], q[..., self.nope :]
        return q_nope, turn(q_rotary, rope, self.interleaved)

    @takes(x="float batch position self.dim", rope="float position self.pairs 2")
    def memory(self, x: Tensor, rope: Tensor) -> Tensor:
        """Return what is remembered of x: the normalised latent, then the turned rotary key (b, t, c + r)."""
        return self._memory(x, rope)

    def _memory(self, x: Tensor, rope: Tensor) -> Tensor:
        compressed = self.wkv_a(x)  # (b, t, c + r)
        latent, k_rotary = compressed[..., : self.rank], compressed[..., self.rank :]
        k_rotary = turn(k_rotary, rope, self.interleaved)
        return torch.cat([self.kv_norm(latent).to(k_rotary.dtype), k_rotary], dim=-1)

    @LOOKS
    def look_rebuilt(self, q_nope: Tensor, q_rotary: Tensor, memory: Tensor) -> Tensor:
        """Rebuild every head's keys and values from the latents, then attend as usual: (b, h, t, v)."""
        self._refuse_unfit(q_nope, q_rotary, memory)
        latent, k_rotary = memory.split([self.rank, self.rotary], dim=-1)
        kv = self.wkv_b(latent).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)  # (b, h, s, n + v)
        k_nope, v = kv.split([self.nope, self.value], dim=-1)
        k_rotary = k_rotary.unsqueeze(1).expand(-1, self.n_heads, -1, -1)  # the same for every head
        q, k = torch.cat([q_nope, q_rotary], dim=-1), torch.cat([k_nope, k_rotary], dim=-1)
        return look(q, k, v, self.scale)

    @LOOKS
    def look_absorbed(self, q_nope: Tensor, q_rotary: Tensor, memory: Tensor) -> Tensor:
        """Let all heads share one key, the remembered vector, and one value, its latent: (b, h, t, v).

        The value handed to `attend` is the whole vector; of the sum, the rotary part is dropped. So
        the cache is read where it lies, and the fused kernel, which wants equal widths, can be used.
        """
        self._refuse_unfit(q_nope, q_rotary, memory)
        w = self.wkv_b.weight.unflatten(0, (self.n_heads, -1))  # (h, n + v, c)
        w_uk, w_uv = w[:, : self.nope], w[:, self.nope :]
        q_latent = per_head(q_nope, w_uk)  # the scale stays that of the rebuilt width
        shared = memory.unsqueeze(1)  # (b, 1, s, c + r)
        o = look(torch.cat([q_latent, q_rotary], dim=-1), shared, shared, self.scale)
        return per_head(o[..., : self.rank], w_uv.mT)

    def _refuse_unfit(self, q_nope: Tensor, q_rotary: Tensor, memory: Tensor) -> None:
        heads = (len(memory), self.n_heads, q_nope.shape[2])
        fits = q_nope.shape == (*heads, self.nope) and q_rotary.shape == (*heads, self.rotary)
        if not fits or memory.shape != (heads[0], memory.shape[1], self.remembered):
            raise TypeError("queries or memory don't fit")  # which, and why, is said when it is looked at

    def absorbing_is_cheaper(self, new: int, held: int) -> bool:
        """Compare the products per head that `new` queries need with `held` positions to look at."""
        moving = self.rank * (self.nope + self.value)  # through both matrices, per vector
        rebuilt = held * moving + new * held * (self.nope + self.rotary + self.value)
        absorbed = new * moving + new * held * (2 * self.rank + self.rotary)
        return absorbed < rebuilt


def per_head(x: Tensor, w: Tensor) -> Tensor:
    """Multiply x (b, h, t, i) by each head's own matrix w (h, i, o), (b, h, t, o).

    All texts' rows of a head go into one product: broadcasting w would copy it for every text.
    """
    rows = x.transpose(0, 1).flatten(1, 2)  # (h, b t, i)
    return torch.bmm(rows, w).unflatten(1, (x.shape[0], -1)).transpose(0, 1)
