"""Training with experts: what the loop counts, moves, adds and keeps, and that it goes on bit for bit."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from training_helpers import TINY, Counter, assert_same_bits

from lessons_lib.config import ModelConfig, TrainConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer, auxiliary_loss, routers, sequence_wise_loss, watch_routing
from lessons_lib.runs import seed_for
from lessons_lib.training import make_optimizer, train, training_batches
from lessons_lib.training.optimizer import learning_rate, set_learning_rate

MODEL = replace(
    TINY.model,
    n_layers=3,
    n_dense_layers=1,
    n_routed_experts=6,
    n_activated_experts=2,
    n_shared_experts=1,
    moe_inter_dim=8,
)
EXPERTS = replace(TINY, model=MODEL)
ALL_ON = dict(bias_update_speed=0.02, aux_alpha=0.05, seq_alpha=0.03)
CHOICES = TINY.batch_size * TINY.length * 2  # of experts, per layer and step


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def run(seed=5, **changes):
    return train(replace(EXPERTS, **changes), seed, progress=Counter())


def by_hand(config, seed):
    """The same training as a plain loop: (model, load of each step)."""
    torch.manual_seed(seed_for(seed, "weights"))
    model = Transformer(config.model)
    optimizer, batch = (
        make_optimizer(model, config),
        training_batches(build_corpus(config.corpus), config, seed),
    )
    loads = []
    for step in range(config.steps):
        tokens = batch(step)
        with watch_routing(model) as seen:
            logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        for (routing,) in seen.values():
            classic = auxiliary_loss(routing.affinities, routing.ids, config.aux_alpha)
            by_sequence = sequence_wise_loss(routing.affinities, 2, config.length, config.seq_alpha)
            loss = loss + (classic + by_sequence) / 2  # two layers have experts
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.grad_clip)
        set_learning_rate(optimizer, learning_rate(step, config))
        optimizer.step()
        counts = []
        for layer, (routing,) in seen.items():
            counts.append([(routing.ids == e).sum().item() for e in range(6)])
            for e, n in enumerate(counts[-1]):
                mean = CHOICES / 6
                way = (n < mean) - (n > mean)
                routers(model)[layer].bias[e] += config.bias_update_speed * way
        loads.append(counts)
    return model, torch.tensor(loads)


@pytest.mark.parametrize("changes", [{}, *({name: value} for name, value in ALL_ON.items()), ALL_ON])
def test_training_is_that_of_a_loop_written_out(store, changes):
    found = run(**changes)
    model, loads = by_hand(replace(EXPERTS, **changes), 5)
    assert torch.equal(found.load, loads.int())
    for (name, ours), plain in zip(
        found.model.state_dict().items(), model.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, plain, atol=1e-5, rtol=0, msg=name)


def test_the_load_counts_every_choice_of_every_step(store):
    load = run().load
    assert load.shape == (TINY.steps, 2, 6) and load.dtype == torch.int32
    assert (load.sum(-1) == CHOICES).all()
    assert train(TINY, 5, progress=Counter()).load is None


def test_biases_are_moved_only_where_that_is_asked_for(store):
    for changes in ({}, dict(aux_alpha=0.1), dict(seq_alpha=0.1)):
        assert all(router.bias.eq(0).all() for router in routers(run(**changes).model).values())


def test_the_bias_is_the_sum_of_the_signs_of_all_steps_loads(store):
    found = run(bias_update_speed=0.02)
    wanted = -0.02 * torch.sign(found.load.double() - CHOICES / 6).sum(0)  # (expert layers, experts)
    for row, router in zip(wanted, routers(found.model).values(), strict=True):
        torch.testing.assert_close(router.bias.double(), row, atol=1e-6, rtol=0)
        assert router.bias.abs().max() > 0.1


def test_losses_that_balance_are_learned_from_and_not_reported(store):
    plain, balanced = run(), run(aux_alpha=5.0)
    assert plain.history["loss"][0] == balanced.history["loss"][0]  # nats of the text alone
    assert plain.history["loss"][1] != balanced.history["loss"][1]


@pytest.mark.parametrize("step", [1, 3, 7, 12])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, monkeypatch, step):
    """The biases and the counts belong to what the next step depends on."""

    def stop():
        raise KeyboardInterrupt

    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "whole"))
    whole = run(**ALL_ON)
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "interrupted"))
    with pytest.raises(KeyboardInterrupt):
        train(replace(EXPERTS, **ALL_ON), 5, progress=Counter(**{f"step{step}": stop}))
    progress = Counter()
    found = train(replace(EXPERTS, **ALL_ON), 5, progress=progress)
    assert progress.updates[0] == step
    assert_same_bits(found, whole)
    assert torch.equal(found.load, whole.load)


def test_a_stored_run_comes_back_with_its_biases_and_counts(store):
    made, progress = run(**ALL_ON), Counter()
    loaded = train(replace(EXPERTS, **ALL_ON), 5, progress=progress)
    assert progress.updates == [TINY.steps]
    assert_same_bits(made, loaded)
    assert torch.equal(made.load, loaded.load)


def test_router_and_experts_are_matrices_that_decay_and_the_bias_is_no_parameter():
    model = Transformer(MODEL)
    decayed, not_decayed = (
        {id(p) for p in group["params"]} for group in make_optimizer(model, EXPERTS).param_groups
    )
    for name, parameter in model.named_parameters():
        is_gain = "norm" in name
        assert (id(parameter) in not_decayed) == is_gain and (id(parameter) in decayed) != is_gain, name
    assert not any("bias" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize(
    "model, changes, sentence",
    [
        (MODEL, dict(bias_update_speed=-0.1), "bias_update_speed must be 0 or above and finite, got -0.1"),
        (MODEL, dict(aux_alpha=float("nan")), "aux_alpha must be 0 or above and finite, got nan"),
        (MODEL, dict(seq_alpha=float("inf")), "seq_alpha must be 0 or above and finite, got inf"),
        (TINY.model, dict(aux_alpha=0.1), "aux_alpha=0.1 balances experts, but the model has none"),
    ],
)
def test_impossible_balancing_is_refused(model, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        TrainConfig(model, TINY.corpus, steps=1, length=16, **changes)


def test_a_configuration_says_what_it_balances_by_default():
    config = TrainConfig(ModelConfig(vocab_size=11, dim=8, n_layers=1, n_heads=2), TINY.corpus, steps=1)
    assert (config.bias_update_speed, config.aux_alpha, config.seq_alpha) == (0, 0, 0)
