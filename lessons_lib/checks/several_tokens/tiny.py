"""A model small enough to follow by hand, for the exercise on a speculative step.

`TinyModel` is called as a `Transformer` is, and predicts from all tokens that its cache then holds, in
their order. So a token left in the cache by mistake changes everything that is written afterwards.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

MODULUS = 10_007  # of the number to which a text is folded


class TinyCache:
    """The tokens that a TinyModel has read, oldest first."""

    def __init__(self, tokens: Iterable[int] = ()) -> None:
        self.tokens = list(tokens)

    @property
    def length(self) -> int:
        """How many tokens it holds."""
        return len(self.tokens)

    def rewind(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        if not 0 <= length <= self.length:
            raise ValueError(f"the cache holds {self.length} tokens and cannot be rewound to {length}")
        del self.tokens[length:]

    def __repr__(self) -> str:
        return f"TinyCache({self.tokens})"


class TinyModel:
    """Predicts the next token of a text with arithmetic of its own, chosen by `seed`; counts its passes."""

    def __init__(self, vocab_size: int, seed: int) -> None:
        self.vocab_size, self.seed, self.passes = vocab_size, seed, 0

    def __call__(self, tokens: Tensor, cache: TinyCache) -> Tensor:
        """Put tokens (1, new) into the cache, return the logits (1, new, vocabulary) after each."""
        if tokens.ndim != 2 or len(tokens) != 1:
            raise ValueError(f"tokens should have the shape (1, new), and have {tuple(tokens.shape)}")
        self.passes += 1
        rows = []
        for token in tokens[0].tolist():
            cache.tokens.append(token)
            best = self._fold(cache.tokens) % self.vocab_size
            rows.append([3.0 if v == best else (7 * v + best) % 5 / 5 for v in range(self.vocab_size)])
        return torch.tensor([rows]).reshape(1, -1, self.vocab_size)

    def _fold(self, tokens: list[int]) -> int:
        number = self.seed
        for token in tokens:
            number = (31 * number + 17 * token + 5) % MODULUS
        return number // 7

    def __repr__(self) -> str:
        return f"TinyModel({self.vocab_size}, seed={self.seed})"
