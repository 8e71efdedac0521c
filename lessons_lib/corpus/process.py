"""What a domain is: a random process that writes one token after another, with its odds open to view.

Each domain has two forms. The *script* is the plain one, a Python generator that yields the odds of
the next token (a dictionary from token to probability) and is sent the token that came; from it come
the log-probabilities, the next-token odds and, in the tests, the exhaustive proofs. The *sampler* is
the fast one, a few tensor operations for many windows at once. Neither is derived from the other, and
the tests hold them to each other.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence

import torch
from torch import Tensor

from lessons_lib.signatures import checked

Odds = dict[str, float]  # next token -> probability; a token that is absent is impossible
Script = Generator[Odds, str, None]  # yields odds, is sent the token that came
Spelling = Generator[Odds, str, str]  # a script that ends, and returns what it wrote


class Domain(ABC):
    """One random process over tokens; `tag` is the upper-case letter that opens its windows."""

    name: str
    tag: str

    @abstractmethod
    def script(self) -> Script:
        """Yield the odds of each next token of an endless stream, and be sent what came."""

    @abstractmethod
    def sample(self, n: int, length: int, generator: torch.Generator) -> Tensor:
        """Return the first `length` tokens of `n` fresh streams, (n, length) int64."""

    @abstractmethod
    def entropy(self, length: int) -> float:
        """Return the exact entropy of a stream's first `length` tokens together, in nats."""


@checked(tokens="1..")
def uniform(tokens: str | Sequence[str]) -> Odds:
    """Return the odds in which each of the (different) `tokens` is equally likely."""
    return dict.fromkeys(tokens, 1 / len(tokens))


@checked()
def certain(token: str) -> Odds:
    """Return the odds of a token that must come."""
    return {token: 1.0}


@checked(odds="1..")
def surprise(odds: Odds) -> float:
    """Return the expected surprise (the entropy) of one draw from `odds`, in nats."""
    return -sum(p * math.log(p) for p in odds.values() if p)


def literal(tokens: Iterable[str]) -> Script:
    """Script tokens that are all certain; a plain text counts as its characters."""
    for token in tokens:
        yield certain(token)


def spell(words: Sequence[str]) -> Spelling:
    """Script one of `words`, all equally likely, letter by letter; return the word.

    No word may begin another, or the script could not tell where a word ends.
    """
    candidates, written = list(words), ""
    while candidates != [written]:
        odds: Odds = {}
        for word in candidates:
            letter = word[len(written)]
            odds[letter] = odds.get(letter, 0.0) + 1 / len(candidates)
        written += yield odds
        candidates = [word for word in candidates if word.startswith(written)]
    return written


@checked(words="1..")
def spelling_surprise(words: Sequence[str]) -> list[float]:
    """Return the expected surprise, in nats, of each letter of `spell(words)`, longest word's length.

    A word that has ended adds nothing: entry i is the sum over the prefixes of i letters of the
    prefix's probability times the entropy of the letter after it.
    """
    result = []
    for i in range(max(map(len, words))):
        surprise = 0.0
        for word in words:
            if len(word) > i:
                sharing = sum(other.startswith(word[:i]) for other in words)
                agreeing = sum(other.startswith(word[: i + 1]) for other in words)
                surprise += math.log(sharing / agreeing) / len(words)
        result.append(surprise)
    return result


def score(script: Script, tokens: Iterable[str]) -> list[float]:
    """Return the log-probability of each token under a fresh `script`, in nats.

    An impossible token has minus infinity, and so has every token after it.
    """
    log_probs: list[float] = []
    odds = next(script)
    broken = False
    for token in tokens:
        probability = 0.0 if broken else odds.get(token, 0.0)
        if probability == 0.0:
            broken = True
            log_probs.append(-math.inf)
        else:
            log_probs.append(math.log(probability))
            odds = script.send(token)
    return log_probs


def odds_after(script: Script, tokens: Sequence[str]) -> Odds:
    """Return the odds of the token that follows `tokens`; ValueError where these cannot occur."""
    odds = next(script)
    for position, token in enumerate(tokens):
        if token not in odds:
            raise ValueError(f"this domain cannot write {token!r} at position {position + 1} of the window")
        odds = script.send(token)
    return odds
