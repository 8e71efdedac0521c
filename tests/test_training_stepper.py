"""A stepper's step is the training loop's own."""

import pytest
import torch
from training_helpers import TINY, Counter, shorter

from lessons_lib.config import ModelConfig, OptimizerConfig, WindowMLPConfig
from lessons_lib.precision import tiles_of
from lessons_lib.training import stepper, train

EXPERTS = ModelConfig(
    106, 16, 2, 2, max_seq_len=32, n_routed_experts=4, n_activated_experts=2, moe_inter_dim=8, n_mtp_layers=1
)
CONFIGS = {
    "plain": TINY,
    "experts and MTP": shorter(model=EXPERTS, bias_update_speed=0.1, seq_alpha=0.01, mtp_weight=0.3),
    "8 bits": shorter(recipe=tiles_of(8)),
    "MLP": shorter(model=WindowMLPConfig(vocab_size=106, window=4, embed_dim=8, hidden_dim=16)),
}


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.mark.parametrize("name", CONFIGS)
def test_the_first_step_is_that_of_train_bit_for_bit(name, store):
    config = CONFIGS[name]
    before = torch.get_rng_state()
    step = stepper(config, seed=3)
    start = {name: weight.clone() for name, weight in step.model.state_dict().items()}
    loss = step()
    assert torch.equal(before, torch.get_rng_state()) and not store.exists()  # nothing else is touched

    # one step with the same rate: a run of one step has the warm-up of the longer one
    run = train(shorter(**{**vars(config), "steps": 1}), 3, progress=Counter())
    assert loss == run.history["loss"][0]
    weights = run.model.state_dict()
    for name, weight in step.model.state_dict().items():
        assert torch.equal(weight, weights[name]), name
    assert any(not torch.equal(weight, start[name]) for name, weight in weights.items())


def test_another_seed_is_another_step_and_further_steps_learn_the_same_text():
    assert stepper(TINY, 0)() != stepper(TINY, 1)()
    step = stepper(shorter(optimizer=OptimizerConfig(warmup_steps=0, learning_rate=0.01)))
    first, *_, last = [step() for _ in range(20)]
    assert last < first - 0.5
