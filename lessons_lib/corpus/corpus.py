"""A corpus: domains with one vocabulary, from which windows are drawn and whose entropy is known.

A window is a domain's tag and then the first `length` tokens of a fresh stream of that domain. The
domain is drawn uniformly. The tag is given, everything after it is scored.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.config import CorpusConfig

from . import mixed
from .automata import AutomatonDomain, Walk
from .checking import check_batch, check_count, check_names, check_seed, check_windows
from .languages import languages
from .process import Domain, odds_after, score
from .tokenizer import TAGS, Vocabulary


@dataclass(frozen=True)
class Floor:
    """The entropy of a corpus in nats per scored token: no model can have a smaller expected loss."""

    total: float
    per_domain: dict[str, float]


class Corpus:
    """The mixed corpus, or those of its `domains` that are named; see also the other constructors.

    `seed` draws what is fixed within a domain (the languages' tables, the facts). Unknown or repeated
    names raise ValueError.
    """

    def __init__(self, seed: int = 0, domains: Iterable[str] | None = None) -> None:
        if isinstance(domains, str):
            raise TypeError(f"domains must be several names, such as ({domains!r},), not one text")
        names = mixed.NAMES if domains is None else tuple(domains)
        check_names(names, mixed.NAMES)
        vocabulary = Vocabulary()
        self._assemble(vocabulary, mixed.build_domains(vocabulary, check_seed(seed), names))

    @classmethod
    def languages(cls, n: int = 16, seed: int = 0) -> "Corpus":
        """Return a corpus of `n` order-2 Markov languages over ten symbols, smooth and low in noise."""
        check_count("n", n)
        if n > len(TAGS):
            raise ValueError(
                f"n={n} languages are too many: there are {len(TAGS)} tags, and each needs its own"
            )
        vocabulary, names = Vocabulary(), [f"language_{i + 1}" for i in range(n)]
        domains = languages(vocabulary, names, TAGS[:n], symbols=10, seed=check_seed(seed))
        corpus = cls.__new__(cls)
        corpus._assemble(vocabulary, domains)
        return corpus

    @classmethod
    def from_text(cls, path: str | os.PathLike[str]) -> "Corpus":
        """Return a corpus of windows cut anywhere from a UTF-8 text file; all it lacks is the floor.

        The vocabulary is the special names and the file's own characters. There is no tag: token 0 of a
        window is the character before the scored ones. An empty or binary file raises ValueError.
        """
        from .text import TextCorpus  # late, because it builds on this class

        return TextCorpus(path)

    def _assemble(self, vocabulary: Vocabulary, domains: Sequence[Domain]) -> None:
        self._vocabulary = vocabulary
        self._domains = list(domains)
        self._tags = vocabulary.tokens(domain.tag for domain in domains)
        self._automata = [i for i, d in enumerate(domains) if isinstance(d, AutomatonDomain)]
        self._walk = Walk([self._domains[i] for i in self._automata]) if self._automata else None

    @property
    def vocab_size(self) -> int:
        return len(self._vocabulary)

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains; a domain's id is its place here."""
        return tuple(domain.name for domain in self._domains)

    def token(self, name: str) -> int:
        """Return the id of one token, such as `"<eos>"` or `"a"`."""
        return self._vocabulary.token(name)

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; special names such as `<eos>` are one token each."""
        return self._vocabulary.encode(text)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`, a list or a 1-D tensor."""
        return self._vocabulary.decode(ids)

    def batch(self, size: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return windows (size, length + 1) int64 and the ids of their domains (size,) int64."""
        check_batch(size, length, generator)
        domain_ids = torch.randint(len(self._domains), (size,), generator=generator)
        counts = domain_ids.bincount(minlength=len(self._domains)).tolist()
        blocks: dict[int, Tensor] = {}
        if self._walk is not None and any(counts[i] for i in self._automata):
            walked = [counts[i] for i in self._automata]
            streams = self._walk.sample(walked, length, generator).split(walked)
            blocks = dict(zip(self._automata, streams, strict=True))
        for i, count in enumerate(counts):
            if count and i not in blocks:
                blocks[i] = self._domains[i].sample(count, length, generator)
        tokens = torch.empty(size, length + 1, dtype=torch.int64)
        tokens[:, 0] = self._tags[domain_ids]
        by_domain = domain_ids.argsort(stable=True)
        tokens[by_domain, 1:] = torch.cat([blocks[i] for i in sorted(blocks)])
        return tokens, domain_ids

    def log_probs(self, tokens: Tensor, domain_ids: Tensor) -> Tensor:
        """Return the true log-probability of every token but the first, (size, length) float64, in nats.

        `tokens` (size, length + 1), `domain_ids` (size,), both int64, as `batch` gives them. A token that
        its domain cannot write has minus infinity, and so have those after it in its window.
        """
        check_windows(tokens, domain_ids, len(self._domains))
        rows = []
        for window, i in zip(tokens.tolist(), domain_ids.tolist(), strict=True):
            tag, *names = self._names(window)
            self._check_tag(tag, i)
            rows.append(score(self._domains[i].script(), names))
        return torch.tensor(rows, dtype=torch.float64).reshape(tokens[:, 1:].shape)

    def next_token_probs(self, prefix_tokens: Tensor, domain_id: int) -> Tensor:
        """Return the true odds of the next token, (vocab_size,) float64.

        `prefix_tokens` is 1-D and begins with the tag of domain `domain_id`; a prefix that this domain
        cannot write raises ValueError.
        """
        domain_id = int(domain_id)
        if not 0 <= domain_id < len(self._domains):
            raise ValueError(f"domain id {domain_id} is not in 0..{len(self._domains) - 1}")
        tag, *names = self._names(torch.as_tensor(prefix_tokens).tolist())
        self._check_tag(tag, domain_id)
        odds = odds_after(self._domains[domain_id].script(), names)
        result = torch.zeros(self.vocab_size, dtype=torch.float64)
        result[self._vocabulary.tokens(odds)] = torch.tensor(list(odds.values()), dtype=torch.float64)
        return result

    def entropy_floor(self, length: int) -> Floor | None:
        """Return the exact entropy per scored token of windows with `length` scored tokens."""
        check_count("length", length)
        per_domain = {domain.name: domain.entropy(length) / length for domain in self._domains}
        return Floor(total=sum(per_domain.values()) / len(per_domain), per_domain=per_domain)

    def _names(self, ids: list[int]) -> list[str]:
        """Return the names of token ids; ValueError for an id outside the vocabulary or for no id."""
        names = self._vocabulary.names
        if not ids or min(ids) < 0 or max(ids) >= len(names):
            raise ValueError(f"token ids must be in 0..{len(names) - 1}, at least one, got {ids[:8]}...")
        return [names[i] for i in ids]

    def _check_tag(self, tag: str, domain_id: int) -> None:
        domain = self._domains[domain_id]
        if tag != domain.tag:
            raise ValueError(
                f"a window of domain {domain_id} ({domain.name}) begins with {domain.tag!r}, not {tag!r}"
            )


def build_corpus(config: CorpusConfig) -> Corpus:
    """Return the corpus that `config` describes."""
    if config.kind == "languages":
        if config.domains is not None:
            raise ValueError(f"domains={config.domains} name mixed ones; of the languages choose n")
        return Corpus.languages(n=config.n, seed=config.seed)
    return Corpus(seed=config.seed, domains=config.domains)
