"""The fast sampler against the plain script: the same strings, as often as they should come."""

import time

import pytest
import torch
from corpus_oracle import TINY, VOCABULARY, all_strings

from lessons_lib.config import CorpusConfig
from lessons_lib.corpus import Corpus, build_corpus

# Fingerprints of batch(64, 96) from a generator with seed 0, written down on x86 with torch 2.13.
MIXED = (12394061, 8903)
LANGUAGES = (8004009, 13825)


@pytest.mark.parametrize("length", [4, 9])
@pytest.mark.parametrize("kind", TINY)
def test_sampled_strings_come_as_often_as_the_script_says(kind, length):
    domain = TINY[kind]
    expected = all_strings(domain, length)
    drawn = 100_000
    rows, counts = domain.sample(drawn, length, torch.Generator().manual_seed(3)).unique(
        dim=0, return_counts=True
    )
    observed = {tuple(VOCABULARY.names[i] for i in row): n for row, n in zip(rows.tolist(), counts.tolist())}
    impossible = set(observed) - set(expected)
    assert not impossible
    # chi-square over the strings expected 5 times or more, the rarer ones pooled into one cell
    cells = [(observed.get(s, 0), p * drawn) for s, p in expected.items() if p * drawn >= 5]
    rare = sum(p * drawn for p in expected.values() if p * drawn < 5)
    if rare:
        cells.append((drawn - sum(seen for seen, _ in cells), rare))
    chi_square = sum((seen - mean) ** 2 / mean for seen, mean in cells)
    freedom = len(cells) - 1
    # mean `freedom`, standard deviation sqrt(2 * freedom); 5 of these for the long right tail
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5 + 1e-9


def test_the_sampler_never_writes_what_the_script_forbids():
    for corpus in (Corpus(seed=1), Corpus.languages(n=4)):
        tokens, ids = corpus.batch(600, 150, torch.Generator().manual_seed(4))
        assert torch.isfinite(corpus.log_probs(tokens, ids)).all()


@pytest.mark.parametrize("name", [*Corpus().domains])
def test_next_token_odds_sum_to_one_and_agree_with_log_probs(name):
    corpus = Corpus(domains=[name])
    tokens, ids = corpus.batch(2, 96, torch.Generator().manual_seed(5))
    log_probs = corpus.log_probs(tokens, ids)
    for window, scored in zip(tokens, log_probs):
        for t in range(96):
            odds = corpus.next_token_probs(window[: t + 1], 0)
            assert odds.shape == (corpus.vocab_size,) and odds.dtype == torch.float64
            assert odds.min() >= 0
            assert abs(odds.sum().item() - 1) < 1e-12
            assert odds[window[t + 1]].log().item() == pytest.approx(scored[t].item(), abs=1e-12)


def test_a_window_begins_with_the_tag_of_its_domain():
    for corpus in (Corpus(), Corpus.languages(n=26)):
        tokens, ids = corpus.batch(2000, 4, torch.Generator().manual_seed(6))
        tags = {(int(i), int(tag)) for i, tag in zip(ids, tokens[:, 0])}
        assert len(tags) == len(corpus.domains)  # every domain was drawn and has one tag
        assert len({tag for _, tag in tags}) == len(corpus.domains)  # and it is nobody else's
        assert all(corpus.decode([tag]).isupper() for _, tag in tags)


def test_domains_are_drawn_equally_often():
    _, ids = Corpus().batch(110_000, 1, torch.Generator().manual_seed(7))
    share = ids.bincount() / len(ids)
    even = 1 / len(Corpus().domains)
    # four standard deviations of a share of this many draws
    assert (share - even).abs().max() < 4 * (even * (1 - even) / len(ids)) ** 0.5


def test_shapes_and_types():
    tokens, ids = Corpus().batch(3, 7, torch.Generator().manual_seed(8))
    assert tokens.shape == (3, 8) and tokens.dtype == torch.int64
    assert ids.shape == (3,) and ids.dtype == torch.int64
    assert Corpus().log_probs(tokens, ids).shape == (3, 7)
    assert Corpus().log_probs(tokens, ids).dtype == torch.float64
    assert Corpus().log_probs(tokens[:0], ids[:0]).shape == (0, 7)


def test_a_shorter_window_is_the_beginning_of_a_longer_one_in_law():
    # not the same draws, but the same process: the first token's frequencies do not know the length
    corpus = Corpus(domains=["arithmetic"])
    short, _ = corpus.batch(20_000, 1, torch.Generator().manual_seed(9))
    long, _ = corpus.batch(20_000, 60, torch.Generator().manual_seed(10))
    difference = (short[:, 1].bincount(minlength=106) - long[:, 1].bincount(minlength=106)).abs()
    assert difference.max() < 4 * (2 * 2000 * 0.9) ** 0.5  # each digit comes 2000 +- 42 times in both


def test_one_seed_gives_one_corpus_and_one_batch():
    for make in (Corpus, Corpus.languages):
        first, again, other = make(seed=1), make(seed=1), make(seed=2)
        a, b, c = (x.batch(40, 30, torch.Generator().manual_seed(0)) for x in (first, again, other))
        assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
        assert not torch.equal(a[0], c[0])
        d = first.batch(40, 30, torch.Generator().manual_seed(1))
        assert not torch.equal(a[0], d[0])


def test_a_domain_is_the_same_whichever_others_are_there():
    alone, all_together = Corpus(domains=["facts"]), Corpus()
    facts, ids = alone.batch(50, 96, torch.Generator().manual_seed(0))
    its_id = torch.full_like(ids, all_together.domains.index("facts"))
    assert torch.isfinite(all_together.log_probs(facts, its_id)).all()
    two = Corpus(domains=["language_3", "language_1"])
    for name in two.domains:
        assert two.entropy_floor(20).per_domain[name] == all_together.entropy_floor(20).per_domain[name]


def test_a_batch_is_the_same_on_every_machine():
    # If only this fails, the committed outputs of the lessons no longer belong to this corpus.
    for corpus, expected in ((Corpus(), MIXED), (Corpus.languages(), LANGUAGES)):
        tokens, ids = corpus.batch(64, 96, torch.Generator().manual_seed(0))
        weights = torch.arange(1, 98)
        assert (int((tokens * weights).sum()), int((ids * torch.arange(64)).sum())) == expected


def test_a_million_tokens_a_second():
    # The lessons' budgets count on it. Measured here: 8 to 26 million a second, so a machine with a
    # tenth of this one's speed still passes, while a Python loop over tokens (0.2 million) does not.
    corpus, generator = Corpus(), torch.Generator().manual_seed(0)
    corpus.batch(16, 96, generator)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        corpus.batch(1024, 96, generator)
        seconds.append(time.perf_counter() - start)
    assert 1024 * 96 / min(seconds) > 1_000_000


def test_build_corpus_follows_its_configuration():
    assert build_corpus(CorpusConfig()).domains == Corpus().domains
    assert build_corpus(CorpusConfig(domains=("copy", "facts"))).domains == ("copy", "facts")
    languages = build_corpus(CorpusConfig(kind="languages", n=3, seed=7))
    assert languages.domains == ("language_1", "language_2", "language_3")
    assert languages.entropy_floor(9) == Corpus.languages(n=3, seed=7).entropy_floor(9)
