"""Writing: read the prompt once, then add one token after the other with a cache.

The same tokens as a loop that reads the whole text again for each new one; a test holds it to that.
"""

from types import NoneType
from typing import Protocol

import torch
from torch import Tensor

from lessons_lib.arguments import instance, number, whole
from lessons_lib.config import ModelConfig
from lessons_lib.model.cache import Cache


class Writer(Protocol):
    """What writing asks of a model."""

    config: ModelConfig

    def __call__(self, tokens: Tensor, cache: Cache | None = None) -> Tensor: ...

    def new_cache(self, batch: int, max_len: int | None = None) -> Cache: ...


def pick_next(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """Choose a token per row of `logits` (batch, vocab): the best at temperature 0, else a draw."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    probs = (logits / temperature).softmax(dim=-1)
    return torch.multinomial(probs, 1, generator=generator).squeeze(-1)


def refuse_writing(model: Writer, tokens: Tensor, max_new_tokens: int, temperature: float) -> None:
    """Raise ValueError where `tokens` cannot be continued by that many new ones at that temperature."""
    instance(Tensor, tokens=tokens)
    instance(int, max_new_tokens=max_new_tokens)
    if tokens.ndim != 2 or tokens.numel() == 0:
        raise ValueError(f"the prompt is empty or not (batch, position): shape {tuple(tokens.shape)}")
    number(temperature=temperature)
    if temperature < 0:
        raise ValueError(f"temperature must be 0 (greedy) or above, got {temperature}")
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens cannot be negative, got {max_new_tokens}")
    if tokens.shape[1] + max_new_tokens > model.config.max_seq_len:
        raise ValueError(
            f"{tokens.shape[1]} tokens of prompt + {max_new_tokens} new ones exceed "
            f"max_seq_len={model.config.max_seq_len}"
        )


def generate(
    model: Writer,
    tokens: Tensor,
    max_new_tokens: int,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
    stop: int | None = None,
) -> Tensor:
    """Continue `tokens` (batch, position) by `max_new_tokens`, prompt included in what is returned.

    Temperature 0 is greedy. A row that has written `stop` is filled up with `stop`; the shape is
    always (batch, position + max_new_tokens). Raises ValueError for an empty prompt, a negative
    temperature or count, and a text longer than the model's `max_seq_len`.
    """
    refuse_writing(model, tokens, max_new_tokens, temperature)
    instance((torch.Generator, NoneType), generator=generator)
    if stop is not None:
        whole(0, model.config.vocab_size - 1, stop=stop)
    batch, prompt = tokens.shape
    if max_new_tokens == 0:
        return tokens.clone()
    text = torch.cat([tokens, tokens.new_zeros(batch, max_new_tokens)], dim=1)
    cache = model.new_cache(batch, prompt + max_new_tokens)
    finished = torch.zeros(batch, dtype=torch.bool, device=tokens.device)
    new = tokens
    with torch.inference_mode():  # `text` is made outside of it, so that it can be trained on
        for position in range(prompt, prompt + max_new_tokens):
            logits = model(new, cache)[:, -1]  # (batch, vocab)
            picked = pick_next(logits, temperature, generator)
            if stop is not None:
                picked = picked.masked_fill(finished, stop)
                finished |= picked == stop
            text[:, position] = picked
            if stop is not None and finished.all():
                text[:, position + 1 :] = stop
                break
            new = picked.unsqueeze(1)
    return text
