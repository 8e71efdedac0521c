"""Specialists into one student: whose text, which signal, and the loss as TRL has it."""

from dataclasses import replace

import pytest
import torch
from training_helpers import Counter

from lessons_lib.config import CorpusConfig, ModelConfig, OptimizerConfig, TrainConfig
from lessons_lib.config.muon import RaceConfig
from lessons_lib.config.specialists import DistilConfig, SpecialistsConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.training.specialists import (
    apart,
    distil,
    owner,
    signal_loss,
    specialists_say,
    specialists_write,
    train_specialists,
)

LANGUAGES = CorpusConfig("languages", n=2)
SHAPE = ModelConfig(vocab_size=106, dim=16, n_layers=1, n_heads=2, inter_dim=24, max_seq_len=12)


def plan(steps, rate=2e-2):
    train = TrainConfig(
        SHAPE, LANGUAGES, steps, batch_size=8, length=8, optimizer=OptimizerConfig(rate, warmup_steps=2)
    )
    return RaceConfig(train, "Muon", 4 * rate)


SPECIALISTS = SpecialistsConfig(plan(3), plan(40))
STUDENT = DistilConfig(SPECIALISTS, "own", "reverse", steps=4, batch_size=8)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))


def logits(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_first_half_of_the_languages_has_the_first_specialist():
    assert owner(torch.arange(4), 4).tolist() == [0, 0, 1, 1]


def test_losses_are_those_of_a_loop():
    student, teacher, written = logits(0, 2, 3, 5), logits(1, 2, 3, 5), torch.tensor([[0, 4, 1], [2, 2, 3]])
    p, q = student.softmax(-1), teacher.softmax(-1)
    forward = sum(
        q[i, t, v] * (q[i, t, v] / p[i, t, v]).log() for i in range(2) for t in range(3) for v in range(5)
    )
    reverse = sum(
        p[i, t, v] * (p[i, t, v] / q[i, t, v]).log() for i in range(2) for t in range(3) for v in range(5)
    )
    token = -sum(p[i, t, written[i, t]].log() for i in range(2) for t in range(3))
    torch.testing.assert_close(signal_loss(student, teacher, written, "forward", False), forward / 6)
    torch.testing.assert_close(signal_loss(student, teacher, written, "reverse", True), reverse / 6)
    torch.testing.assert_close(signal_loss(student, teacher, written, "token", False), token / 6)
    with pytest.raises(ValueError, match="signal"):
        signal_loss(student, teacher, written, "both", False)


def test_the_reverse_loss_and_its_gradient_are_trls():
    trl = pytest.importorskip("trl.experimental.gkd.gkd_trainer")
    ours, theirs = (logits(0, 2, 3, 5).requires_grad_() for _ in range(2))
    teacher = logits(1, 2, 3, 5)
    loss = signal_loss(ours, teacher, torch.zeros(2, 3, dtype=torch.int64), "reverse", True)
    labels = torch.zeros(2, 3, dtype=torch.int64)  # none is left out
    other = trl.GKDTrainer.generalized_jsd_loss(theirs, teacher, labels, beta=1)
    loss.backward()
    other.backward()
    torch.testing.assert_close(loss, other)
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_sampled_token_has_the_right_gradient_on_average():
    # exactly: the mean over all tokens, each with the student's own probability
    student, teacher = logits(0, 1, 1, 6).requires_grad_(), logits(1, 1, 1, 6)
    (full,) = torch.autograd.grad(
        signal_loss(student, teacher, torch.zeros(1, 1).long(), "reverse", True), student
    )
    mean = torch.zeros_like(full)
    for token, chance in enumerate(student.detach().softmax(-1)[0, 0]):
        loss = signal_loss(student, teacher, torch.tensor([[token]]), "token", True)
        mean += chance * torch.autograd.grad(loss, student)[0]
    torch.testing.assert_close(mean, full)


def test_specialists_know_their_half_and_the_student_learns_from_both():
    found = train_specialists(SPECIALISTS, 0, progress=Counter())
    corpus = build_corpus(LANGUAGES)
    tokens, languages = corpus.batch(200, 8, torch.Generator().manual_seed(0))
    said = specialists_say(found.pair, tokens[:, :-1], languages, 2)
    for k, one in enumerate(found.pair):
        torch.testing.assert_close(said[languages == k], one(tokens[languages == k][:, :-1]))
    right = said.log_softmax(-1).gather(-1, tokens[:, 1:, None]).mean()
    swapped = specialists_say(found.pair[::-1], tokens[:, :-1], languages, 2).log_softmax(-1)
    assert right > swapped.gather(-1, tokens[:, 1:, None]).mean() + 0.05
    before = apart(found.base, found.pair, corpus, 8)
    for signal in ("forward", "reverse"):
        taught = distil(replace(STUDENT, steps=15, signal=signal), 0, progress=Counter())
        assert 0 < taught.apart < 0.9 * before


def test_each_specialist_writes_behind_its_own_tags():
    found = train_specialists(SPECIALISTS, 0, progress=Counter())
    tags, languages = torch.tensor([[20], [21], [20]]), torch.tensor([0, 1, 0])
    texts = specialists_write(found.pair, tags, languages, 5, torch.Generator().manual_seed(1), 2)
    again = torch.Generator().manual_seed(1)
    first = found.pair[0].generate(tags[[0, 2]], 5, temperature=1.0, generator=again)
    second = found.pair[1].generate(tags[[1]], 5, temperature=1.0, generator=again)
    assert torch.equal(texts[[0, 2]], first) and torch.equal(texts[[1]], second)


def test_text_and_signal_change_what_is_learned():
    results = {
        (text, signal): distil(replace(STUDENT, text=text, signal=signal), 0, progress=Counter()).gap
        for text in ("teachers", "own")
        for signal in ("token", "forward", "reverse")
    }
    assert len(set(results.values())) == 6


def test_corpora_and_models_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one corpus of an even number"):
        SpecialistsConfig(plan(3), replace(plan(3), train=replace(plan(3).train, corpus=CorpusConfig())))
    other = replace(plan(3), train=replace(plan(3).train, model=replace(SHAPE, dim=32)))
    with pytest.raises(ValueError, match="both need the same model"):
        SpecialistsConfig(plan(3), other)
