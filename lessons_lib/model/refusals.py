"""What a model refuses to read: no tokens, tokens it has no word for, a text that does not fit."""

import torch
from torch import Tensor

from lessons_lib.arguments import instance
from lessons_lib.config import ModelConfig, WindowMLPConfig
from lessons_lib.model.cache import Cache, KVCache, LatentCache


def refuse_tokens(tokens: Tensor, config: ModelConfig | WindowMLPConfig, cache: Cache | None = None) -> None:
    """Raise TypeError for tokens that are no whole numbers, ValueError for what a model cannot read.

    That is a shape other than (batch, position), an id outside the vocabulary, a text that is empty or too
    long, a cache of another kind of attention or batch.
    """
    if not isinstance(tokens, Tensor) or tokens.dtype not in (torch.int64, torch.int32):
        got = tokens.dtype if isinstance(tokens, Tensor) else type(tokens).__name__
        raise TypeError(f"tokens must be a tensor of whole numbers (int64), got {got}")
    if tokens.ndim != 2:
        raise ValueError(f"tokens must be (batch, position), got shape {tuple(tokens.shape)}")
    if tokens.numel() == 0:
        raise ValueError(f"there is nothing to read: tokens have shape {tuple(tokens.shape)}")
    refuse_ids(tokens, config.vocab_size)
    if cache is not None:
        return _refuse_cache(tokens, config, cache)
    if tokens.shape[1] > config.max_seq_len:
        raise ValueError(
            f"0 + {tokens.shape[1]} tokens do not fit max_seq_len of {config.max_seq_len} positions"
        )


def refuse_ids(tokens: Tensor, vocab_size: int) -> None:
    """Raise ValueError for a token outside the vocabulary."""
    low, high = (int(t) for t in tokens.aminmax())
    if low < 0 or high >= vocab_size:
        wrong = low if low < 0 else high
        raise ValueError(
            f"token {wrong} is outside the vocabulary of {vocab_size} (ids 0 to {vocab_size - 1})"
        )


def _refuse_cache(tokens: Tensor, config: ModelConfig | WindowMLPConfig, cache: Cache) -> None:
    instance(Cache, cache=cache)
    other = KVCache if getattr(config, "kv_lora_rank", None) is not None else LatentCache
    if isinstance(cache, other):
        raise ValueError(f"a {other.__name__} was made for the other kind of attention")
    cache.refuse_too_long(tokens.shape[1])
    if cache.batch != tokens.shape[0]:
        raise ValueError(
            f"the cache was made for a batch of {cache.batch}, these tokens have {tokens.shape[0]}"
        )
