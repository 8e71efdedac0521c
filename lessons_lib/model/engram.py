"""Engram: a table of rows that is addressed by the last few tokens, beside what the layers compute.

Three ideas:
  address  two or three tokens in a row are mixed into one number, whose remainder by a prime is a row. It
           depends on the text alone, so rows can be fetched before any layer has run;
  heads    each order has several small tables of different prime sizes: two n-grams that share a row in one
           table do not share it in the next;
  gate     the hidden state says how much of what was found enters the stream.

Left out: the paper's merging of like tokens, its convolution, and the root in the released code's gate.
Source: Engram, arXiv:2601.07372, section 2.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import takes, whole
from lessons_lib.config import ModelConfig
from lessons_lib.model.cache import Cache
from lessons_lib.model.transformer import Transformer

FACTORS = (1_000_003, 10_007, 101, 7)  # odd, so that no bit of a token is lost
ORDERS = (2, 3)


def primes_below(limit: int, n: int) -> list[int]:
    """Return the `n` largest primes up to `limit`, the largest first; ValueError where there are fewer."""
    whole(limit=limit, n=n)
    found: list[int] = []
    for number in range(limit, 1, -1):
        if all(number % p for p in range(2, int(number**0.5) + 1)):
            found.append(number)
            if len(found) == n:
                return found
    raise ValueError(f"there are only {len(found)} primes up to limit={limit}, not n={n}")


@takes(tokens="whole ... position")
def addresses(tokens: Tensor, sizes: Sequence[int], orders: Sequence[int] = ORDERS) -> Tensor:
    """Return the row of each position in each table, (..., position, tables) int64.

    `sizes` are the tables' rows, those of the first order first. What would lie before the text counts 0,
    a token its id + 1.
    """
    whole(1, len(FACTORS), **{f"orders[{i}]": n for i, n in enumerate(orders)})
    if not sizes or len(sizes) % len(orders):
        raise ValueError(f"{len(sizes)} tables can't be shared out among {len(orders)} orders")
    heads, found = len(sizes) // len(orders), []
    for i, order in enumerate(orders):
        mixed = torch.zeros_like(tokens)
        for back in range(order):
            earlier = F.pad(tokens + 1, (back, 0))[..., : tokens.shape[-1]]  # the token `back` places before
            mixed = mixed ^ (earlier * FACTORS[back])
        found += [mixed % size for size in sizes[i * heads : (i + 1) * heads]]
    return torch.stack(found, dim=-1)


class Engram(nn.Module):
    """Rows of hashed 2- and 3-grams, let into a stream of width `dim` by a gate."""

    def __init__(self, dim: int, rows: int, *, width: int = 8, heads: int = 2) -> None:
        """Share out about `rows` rows among `heads` tables for each order."""
        super().__init__()
        whole(dim=dim, rows=rows, width=width, heads=heads)
        self.dim = dim
        self.sizes = primes_below(rows // (heads * len(ORDERS)), heads * len(ORDERS))
        starts = [sum(self.sizes[:i]) for i in range(len(self.sizes))]
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.table = nn.Parameter(torch.randn(sum(self.sizes), width) * 0.02)
        self.key = nn.Linear(width * len(self.sizes), dim, bias=False)
        self.value = nn.Linear(width * len(self.sizes), dim, bias=False)

    @takes(x="float batch position self.dim", tokens="whole batch position")
    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        """Return what is added to the stream `x` (batch, position, dim) of `tokens`."""
        places = addresses(tokens, self.sizes) + self.starts  # type: ignore[operator]
        rows = F.embedding(places, self.table).flatten(-2)  # (batch, position, tables * width)
        asked, found = (F.rms_norm(v, (self.dim,), eps=1e-6) for v in (x, self.key(rows)))
        gate = ((asked * found).sum(-1, keepdim=True) * self.dim**-0.5).sigmoid()
        return gate * self.value(rows)


class WithMemory(Transformer):
    """A Transformer that adds what an `Engram` finds before its block number `before` (0 is the first)."""

    def __init__(self, config: ModelConfig, rows: int, *, before: int = 1) -> None:
        super().__init__(config)
        whole(0, config.n_layers - 1, before=before)
        self.before, self.memory = before, Engram(config.dim, rows)

    def hidden_states(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Return what the head reads; a cache is refused: the table would need the last tokens, too."""
        if cache is not None:
            raise ValueError("a model with a memory of n-grams reads its text whole, without a cache")
        x = self.embed(tokens)
        for i, layer in enumerate(self.layers):
            if i == self.before:
                x = x + self.memory(x, tokens)
            x = layer(x, self._angles(x, None), None, i)
        return self.norm(x)
