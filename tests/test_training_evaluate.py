"""Losses and gaps against slow loops, and against models whose answers are known beforehand."""

import math

import pytest
import torch
from torch import nn
from training_helpers import TINY

from lessons_lib.corpus import Corpus, build_corpus
from lessons_lib.runs import seed_for
from lessons_lib.training import evaluate, held_out_windows, token_losses, training_batches


@pytest.fixture(scope="module")
def corpus():
    return build_corpus(TINY.corpus)


class Knows(nn.Module):
    """Answers with the process's own probabilities: the best model that there can be."""

    def __init__(self, corpus):
        super().__init__()
        self.corpus = corpus
        self.of_tag = {int(row[0]): int(i) for row, i in zip(*corpus.batch(200, 1, torch.Generator()))}

    def forward(self, tokens):
        logits = torch.empty(*tokens.shape, self.corpus.vocab_size, dtype=torch.float64)
        for i, row in enumerate(tokens):
            for t in range(len(row)):
                probs = self.corpus.next_token_probs(row[: t + 1], self.of_tag[int(row[0])])
                logits[i, t] = probs.log()
        return logits


class Sums(nn.Module):
    """Random logits that depend on everything it is shown, by the sum of the tokens and their number."""

    def __init__(self, vocab_size):
        super().__init__()
        self.table = torch.randn(97, vocab_size, generator=torch.Generator().manual_seed(0))

    def forward(self, tokens):
        seen = tokens.cumsum(1) + 31 * torch.arange(tokens.shape[1])
        return self.table[seen % 97]


def slow_losses(model, tokens, context):
    """One token at a time, and only the tag and the last `context` tokens shown."""
    losses = torch.empty(tokens.shape[0], tokens.shape[1] - 1, dtype=torch.float64)
    for i, row in enumerate(tokens.tolist()):
        for t in range(1, len(row)):
            shown = [row[0], *row[1:t][-context:]]
            logits = model(torch.tensor([shown]))[0, -1].double()
            losses[i, t - 1] = logits.logsumexp(0) - logits[row[t]]
    return losses


@pytest.mark.parametrize("context", [1, 3, 14, 15, 16, 40, None])
def test_losses_are_those_of_a_loop_that_shows_the_model_only_the_context(corpus, context):
    tokens = held_out_windows(corpus, 5, 16).tokens
    model = Sums(corpus.vocab_size)
    found = token_losses(model, tokens, context)
    # one float32 row of the table, the same sums in float64
    torch.testing.assert_close(found, slow_losses(model, tokens, context or 100), rtol=0, atol=1e-10)


def test_the_process_itself_has_no_gap_though_its_loss_has_the_luck_of_the_draw(corpus):
    found = evaluate(Knows(corpus), corpus, windows=6, length=10)
    assert found.gap == pytest.approx(0, abs=1e-10)
    assert all(abs(gap) < 1e-10 for gap in found.gap_per_domain.values())
    assert abs(found.total - corpus.entropy_floor(10).total) > 1e-3


def test_means_are_those_of_the_windows_and_of_each_domains_windows(corpus):
    model = Sums(corpus.vocab_size)
    windows = held_out_windows(corpus, 30, 8, seed=4)
    losses = token_losses(model, windows.tokens)
    found = evaluate(model, corpus, windows=30, length=8, seed=4)
    assert found.total == pytest.approx(losses.mean().item(), abs=1e-12)
    for i, name in enumerate(corpus.domains):
        mine = [k for k in range(30) if windows.domain_ids[k] == i]
        assert found.per_domain[name] == pytest.approx(losses[mine].mean().item(), abs=1e-12)
    true = -windows.log_probs.mean().item()
    assert found.gap == pytest.approx(found.total - true, abs=1e-12)


def test_a_domain_without_a_window_has_no_loss_rather_than_a_false_one(corpus):
    found = evaluate(Sums(corpus.vocab_size), corpus, windows=1, length=8)
    assert sum(math.isnan(loss) for loss in found.per_domain.values()) == len(corpus.domains) - 1


def test_a_model_keeps_its_mode_and_its_gradients(corpus):
    model = nn.Sequential(nn.Embedding(corpus.vocab_size, corpus.vocab_size), nn.Dropout(0.9))
    model[0].weight.grad = torch.ones_like(model[0].weight)
    one = token_losses(model.train(), held_out_windows(corpus, 3, 8).tokens)
    assert model.training and model[1].training and (model[0].weight.grad == 1).all()
    assert torch.equal(one, token_losses(model.eval(), held_out_windows(corpus, 3, 8).tokens))
    assert not model.training


def test_held_out_windows_are_the_same_for_everybody_and_never_those_of_training(corpus):
    one, two = (held_out_windows(corpus, 50, 16) for _ in range(2))
    assert torch.equal(one.tokens, two.tokens) and torch.equal(one.log_probs, two.log_probs)
    assert not torch.equal(one.tokens, held_out_windows(corpus, 50, 16, seed=1).tokens)
    held_out = {tuple(row) for row in one.tokens.tolist()}
    for seed in range(3):
        batch = training_batches(corpus, TINY, seed)
        assert held_out.isdisjoint(tuple(row) for step in range(64) for row in batch(step).tolist())


def test_no_seed_makes_a_training_stream_a_held_out_stream():
    """torch's generator reads 32 bits of its seed; training has the even ones, testing the odd."""
    training = {seed_for(seed, f"training windows, block {b}") for seed in range(50) for b in range(50)}
    testing = {seed_for(seed, "held-out windows", held_out=True) for seed in range(2500)}
    assert all(seed % 2 == 0 and seed < 2**32 for seed in training)
    assert all(seed % 2 == 1 and seed < 2**32 for seed in testing)
    assert len(training) == len(testing) == 2500


def test_a_readers_own_text_has_a_loss_but_no_gap(tmp_path):
    (tmp_path / "text.txt").write_text("the cat sat on the mat, and the dog sat on the cat. " * 20)
    corpus = Corpus.from_text(tmp_path / "text.txt")
    found = evaluate(Sums(corpus.vocab_size), corpus, windows=4, length=8)
    assert math.isfinite(found.total) and found.gap is None and found.gap_per_domain is None


@pytest.mark.parametrize("windows, length", [(0, 8), (4, 0)])
def test_nothing_to_score_is_refused(corpus, windows, length):
    with pytest.raises(ValueError, match="at least 1"):
        evaluate(Sums(corpus.vocab_size), corpus, windows=windows, length=length)
