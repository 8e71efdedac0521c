"""Reading further than the training went: each way's angles, what is trained on, where it is measured."""

from dataclasses import replace

import pytest
import torch
from training_helpers import TINY

from lessons_lib.config import ModelConfig, TrainConfig, WindowMLPConfig
from lessons_lib.config.stretch import StretchConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer, rope_table, yarn_frequencies
from lessons_lib.model.rope import rope_frequencies
from lessons_lib.runs import run_store
from lessons_lib.training import held_out_windows, token_losses, train, training_batches
from lessons_lib.training.loop import update
from lessons_lib.training.optimizer import make_optimizer
from lessons_lib.training.stretching import further, gaps_by_stretch, read_further, stretched

BASE = replace(
    TINY,
    model=ModelConfig(
        vocab_size=106,
        dim=16,
        n_layers=1,
        n_heads=2,
        max_seq_len=16,
        kv_lora_rank=8,
        qk_nope_head_dim=4,
        qk_rope_head_dim=8,
        v_head_dim=4,
    ),
)
SHORT = StretchConfig(BASE, factor=3, beta_fast=2.0, beta_slow=0.5, steps=2, batch_size=2, texts=6)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))


def test_each_way_keeps_the_weights_and_has_its_own_angles():
    model = Transformer(BASE.model)
    usual = rope_frequencies(8, BASE.model.rope_theta)
    shape = replace(
        BASE.model, max_seq_len=48, rope_factor=3.0, original_seq_len=16, beta_fast=2.0, beta_slow=0.5
    )
    angles = {"usual angles": usual, "all slowed": usual / 3, "YaRN": yarn_frequencies(shape)}
    for way, per_token in angles.items():
        longer = stretched(model, replace(SHORT, way=way))
        assert torch.equal(longer.rope, rope_table(48, 8, BASE.model.rope_theta, per_token)), way
        assert all(torch.equal(w, longer.state_dict()[n]) for n, w in model.state_dict().items())
    assert not torch.equal(angles["YaRN"], usual) and not torch.equal(angles["YaRN"], usual / 3)


def test_scores_are_sharpened_only_where_mscale_says_so():
    model = Transformer(BASE.model)
    plain, sharper = (
        stretched(model, replace(SHORT, mscale=m)).layers[0].attention.scale for m in (0.0, 1.0)
    )
    assert plain == model.layers[0].attention.scale < sharper


def test_gaps_are_means_over_stretches_and_together_the_gap_of_the_whole():
    model, windows = (
        Transformer(replace(BASE.model, max_seq_len=48)),
        held_out_windows(build_corpus(BASE.corpus), 6, 48),
    )
    found = gaps_by_stretch(model, windows, 16)
    paid = token_losses(model, windows.tokens) + windows.log_probs
    assert len(found) == 3 and found[1] == paid[:, 16:32].mean().item()
    assert sum(found) / 3 == pytest.approx(paid.mean().item())


def test_it_is_the_loop_by_hand_on_long_texts_that_the_base_did_not_see():
    corpus, base = build_corpus(BASE.corpus), train(BASE, 2)
    model = stretched(base.model, SHORT)
    plan = further(SHORT, model.config)
    assert (
        replace(plan, model=BASE.model, steps=12, batch_size=4, length=16, optimizer=BASE.optimizer) == BASE
    )
    assert (plan.steps, plan.length, plan.optimizer) == (2, 48, SHORT.optimizer)
    windows, batch = held_out_windows(corpus, 6, 48), training_batches(corpus, plan, 1002)
    at_once, optimizer = gaps_by_stretch(model, windows, 16), make_optimizer(model, plan)
    for step in range(2):
        assert batch(step).shape == (2, 49)
        update(model, optimizer, batch(step), step, plan, None)
    found = read_further(SHORT, 2)
    assert found.at_once == at_once and found.trained_on == gaps_by_stretch(model, windows, 16) != at_once
    again = train(BASE, 2).model.state_dict()
    assert all(torch.equal(w, again[name]) for name, w in base.model.state_dict().items())
    assert run_store.load(read_further, SHORT, 2).result == found


def test_without_further_steps_nothing_changes():
    found = read_further(replace(SHORT, steps=0), 0)
    assert found.at_once == found.trained_on


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (dict(way="NTK"), "way must be"),
        (dict(factor=0), "factor must be at least 1"),
        (dict(steps=-1), "steps must be at least 0"),
        (dict(way="usual angles", mscale=1.0), "mscale=1.0 is YaRN's; the way is 'usual angles'"),
        (dict(base=TrainConfig(WindowMLPConfig(106), TINY.corpus, 3)), "angles are a Transformer's"),
    ],
)
def test_an_impossible_plan_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        replace(SHORT, **wrong)
