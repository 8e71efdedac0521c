"""Where the windows of a corpus come from: domains made by rule, or one text. `Corpus` asks either alike."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from .tokenizer import Vocabulary


@dataclass(frozen=True)
class Floor:
    """The entropy of a corpus in nats per scored token: no model can have a smaller expected loss."""

    total: float
    per_domain: dict[str, float]


class Source(ABC):
    """What a corpus rests on; arguments and results are those of the methods of `Corpus`, checked there."""

    vocabulary: Vocabulary
    names: tuple[str, ...]  # of the domains; a domain's id is its place here

    @abstractmethod
    def batch(self, size: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return windows (size, length + 1) int64 and the ids of their domains (size,) int64."""

    @abstractmethod
    def log_probs(self, tokens: Tensor, domain_ids: Tensor) -> Tensor:
        """Return the true log-probabilities (size, length) float64; ValueError where nobody knows them."""

    @abstractmethod
    def next_token_probs(self, prefix_tokens: Tensor, domain_id: int) -> Tensor:
        """Return the true odds of the next token, (vocabulary,) float64; ValueError as above."""

    @abstractmethod
    def entropy_floor(self, length: int) -> Floor | None:
        """Return the exact entropy per scored token; None where nobody knows it."""
