"""The corpus is worth learning: counting pairs is not enough, and neither is looking back a little.

A corpus on which a table or a short window came near the floor could not show what attention is for.
"""

import math

import pytest
import torch

from lessons_lib.corpus import Corpus

LENGTH = 96


@pytest.fixture(scope="module")
def corpus():
    return Corpus()


@pytest.fixture(scope="module")
def windows(corpus):
    """Windows to count in, and others to judge by; each with its domain ids."""
    count_in = corpus.batch(12_000, LENGTH, torch.Generator().manual_seed(1))
    judge_by = corpus.batch(2000, LENGTH, torch.Generator().manual_seed(2))
    return count_in, judge_by


def gap_of_table(corpus, windows, table_of: torch.Tensor) -> float:
    """Return how far above the process a bigram table stays, nats per token.

    `table_of` (domains,) says which table each domain uses. The tables are counted in 1.2 million
    tokens, a hundredth added to each count so that a new pair is no impossibility.
    """
    (counted, counted_ids), (judged, judged_ids) = windows
    n_tables, vocab_size = int(table_of.max()) + 1, corpus.vocab_size
    counts = torch.full((n_tables * vocab_size * vocab_size,), 0.01, dtype=torch.float64)
    place = (table_of[counted_ids][:, None] * vocab_size + counted[:, :-1]) * vocab_size + counted[:, 1:]
    counts += place.flatten().bincount(minlength=len(counts))
    counts = counts.view(n_tables, vocab_size, vocab_size)
    log_table = (counts / counts.sum(2, keepdim=True)).log()
    table = log_table[table_of[judged_ids][:, None], judged[:, :-1], judged[:, 1:]]
    # against the same windows' true log-probabilities, which takes most of the sampling noise away
    return (corpus.log_probs(judged, judged_ids) - table).mean().item()


def test_a_bigram_table_stays_far_above_the_floor(corpus, windows):
    one_table = torch.zeros(len(corpus.domains), dtype=torch.int64)
    assert gap_of_table(corpus, windows, one_table) > 0.4


def test_even_a_bigram_table_for_each_domain_does(corpus, windows):
    assert gap_of_table(corpus, windows, torch.arange(len(corpus.domains))) > 0.4


# Two windows whose last 16 tokens agree, and where the true next token is certain and different.
FAR_APART = {
    "copy": ("Cabcdefghijklmnop|", "Czbcdefghijklmnop|"),
    "recall": ("K1a2b3c4d5e6f7g8h?c3?d4?e5?f6?a", "K9a2b3c4d5e6f7g8h?c3?d4?e5?f6?a"),
    "stories": ("Stom met a red cow at the farm. the ", "Stom met a big cow at the farm. the "),
    "arithmetic": ("A3+5+9+2=<think>3+5=8;8+9=17;17+", "A3+5+9+4=<think>3+5=8;8+9=17;17+"),
}


@pytest.mark.parametrize("name", FAR_APART)
def test_four_domains_need_what_stands_16_tokens_back(corpus, name):
    first, second = (corpus.encode(text) for text in FAR_APART[name])
    assert first[-16:] == second[-16:]
    domain_id = corpus.domains.index(name)
    odds = [corpus.next_token_probs(torch.tensor(prefix), domain_id) for prefix in (first, second)]
    assert odds[0].max() == 1.0 and odds[1].max() == 1.0
    assert odds[0].argmax() != odds[1].argmax()


def test_no_reader_of_8_tokens_can_come_near_the_floor_of_copying(corpus):
    """A bound that no training changes: a copied letter is 17 tokens back, hence uniform to such a reader."""
    floor = corpus.entropy_floor(LENGTH).per_domain["copy"]
    tokens, ids = Corpus(domains=["copy"]).batch(1, LENGTH, torch.Generator().manual_seed(3))
    certain = Corpus(domains=["copy"]).log_probs(tokens, ids)[0] == 0
    letters = torch.tensor([corpus.token("a") <= int(t) <= corpus.token("z") for t in tokens[0, 1:]])
    copied = int((certain & letters).sum())
    assert copied * math.log(26) / LENGTH > 1.4
    assert floor == pytest.approx((int(letters.sum()) - copied) * math.log(26) / LENGTH, abs=1e-12)
