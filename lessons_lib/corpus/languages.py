"""Random languages: the next symbol depends on the last two, by a table drawn once (order-2 Markov)."""

from collections.abc import Hashable, Sequence

import torch

from lessons_lib.signatures import checked

from .automata import RESOLUTION, AutomatonDomain, Moves
from .process import Script, uniform
from .tokenizer import LETTERS, Vocabulary

LEAST = 2  # every symbol keeps 2 of 960 in every place, so nothing is impossible


class Language(AutomatonDomain):
    """An order-2 Markov chain over the first letters; its first two symbols are uniform.

    `counts` (symbols, symbols, symbols): how many 960ths a third symbol has after two given ones.
    """

    @checked(counts="whole symbols symbols symbols")
    def __init__(self, vocabulary: Vocabulary, name: str, tag: str, counts: torch.Tensor) -> None:
        self.name, self.tag = name, tag
        self.symbols = LETTERS[: len(counts)]
        self.counts = {
            a + b: dict(zip(self.symbols, row, strict=True))
            for a, table in zip(self.symbols, counts.tolist(), strict=True)
            for b, row in zip(self.symbols, table, strict=True)
        }
        self.tabulate(vocabulary, start="")

    def script(self) -> Script:
        odds = {
            pair: {symbol: count / RESOLUTION for symbol, count in row.items()}
            for pair, row in self.counts.items()
        }
        last_two = (yield uniform(self.symbols)) + (yield uniform(self.symbols))
        while True:
            last_two = last_two[1] + (yield odds[last_two])

    def moves(self, state: Hashable) -> Moves:
        pair = str(state)  # what stands there so far, at most two symbols
        if len(pair) < 2:
            return {symbol: (RESOLUTION // len(self.symbols), pair + symbol) for symbol in self.symbols}
        return {symbol: (count, pair[1] + symbol) for symbol, count in self.counts[pair].items()}


@checked(n="1..", symbols="1..26", seed="0..")
def draw_languages(n: int, symbols: int, seed: int) -> torch.Tensor:
    """Return the tables of `n` languages, (n, symbols, symbols, symbols) int64, in 960ths.

    Each row is a Pólya urn (start with 3 balls of each colour, put back 20 more of the colour drawn):
    whole numbers all the way, so every machine draws the same tables, and the shares tend to a
    Dirichlet distribution with parameter 3/20 = 0.15: few likely symbols, many rare ones.
    """
    if RESOLUTION % symbols:
        raise ValueError(f"{symbols} symbols do not divide {RESOLUTION}, the grain of all odds")
    generator = torch.Generator().manual_seed(seed)
    rows = n * symbols**2
    balls = torch.full((rows, symbols), 3)
    row = torch.arange(rows)
    for drawn in range(RESOLUTION - LEAST * symbols):
        total = 3 * symbols + 20 * drawn
        ticket = torch.randint(total, (rows, 1), generator=generator)
        colour = (balls.cumsum(1) <= ticket).sum(1)
        balls[row, colour] += 20
    counts = (balls - 3) // 20 + LEAST
    return counts.view(n, symbols, symbols, symbols)


@checked(names="1..", symbols="1..26", seed="0..")
def languages(
    vocabulary: Vocabulary, names: Sequence[str], tags: str, symbols: int, seed: int
) -> list[Language]:
    """Return one `Language` for each of `names`, with the tag at the same place of `tags`."""
    tables = draw_languages(len(names), symbols, seed)
    return [
        Language(vocabulary, name, tag, table) for name, tag, table in zip(names, tags, tables, strict=True)
    ]
