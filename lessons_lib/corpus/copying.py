"""Domains that repeat themselves: a word copied, a pattern that goes round.

The first time the letters cost what random letters cost. Their repetition is certain for a reader who
can look back far enough, and costs the same again for one who cannot.
"""

import math

import torch
from torch import Tensor

from lessons_lib.signatures import checked

from .items import ItemDomain
from .process import Script, certain, literal, uniform
from .tokenizer import DIGITS, LETTERS, Vocabulary


class Copy(ItemDomain):
    """A word of random letters, a bar, the same word again, a semicolon."""

    @checked()
    def __init__(self, vocabulary: Vocabulary, name: str, tag: str, letters: int, word: int) -> None:
        if not (1 <= letters <= len(LETTERS) and word >= 1):
            raise ValueError(f"letters={letters} must be 1 to {len(LETTERS)}, word={word} at least 1")
        self.name, self.tag = name, tag
        self.letters, self.word = LETTERS[:letters], word
        self.first_letter = vocabulary.token(LETTERS[0])  # the letters have consecutive ids
        self.bar_and_end = vocabulary.tokens(["|", ";"])

    def item(self) -> Script:
        word = []
        for _ in range(self.word):
            word.append((yield uniform(self.letters)))
        yield certain("|")
        yield from literal(word)
        yield certain(";")

    def sample_items(self, count: int, generator: torch.Generator) -> Tensor:
        word = torch.randint(len(self.letters), (count, self.word), generator=generator)
        word += self.first_letter
        bar, end = self.bar_and_end.expand(count, 2).split(1, dim=1)
        return torch.cat([word, bar, word, end], dim=1)

    def surprise(self) -> list[float]:
        return [math.log(len(self.letters))] * self.word + [0.0] * (self.word + 2)

    def length_odds(self) -> dict[int, float]:
        return {2 * self.word + 2: 1.0}


class Periodic(ItemDomain):
    """A digit, a colon, and a random pattern of that many letters going round until a semicolon."""

    @checked(letters="1..26")
    def __init__(
        self, vocabulary: Vocabulary, name: str, tag: str, letters: int, shortest: int, longest: int, run: int
    ) -> None:
        if not 1 <= shortest <= longest <= min(9, run):
            raise ValueError(f"periods {shortest} to {longest} do not fit 1 to 9 and a run of {run} tokens")
        self.name, self.tag = name, tag
        self.letters, self.periods, self.run = LETTERS[:letters], range(shortest, longest + 1), run
        self.first_letter = vocabulary.token(LETTERS[0])
        self.zero = vocabulary.token(DIGITS[0])
        self.colon_and_end = vocabulary.tokens([":", ";"])
        # which letter of the pattern stands at each place of the run
        self.turns = torch.arange(run) % torch.arange(1, 10)[:, None]  # (9, run), row p - 1

    def item(self) -> Script:
        period = int((yield uniform([str(p) for p in self.periods])))
        yield certain(":")
        pattern: list[str] = []
        for place in range(self.run):
            if place < period:
                pattern.append((yield uniform(self.letters)))
            else:
                yield certain(pattern[place % period])
        yield certain(";")

    def sample_items(self, count: int, generator: torch.Generator) -> Tensor:
        low, high = self.periods[0], self.periods[-1]
        period = torch.randint(low, high + 1, (count, 1), generator=generator)
        pattern = torch.randint(len(self.letters), (count, high), generator=generator)
        run = pattern.gather(1, self.turns[period[:, 0] - 1]) + self.first_letter
        colon, end = self.colon_and_end.expand(count, 2).split(1, dim=1)
        return torch.cat([period + self.zero, colon, run, end], dim=1)

    def surprise(self) -> list[float]:
        share_still_new = [
            sum(place < p for p in self.periods) / len(self.periods) for place in range(self.run)
        ]
        drawn = [share * math.log(len(self.letters)) for share in share_still_new]
        return [math.log(len(self.periods)), 0.0, *drawn, 0.0]

    def length_odds(self) -> dict[int, float]:
        return {self.run + 3: 1.0}
