"""A corpus: domains with one vocabulary, from which windows are drawn and whose entropy is known.

A window is a domain's tag and then the first `length` tokens of a fresh stream of that domain. The
domain is drawn uniformly. The tag is given, everything after it is scored.
"""

import os
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lessons_lib.arguments import whole_ids
from lessons_lib.config import CorpusConfig
from lessons_lib.signatures import checked

from . import mixed
from .by_rule import ByRule
from .checking import check_names, check_seed
from .languages import languages
from .source import Floor, Source
from .text import OneText
from .tokenizer import TAGS, Vocabulary


class Corpus:
    """The mixed corpus, or those of its `domains` that are named; see also the other constructors.

    `seed` draws what is fixed within a domain (the languages' tables, the facts). Unknown or repeated
    names raise ValueError.
    """

    @checked()
    def __init__(self, seed: int = 0, domains: Iterable[str] | None = None) -> None:
        names = mixed.NAMES if domains is None else tuple(domains)
        check_names(names, mixed.NAMES)
        vocabulary = Vocabulary()
        self._source: Source = ByRule(vocabulary, mixed.build_domains(vocabulary, check_seed(seed), names))

    @classmethod
    @checked(n="1..")
    def languages(cls, n: int = 16, seed: int = 0) -> "Corpus":
        """Return a corpus of `n` order-2 Markov languages over ten symbols, smooth and low in noise."""
        if n > len(TAGS):
            raise ValueError(
                f"n={n} languages are too many: there are {len(TAGS)} tags, and each needs its own"
            )
        vocabulary, names = Vocabulary(), [f"language_{i + 1}" for i in range(n)]
        domains = languages(vocabulary, names, TAGS[:n], symbols=10, seed=check_seed(seed))
        return cls._of(ByRule(vocabulary, domains))

    @classmethod
    @checked()
    def from_text(cls, path: str | os.PathLike[str]) -> "Corpus":
        """Return a corpus of windows cut anywhere from a UTF-8 text file; all it lacks is the floor.

        The vocabulary is the special names and the file's own characters. There is no tag: token 0 of a
        window is the character before the scored ones. An empty or binary file raises ValueError.
        """
        return cls._of(OneText(path))

    @classmethod
    def _of(cls, source: Source) -> "Corpus":
        corpus = cls.__new__(cls)
        corpus._source = source
        return corpus

    @property
    def vocab_size(self) -> int:
        return len(self._source.vocabulary)

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains; a domain's id is its place here."""
        return self._source.names

    @checked()
    def token(self, name: str) -> int:
        """Return the id of one token, such as `"<eos>"` or `"a"`."""
        return self._source.vocabulary.token(name)

    @checked()
    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; special names such as `<eos>` are one token each."""
        return self._source.vocabulary.encode(text)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`, a list or a 1-D tensor."""
        return self._source.vocabulary.decode(ids)

    @checked(size="1..", length="1..")
    def batch(self, size: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return windows (size, length + 1) int64 and the ids of their domains (size,) int64."""
        return self._source.batch(size, length, generator)

    def log_probs(self, tokens: Tensor, domain_ids: Tensor) -> Tensor:
        """Return the true log-probability of every token but the first, (size, length) float64, in nats.

        `tokens` (size, length + 1), `domain_ids` (size,), both int64, as `batch` gives them. A token that
        its domain cannot write has minus infinity, and so have those after it in its window.
        """
        return self._source.log_probs(tokens, domain_ids)

    @checked()
    def next_token_probs(self, prefix_tokens: Tensor | Sequence[int], domain_id: int) -> Tensor:
        """Return the true odds of the next token, (vocab_size,) float64.

        `prefix_tokens` is 1-D and begins with the tag of domain `domain_id`; a prefix that this domain
        cannot write raises ValueError.
        """
        prefix = whole_ids(prefix_tokens, self.vocab_size, "this vocabulary")
        return self._source.next_token_probs(torch.tensor(prefix, dtype=torch.int64), domain_id)

    @checked(length="1..")
    def entropy_floor(self, length: int) -> Floor | None:
        """Return the exact entropy per scored token of windows with `length` scored tokens.

        None for a reader's own text: nobody knows the process that wrote it.
        """
        return self._source.entropy_floor(length)


@checked()
def build_corpus(config: CorpusConfig) -> Corpus:
    """Return the corpus that `config` describes."""
    if config.kind == "languages":
        return Corpus.languages(n=config.n, seed=config.seed)
    return Corpus(seed=config.seed, domains=config.domains)
