"""Windows of domains made by rule: the domain is drawn, then a fresh stream of it behind its tag."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .automata import AutomatonDomain, Walk
from .checking import check_windows
from .process import Domain, odds_after, score
from .source import Floor, Source
from .tokenizer import Vocabulary


class ByRule(Source):
    """`domains` with one vocabulary; the automata among them are walked together."""

    def __init__(self, vocabulary: Vocabulary, domains: Sequence[Domain]) -> None:
        self.vocabulary = vocabulary
        self.names = tuple(domain.name for domain in domains)
        self._domains = list(domains)
        self._tags = vocabulary.tokens(domain.tag for domain in domains)
        automata = {i: d for i, d in enumerate(domains) if isinstance(d, AutomatonDomain)}
        self._automata = list(automata)
        self._walk = Walk(list(automata.values())) if automata else None

    def batch(self, size: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
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
        check_windows(tokens, domain_ids, len(self._domains))
        rows = []
        for window, i in zip(tokens.tolist(), domain_ids.tolist(), strict=True):
            tag, *names = self._names(window)
            self._check_tag(tag, i)
            rows.append(score(self._domains[i].script(), names))
        return torch.tensor(rows, dtype=torch.float64).reshape(tokens[:, 1:].shape)

    def next_token_probs(self, prefix_tokens: Tensor, domain_id: int) -> Tensor:
        if not 0 <= domain_id < len(self._domains):
            raise ValueError(f"domain id {domain_id} is not in 0..{len(self._domains) - 1}")
        tag, *names = self._names(torch.as_tensor(prefix_tokens).tolist())
        self._check_tag(tag, domain_id)
        odds = odds_after(self._domains[domain_id].script(), names)
        result = torch.zeros(len(self.vocabulary), dtype=torch.float64)
        result[self.vocabulary.tokens(odds)] = torch.tensor(list(odds.values()), dtype=torch.float64)
        return result

    def entropy_floor(self, length: int) -> Floor:
        per_domain = {domain.name: domain.entropy(length) / length for domain in self._domains}
        return Floor(total=sum(per_domain.values()) / len(per_domain), per_domain=per_domain)

    def _names(self, ids: list[int]) -> list[str]:
        """Return the names of token ids; ValueError for an id outside the vocabulary or for no id."""
        names = self.vocabulary.names
        if not ids or min(ids) < 0 or max(ids) >= len(names):
            raise ValueError(f"token ids must be in 0..{len(names) - 1}, at least one, got {ids[:8]}...")
        return [names[i] for i in ids]

    def _check_tag(self, tag: str, domain_id: int) -> None:
        domain = self._domains[domain_id]
        if tag != domain.tag:
            raise ValueError(
                f"a window of domain {domain_id} ({domain.name}) begins with {domain.tag!r}, not {tag!r}"
            )
