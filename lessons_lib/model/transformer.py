"""The whole model: embed, then blocks of attention and feed-forward, then logits.

Two ideas:
  residual stream  every block reads a normalised copy of the stream and adds its answer to it;
  one code path    training, prompt reading and decoding are the same `forward`, with or without cache.

`linear` is handed in from outside, so that a later lesson can put 8-bit products in every matrix
without this file knowing. Attention is latent where the configuration has a `kv_lora_rank`; layers from
`n_dense_layers` on have experts where it has `n_routed_experts`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lessons_lib.config import ModelConfig
from lessons_lib.model.attention import Attention
from lessons_lib.model.cache import Cache, KVCache, LatentCache
from lessons_lib.model.experts import MoE
from lessons_lib.model.feed_forward import FeedForward
from lessons_lib.model.generation import generate
from lessons_lib.model.latent_attention import LatentAttention
from lessons_lib.model.norm import RMSNorm
from lessons_lib.model.rope import rope_table
from lessons_lib.model.yarn import yarn_frequencies


class Block(nn.Module):
    """One layer: x + attention(norm(x)), then x + ffn(norm(x)); (batch, position, dim) throughout."""

    def __init__(
        self,
        config: ModelConfig,
        layer: int = 0,
        *,
        linear: type[nn.Module] = nn.Linear,
        form: str | Callable = "grouped",
    ) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.dim, config.norm_eps)
        attention = Attention if config.kv_lora_rank is None else LatentAttention
        self.attention = attention(config, linear=linear)
        self.ffn_norm = RMSNorm(config.dim, config.norm_eps)
        if layer in config.expert_layers:
            self.ffn = MoE(config, linear=linear, form=form)
        else:
            self.ffn = FeedForward(config.dim, config.ffn_dim, linear=linear)

    def forward(self, x: Tensor, rope: Tensor, cache: Cache | None, layer: int) -> Tensor:
        x = x + self.attention(self.attention_norm(x), rope, cache, layer)
        return x + self.ffn(self.ffn_norm(x))


class Transformer(nn.Module):
    """Map tokens (batch, position) int64 to logits (batch, position, vocab_size).

    `form` is how experts are computed (see `experts.py`); the numbers are the same.
    """

    rope: Tensor  # (max_seq_len, rope_width / 2, 2) float64, a buffer that no state dict holds

    def __init__(
        self,
        config: ModelConfig,
        *,
        linear: type[nn.Module] = nn.Linear,
        form: str | Callable = "grouped",
    ) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab_size, config.dim)
        self.layers = nn.ModuleList(
            Block(config, layer, linear=linear, form=form) for layer in range(config.n_layers)
        )
        self.norm = RMSNorm(config.dim, config.norm_eps)
        self.head = nn.Linear(config.dim, config.vocab_size, bias=False)  # never 8-bit, as in V3
        if config.tie_embeddings:
            self.head.weight = self.embed.weight
        frequencies = yarn_frequencies(config)
        table = rope_table(config.max_seq_len, config.rope_width, config.rope_theta, frequencies)
        self.register_buffer("rope", config.rope_amplitude * table, persistent=False)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Draw matrices so that every block's output starts at about the scale of its input.

        What is added to the stream 2 * n_layers times is made smaller by the root of that number.
        Embeddings start at scale 1: at half of it, copying from far back was learned many times later.
        """
        for name, weight in self.named_parameters():
            if weight.ndim < 2:
                continue
            std = weight.shape[-1] ** -0.5
            if name.endswith(("wo.weight", "w2.weight", "experts.w2")):
                std /= math.sqrt(2 * self.config.n_layers)
            if name == "embed.weight" and not self.config.tie_embeddings:
                std = 1.0
            weight.normal_(std=std)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Score the next token at every position; with a cache, `tokens` follow what it holds.

        Raises TypeError for tokens that are not whole numbers, ValueError for a wrong shape, an id
        outside the vocabulary, a text that does not fit, or a cache of another batch size.
        """
        self._refuse_bad_input(tokens, cache)
        start = 0 if cache is None else cache.length
        end = start + tokens.shape[1]
        x = self.embed(tokens)  # (batch, position, dim)
        rope = self.rope[start:end].to(x.dtype)  # angles of these positions, from the text's start
        for i, layer in enumerate(self.layers):
            x = layer(x, rope, cache, i)
        if cache is not None:
            cache.advance(tokens.shape[1])
        return self.head(self.norm(x))

    def new_cache(self, batch: int, max_len: int | None = None) -> Cache:
        """Return an empty cache for `batch` texts of up to `max_len` tokens (None: max_seq_len)."""
        if batch < 1:
            raise ValueError(f"a cache needs a batch of at least 1, got {batch}")
        max_len = self.config.max_seq_len if max_len is None else max_len
        if not 1 <= max_len <= self.config.max_seq_len:
            raise ValueError(
                f"a cache holds 1 to max_seq_len={self.config.max_seq_len} positions, got {max_len}"
            )
        config, like = self.config, {"dtype": self.embed.weight.dtype, "device": self.embed.weight.device}
        if config.kv_lora_rank is not None:
            width = config.kv_lora_rank + config.qk_rope_head_dim
            return LatentCache(config.n_layers, batch, max_len, width, **like)
        return KVCache(config.n_layers, batch, config.kv_heads, max_len, config.width_per_head, **like)

    def generate(
        self,
        tokens: Tensor,
        max_new_tokens: int,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
        stop: int | None = None,
    ) -> Tensor:
        """Continue `tokens` (batch, position); see `lessons_lib.model.generation.generate`."""
        return generate(self, tokens, max_new_tokens, temperature, generator, stop)

    def _refuse_bad_input(self, tokens: Tensor, cache: Cache | None) -> None:
        if not isinstance(tokens, Tensor) or tokens.dtype not in (torch.int64, torch.int32):
            got = tokens.dtype if isinstance(tokens, Tensor) else type(tokens).__name__
            raise TypeError(f"tokens must be a tensor of whole numbers (int64), got {got}")
        if tokens.ndim != 2:
            raise ValueError(f"tokens must be (batch, position), got shape {tuple(tokens.shape)}")
        if tokens.numel() == 0:
            raise ValueError(f"there is nothing to read: tokens have shape {tuple(tokens.shape)}")
        low, high = (int(t) for t in tokens.aminmax())
        if low < 0 or high >= self.config.vocab_size:
            wrong = low if low < 0 else high
            raise ValueError(
                f"token {wrong} is outside the vocabulary of {self.config.vocab_size} "
                f"(ids 0 to {self.config.vocab_size - 1})"
            )
        held, new = (0 if cache is None else cache.length), tokens.shape[1]
        room = self.config.max_seq_len if cache is None else cache.max_len
        if held + new > room:
            what = "max_seq_len" if cache is None else "the cache's room"
            raise ValueError(f"{held} + {new} tokens do not fit {what} of {room} positions")
        if cache is not None and cache.batch != tokens.shape[0]:
            raise ValueError(
                f"the cache was made for a batch of {cache.batch}, these tokens have {tokens.shape[0]}"
            )
