"""Domains whose stream is one independent item after another: a sum, a story, a word and its copy.

A window cuts its last item wherever it ends. The entropy of a window is a renewal sum: with
`starts[s]` the probability that an item begins at position s, and `surprise[o]` the expected surprise
of an item's token o, it is the sum over s of starts[s] times the surprise of what the window still
shows of that item.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from .process import Domain, Script

GAP = -1  # fills up the shorter items of a batch; never leaves this module


class ItemDomain(Domain):
    """A stream of independent items; a subclass writes one item, in both forms."""

    @abstractmethod
    def item(self) -> Script:
        """Script one item."""

    @abstractmethod
    def sample_items(self, count: int, generator: torch.Generator) -> Tensor:
        """Return `count` fresh items (count, width) int64, with gaps anywhere in the shorter ones."""

    @abstractmethod
    def surprise(self) -> list[float]:
        """Return the expected surprise of each token of an item, in nats; 0 where it has ended."""

    @abstractmethod
    def length_odds(self) -> dict[int, float]:
        """Return the probability of each item length, in tokens."""

    def script(self) -> Script:
        while True:
            yield from self.item()

    def sample(self, n: int, length: int, generator: torch.Generator) -> Tensor:
        lengths = self.length_odds()
        per_row = -(-length // min(lengths))  # enough even if all items are of the shortest kind
        items = self.sample_items(n * per_row, generator)  # (n * per_row, width)
        rows = items.view(n, per_row * items.shape[1])
        if len(lengths) > 1:
            rows = close_gaps(rows, length)
        return rows[:, :length]

    def entropy(self, length: int) -> float:
        surprise = self.surprise()
        shown, so_far = [0.0], 0.0  # shown[k]: expected surprise of an item's first k tokens
        for nats in surprise:
            so_far += nats
            shown.append(so_far)
        starts = [1.0] + [0.0] * length
        total = 0.0
        for position in range(length):
            total += starts[position] * shown[min(length - position, len(surprise))]
            for item_length, probability in self.length_odds().items():
                if position + item_length <= length:
                    starts[position + item_length] += starts[position] * probability
        return total


def close_gaps(rows: Tensor, length: int) -> Tensor:
    """Shift the tokens of `rows` (n, width) left over the gaps; return the first `length` of each.

    Every row must hold at least `length` tokens.
    """
    filled = rows != GAP
    place = (filled.cumsum(1) - 1).clamp_(max=length)
    place = place.masked_fill_(~filled, length)  # gaps and the overflow go to one spare column
    result = rows.new_empty(rows.shape[0], length + 1)
    return result.scatter_(1, place, rows)[:, :length]
