"""A converted model's further training: what it starts from, what it sees, where it is measured."""

from dataclasses import replace

import pytest
import torch
from training_helpers import TINY

from lessons_lib.config import OptimizerConfig, UptrainConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import align_heads, average_heads, compress_heads
from lessons_lib.runs import run_store
from lessons_lib.runs.randomness import make_generator
from lessons_lib.training import (
    fresh_windows,
    held_out_windows,
    score_windows,
    train,
    training_batches,
    uptrain,
)
from lessons_lib.training.loop import update
from lessons_lib.training.optimizer import make_optimizer
from lessons_lib.training.uptraining import converted, further

SHORT = dict(base=TINY, steps=4, measured_at=(0, 3, 4), eval_windows=8)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))


def test_it_is_the_loop_by_hand_on_other_windows_than_the_base_saw():
    config = UptrainConfig(conversion="averaged", size=1, **SHORT)
    corpus, plan = build_corpus(TINY.corpus), further(config)
    held_out = held_out_windows(corpus, 8, TINY.length)
    model, batch = average_heads(train(TINY, 2).model, 1), training_batches(corpus, plan, 1002)
    optimizer, by_hand = make_optimizer(model, plan), []
    for step in range(5):
        by_hand.append(score_windows(model, held_out).gap)
        if step < 4:
            update(model, optimizer, batch(step), step, plan, None)
    found = uptrain(config, 2)
    assert found.steps == (0, 3, 4)
    assert found.gap == (by_hand[0], by_hand[3], by_hand[4])
    assert set(found.per_domain[0]) == set(corpus.domains)
    seen = [set(map(tuple, training_batches(corpus, TINY, s)(0).tolist())) for s in (2, 1002)]
    assert not seen[0] & seen[1]


def test_the_plan_is_the_bases_but_for_steps_and_optimizer():
    config = UptrainConfig(conversion="as it is", **SHORT)
    plan = further(config)
    assert (plan.steps, plan.optimizer.learning_rate, plan.optimizer.warmup_steps) == (4, 1e-3, 5)
    assert replace(plan, steps=TINY.steps, optimizer=TINY.optimizer) == TINY


@pytest.mark.parametrize(
    ("name", "size", "by_hand"),
    [
        ("averaged", 1, lambda m, tokens: average_heads(m, 1)),
        ("aligned", 1, lambda m, tokens: average_heads(align_heads(m, tokens, 1), 1)),
        ("one latent", 5, lambda m, tokens: compress_heads(m, tokens, 5)),
        ("as it is", None, lambda m, tokens: m),
    ],
)
def test_each_name_is_its_conversion(name, size, by_hand):
    corpus, model = build_corpus(TINY.corpus), train(TINY, 0).model
    tokens = fresh_windows(corpus, TINY.length)
    config = UptrainConfig(conversion=name, size=size, **SHORT)
    assert torch.equal(converted(config, model, corpus)(tokens), by_hand(model, tokens)(tokens))


def test_the_stored_base_is_as_it_was_and_the_second_call_loads():
    config, base = UptrainConfig(conversion="as it is", **SHORT), train(TINY, 0)
    first = uptrain(config, 0)
    assert run_store.load(uptrain, config, 0).result == first == uptrain(config, 0)
    again = train(TINY, 0).model.state_dict()
    assert all(torch.equal(w, again[name]) for name, w in base.model.state_dict().items())


def test_windows_to_measure_on_are_the_same_each_time_and_neither_trained_on_nor_held_out():
    corpus = build_corpus(TINY.corpus)
    tokens = fresh_windows(corpus, 16)
    assert tokens.shape == (128, 16) and torch.equal(tokens, fresh_windows(corpus, 16))
    drawn = corpus.batch(128, 16, make_generator(0, "what a cache holds"))[0]
    assert torch.equal(tokens, drawn[:, :-1])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (dict(conversion="averaged"), "one needs the other"),
        (dict(conversion="as it is", size=2), "one needs the other"),
        (dict(conversion="merged", size=2), "conversion must be"),
        (dict(conversion="averaged", size=0), "size must be at least 1"),
        (dict(conversion="as it is", measured_at=(0, 60)), "must rise"),
        (dict(conversion="as it is", measured_at=(5, 0)), "must rise"),
        (dict(conversion="as it is", measured_at=()), "must rise"),
        (dict(conversion="as it is", measured_at=(-1, 3)), "must rise"),
        (dict(conversion="as it is", steps=0, measured_at=(0,)), "steps must be at least 1"),
    ],
)
def test_an_impossible_plan_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        UptrainConfig(TINY, **wrong)


def test_the_optimizer_of_the_further_training_is_its_own():
    changed = UptrainConfig(conversion="as it is", **SHORT, optimizer=OptimizerConfig(learning_rate=1e-2))
    assert uptrain(changed, 0).gap[-1] != uptrain(UptrainConfig(conversion="as it is", **SHORT), 0).gap[-1]
