"""The whole model: embed, then blocks of attention and feed-forward, then logits.

Two ideas:
  residual stream  every block reads a normalised copy of the stream and adds its answer to it;
  one code path    training, prompt reading and decoding are the same `forward`, with or without cache.

`linear` is handed in from outside, so that a later lesson can put 8-bit products in every matrix
without this file knowing. Attention is latent where the configuration has a `kv_lora_rank`; layers from
`n_dense_layers` on have experts where it has `n_routed_experts`. Modules that predict further ahead stand
behind the main model, which is the same with and without them.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes, whole
from lessons_lib.config import ModelConfig
from lessons_lib.model.block import Block
from lessons_lib.model.cache import Cache, KVCache, LatentCache
from lessons_lib.model.generation import generate
from lessons_lib.model.multi_token import MultiToken, refuse_depth
from lessons_lib.model.norm import RMSNorm
from lessons_lib.model.refusals import refuse_ids, refuse_tokens
from lessons_lib.model.rope import on_device, rope_table
from lessons_lib.model.yarn import yarn_frequencies


class Transformer(nn.Module):
    """Map tokens (batch, position) int64 to logits (batch, position, vocab_size).

    `form` is how experts are computed (see `experts.py`); the numbers are the same.
    """

    rope: Tensor  # (max_seq_len, rope_width / 2, 2) float64 whatever the weights' type, in no state dict

    def __init__(
        self,
        config: ModelConfig,
        *,
        linear: type[nn.Linear] = nn.Linear,
        form: str | Callable = "grouped",
    ) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        self.config = config
        self.embed = nn.Embedding(config.vocab_size, config.dim)
        self.layers = nn.ModuleList(
            Block(config, layer, linear=linear, form=form) for layer in range(config.n_layers)
        )
        self.norm = RMSNorm(config.dim, config.norm_eps)
        self.head = nn.Linear(config.dim, config.vocab_size, bias=False)  # never 8-bit, as in V3
        if config.tie_embeddings:
            self.head.weight = self.embed.weight
        self.rope = self._make_rope()
        self._initialise(self.named_parameters(), config.n_layers)
        last = config.n_layers - 1  # a module's block is of the kind of the last layer
        self.mtp = nn.ModuleList(
            MultiToken(config, Block(config, last, linear=linear, form=form), linear=linear)
            for _ in range(config.n_mtp_layers)
        )
        self._initialise(self.mtp.named_parameters(), 1)  # after the main model's, which stay the same

    def _make_rope(self) -> Tensor:
        """Return the table of angles, made on the processor and put where the weights are."""
        config, device = self.config, self.embed.weight.device
        with torch.device("meta" if device.type == "meta" else "cpu"):
            frequencies = yarn_frequencies(config)
            table = rope_table(config.max_seq_len, config.rope_width, config.rope_theta, frequencies)
        return on_device(config.rope_amplitude * table, device)

    def _apply(self, fn, recurse=True):
        """Change type or device as every module does; the table of angles follows to a device only."""
        super()._apply(fn, recurse)
        if self.rope.device != self.embed.weight.device:
            self.rope = self._make_rope()
        return self

    @torch.no_grad()
    def _initialise(self, parameters: Iterable[tuple[str, Tensor]], n_blocks: int) -> None:
        """Draw matrices so that every block's output starts at about the scale of its input.

        What is added to the stream 2 * n_blocks times is made smaller by the root of that number.
        Embeddings start at scale 1: at half of it, copying from far back was learned many times later.
        """
        for name, weight in parameters:
            if weight.ndim < 2:
                continue
            std = weight.shape[-1] ** -0.5
            if name.endswith(("wo.weight", "w2.weight", "experts.w2")):
                std /= math.sqrt(2 * n_blocks)
            if name == "embed.weight" and not self.config.tie_embeddings:
                std = 1.0
            weight.normal_(std=std)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Score the next token at every position; with a cache, `tokens` follow what it holds.

        Raises TypeError for tokens that are not whole numbers, ValueError for a wrong shape, an id
        outside the vocabulary, a text that does not fit, or a cache of another batch size.
        """
        return self.head(self.hidden_states(tokens, cache))

    def hidden_states(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Return what the head reads, (batch, position, dim): the stream after the last norm."""
        refuse_tokens(tokens, self.config, cache)
        x = self.embed(tokens)  # (batch, position, dim)
        rope = self._angles(x, cache)
        for i, layer in enumerate(self.layers):
            x = layer(x, rope, cache, i)
        if cache is not None:
            cache.advance(tokens.shape[1])
        return self.norm(x)

    def _angles(self, x: Tensor, cache: Cache | None) -> Tensor:
        """Return the angles of the positions of x, counted from the start of the text."""
        start = 0 if cache is None else cache.length
        return self.rope[start : start + x.shape[1]].to(x.dtype)

    def mtp_logits(self, tokens: Tensor, depth: int = 1) -> Tensor:
        """Score the token `depth` + 1 further on: (batch, position - depth, vocab_size).

        At depth 1, position t predicts token t + 2, and has seen token t + 1. Raises ValueError where the
        model has no such depth, or the texts are too short.
        """
        instance(Tensor, tokens=tokens)
        refuse_depth(self.config.n_mtp_layers, depth, tokens.shape[-1])
        hidden = self.hidden_states(tokens)
        for k in range(1, depth + 1):
            hidden = self.look_ahead(hidden[:, : tokens.shape[1] - k], tokens[:, k:], depth=k)
        return self.head(hidden)

    def all_logits(self, tokens: Tensor) -> list[Tensor]:
        """Score with one pass what `forward` scores, and then what `mtp_logits` does, depth by depth."""
        instance(Tensor, tokens=tokens)
        if modules := self.config.n_mtp_layers:
            refuse_depth(modules, modules, tokens.shape[-1])
        hidden = self.hidden_states(tokens)
        logits = [self.head(hidden)]
        for k in range(1, self.config.n_mtp_layers + 1):
            hidden = self.look_ahead(hidden[:, : tokens.shape[1] - k], tokens[:, k:], depth=k)
            logits.append(self.head(hidden))
        return logits

    @takes(hidden="float batch position self.config.dim", following="whole batch position")
    def look_ahead(
        self, hidden: Tensor, following: Tensor, cache: Cache | None = None, depth: int = 1
    ) -> Tensor:
        """Return the states (batch, position, dim) of a module, of which the head makes logits.

        `hidden` (batch, position, dim) are those of the depth below, `following` (batch, position) the
        tokens that come `depth` after them. A cache (`new_mtp_cache`) is of one module.
        """
        refuse_depth(self.config.n_mtp_layers, depth)
        refuse_ids(following, self.config.vocab_size)
        rope = self._angles(hidden, cache)
        states = self.mtp[depth - 1](hidden, self.embed(following), rope, cache)
        if cache is not None:
            cache.advance(following.shape[1])
        return states

    def new_mtp_cache(self, batch: int, max_len: int | None = None) -> Cache:
        """Return an empty cache for one MTP module; see `new_cache`."""
        return self.new_cache(batch, max_len, n_layers=1)

    def new_cache(self, batch: int, max_len: int | None = None, n_layers: int | None = None) -> Cache:
        """Return an empty cache for `batch` texts of up to `max_len` tokens (None: max_seq_len).

        `n_layers` is the number of blocks that share it, None: all of the main model.
        """
        max_len = self.config.max_seq_len if max_len is None else max_len
        n_layers = self.config.n_layers if n_layers is None else n_layers
        whole(batch=batch, n_layers=n_layers)
        instance(int, max_len=max_len)
        if not 1 <= max_len <= self.config.max_seq_len:
            raise ValueError(
                f"a cache holds 1 to max_seq_len={self.config.max_seq_len} positions, got {max_len}"
            )
        config, device = self.config, self.embed.weight.device
        dtype = self.embed.weight.dtype
        if torch.is_autocast_enabled(device.type):  # what is remembered is what products give
            dtype = torch.get_autocast_dtype(device.type)
        if config.kv_lora_rank is not None:
            width = config.latent.kv_lora_rank + config.latent.qk_rope_head_dim + (config.index_head_dim or 0)
            return LatentCache(n_layers, batch, max_len, width, dtype=dtype, device=device)
        heads, width = config.kv_heads, config.width_per_head
        return KVCache(n_layers, batch, heads, max_len, width, dtype=dtype, device=device)

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
