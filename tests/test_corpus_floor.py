"""The entropy floor: exact on tiny domains by exhausting them, right on the real ones by sampling.

A floor that is wrong by a hundredth would be believed: every loss curve of the course is read against it.
"""

import math

import pytest
import torch
from corpus_oracle import TINY, all_strings

from lessons_lib.corpus import Corpus

LENGTH = 96


@pytest.mark.parametrize("length", [1, 2, 3, 5, 7, 8, 9, 11])
@pytest.mark.parametrize("kind", TINY)
def test_the_entropy_is_that_of_all_strings(kind, length):
    domain = TINY[kind]
    probabilities = list(all_strings(domain, length).values())
    # fsum and numbers of order 1: what remains is rounding, some 1e-15 per string's product
    assert math.fsum(probabilities) == pytest.approx(1.0, abs=1e-12)
    by_enumeration = -math.fsum(p * math.log(p) for p in probabilities)
    assert domain.entropy(length) == pytest.approx(by_enumeration, abs=1e-10)


@pytest.mark.parametrize("kind", ["arithmetic of many", "copy", "stories", "facts"])
def test_the_entropy_is_exact_over_several_items(kind):
    # long enough for a second or third item, whose start then depends on the lengths before it
    domain = TINY[kind]
    length = {"arithmetic of many": 70, "copy": 14, "stories": 50, "facts": 14}[kind]
    probabilities = list(all_strings(domain, length).values())
    by_enumeration = -math.fsum(p * math.log(p) for p in probabilities)
    assert math.fsum(probabilities) == pytest.approx(1.0, abs=1e-12)
    assert domain.entropy(length) == pytest.approx(by_enumeration, abs=1e-10)


@pytest.mark.parametrize("name", [*Corpus().domains])
def test_a_large_sample_of_each_domain_agrees_with_its_floor(name):
    corpus = Corpus(domains=[name])
    tokens, ids = corpus.batch(4000, LENGTH, torch.Generator().manual_seed(1))
    surprise = -corpus.log_probs(tokens, ids).mean(1)  # windows are independent, tokens are not
    error = surprise.std().item() / len(surprise) ** 0.5
    assert error < 0.003
    difference = surprise.mean().item() - corpus.entropy_floor(LENGTH).per_domain[name]
    # domains whose every window costs the same have no sampling error, only rounding
    assert abs(difference) < max(4 * error, 1e-12)


@pytest.mark.parametrize(
    "corpus, windows",
    [(Corpus(seed=3), 45_000), (Corpus.languages(n=5, seed=3), 8000)],
    ids=["mixed", "languages"],
)
def test_a_large_sample_of_the_whole_agrees_with_the_floor(corpus, windows):
    # short windows: which domain was drawn makes the error, and only many windows make it small
    tokens, ids = corpus.batch(windows, 20, torch.Generator().manual_seed(2))
    surprise = -corpus.log_probs(tokens, ids).mean(1)
    error = surprise.std().item() / len(surprise) ** 0.5
    assert error < 0.003
    assert abs(surprise.mean().item() - corpus.entropy_floor(20).total) < 4 * error


def test_the_total_is_the_mean_over_the_domains():
    floor = Corpus().entropy_floor(LENGTH)
    assert tuple(floor.per_domain) == Corpus().domains
    assert floor.total == pytest.approx(sum(floor.per_domain.values()) / len(floor.per_domain))


def test_the_floor_counts_scored_tokens_only():
    # the first symbol of a language is uniform over 8: with one scored token that is the whole floor
    floor = Corpus(domains=["language_1"]).entropy_floor(1)
    assert floor.total == pytest.approx(math.log(8), abs=1e-12)
