"""Training by a recipe: the plain loop with other products, from the same weights on the same text."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from training_helpers import TINY, Counter, assert_same_bits, shorter

from lessons_lib.config import WindowMLPConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer
from lessons_lib.precision import BF16_OPERANDS, UNSCALED, Fp8Linear, Recipe, quantized_linear, tiles_of
from lessons_lib.runs import run_seeds, run_store, seed_for
from lessons_lib.training import learning_rate, loop, train, training_batches

TILES = tiles_of(8)


@pytest.fixture(autouse=True)
def fresh_store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))


def build(config, seed=1):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "weights"))
        return loop.build_model(config)


def test_a_recipe_changes_the_products_and_no_weight():
    """Paired runs need the same start: what is drawn must not depend on the recipe."""
    plain, rounded = build(TINY), build(shorter(recipe=TILES))
    assert type(plain.layers[0].ffn.w1) is nn.Linear
    assert type(rounded.layers[0].ffn.w1).recipe == TILES
    assert not isinstance(rounded.head, Fp8Linear)
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, rounded.state_dict()[name]), name


def test_a_run_by_a_recipe_is_what_a_plain_loop_with_its_layers_gives():
    config = shorter(recipe=TILES)
    run = train(config, 1, progress=Counter())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(1, "weights"))
        model = Transformer(config.model, linear=quantized_linear(TILES))
    gains = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1]},
        {"params": gains, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.1, betas=(0.9, 0.95), foreach=True)
    windows = training_batches(build_corpus(config.corpus), config, 1)
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        loss = F.cross_entropy(model(windows(step)[:, :-1]).flatten(0, 1), windows(step)[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        assert run.history["loss"][step] == pytest.approx(loss.item(), abs=1e-4)
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(run.model.state_dict()[name], weight, rtol=1e-3, atol=1e-4)


def test_each_recipe_has_a_run_of_its_own():
    """A run found by the wrong name would make every recipe as good as FP32."""
    configs = [replace(TINY, recipe=recipe) for recipe in (None, TILES, BF16_OPERANDS, UNSCALED)]
    losses = [train(config, 1, progress=Counter()).history["loss"][-1] for config in configs]
    assert len(set(losses)) == 4
    again = [run_store.load(train, config, 1).result for config in configs]
    assert [run.history["loss"][-1] for run in again] == losses
    assert [run.config.recipe for run in again] == [None, TILES, BF16_OPERANDS, UNSCALED]


def test_a_worker_process_gets_the_recipe():
    config = shorter(recipe=TILES)
    first, second = run_seeds([(train, config, 1), (train, config, 2)], workers=2)
    assert first.config == config
    run_store.storage.set_aside(run_store._identify(train, config, 1)[1], "is made again")
    assert_same_bits(train(config, 1, progress=Counter()), first)
    assert second.history["loss"] != first.history["loss"]


def test_the_kept_model_has_the_master_weights_and_plain_products():
    run = train(shorter(recipe=UNSCALED), 1, progress=Counter())
    assert type(run.model.layers[0].ffn.w1) is nn.Linear
    weight = run.model.embed.weight
    assert not torch.equal(weight, weight.bfloat16().float())  # not rounded


def test_the_held_out_loss_is_that_of_the_rounded_products():
    coarse = Recipe(scaling="tensor", input_tile=(1, 8))
    run = train(shorter(recipe=coarse), 1, progress=Counter())
    model = build(run.config)
    model.load_state_dict(run.model.state_dict())
    windows = loop.held_out_windows(build_corpus(TINY.corpus), TINY.eval_windows, TINY.length)
    assert run.held_out_loss == pytest.approx(loop.score_windows(model, windows).total, abs=1e-9)
    assert run.held_out_loss != pytest.approx(loop.score_windows(run.model, windows).total, abs=1e-9)


def test_what_is_no_recipe_is_refused():
    with pytest.raises(ValueError, match="recipe must be a Recipe or None, got 'tiles'"):
        shorter(recipe="tiles")
    with pytest.raises(ValueError, match="products of a Transformer"):
        shorter(model=WindowMLPConfig(106, max_seq_len=32), recipe=TILES)
