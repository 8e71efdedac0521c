"""A run that diverged raises with its step and value, in every loop, and nothing of it is kept."""

import math
import signal
from dataclasses import replace

import pytest
import torch
from reasoning_helpers import BASE, HUNT, RL, model_of
from torch import nn
from training_helpers import TINY, Counter

from lessons_lib.config import OptimizerConfig, TracesConfig
from lessons_lib.reasoning import learn_to_reason, loop, pretrain
from lessons_lib.reasoning.distillation import curated_traces, fine_tune
from lessons_lib.reasoning.tasks import Earned
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.finite import require_finite, require_finite_weights
from lessons_lib.training import train
from lessons_lib.training.optimizer import descend, make_optimizer


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """A store of its own; and a reward that a random model earns now and then, so that it learns."""
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(
        loop, "verify_rows", lambda problems, rows, wanted: [Earned(r[0] % 2, 1.0, 1.0, True) for r in rows]
    )
    return tmp_path / "runs"


def tune(config, seed, progress):
    checkpoint = Checkpoint(run_store.folder() / "fine_tune-0", {"seed": seed})
    return fine_tune(model_of().float(), curated_traces(HUNT, 20, 0), config, seed, progress, checkpoint)


LOOPS = {
    "train": (train, replace(TINY, checkpoint_every=1)),
    "pretrain": (pretrain, replace(BASE, checkpoint_every=1)),
    "learn_to_reason": (learn_to_reason, replace(RL, updates=4, beta=0.04, checkpoint_every=1)),
    "fine_tune": (tune, TracesConfig(steps=3, batch_size=4)),
}


def at_rate(config, rate, **fields):
    return replace(config, optimizer=replace(config.optimizer, learning_rate=rate, warmup_steps=0), **fields)


@pytest.mark.parametrize("name", LOOPS)
def test_a_rate_far_too_large_stops_every_loop_with_step_and_value_and_nothing_is_kept(name, store):
    function, config = LOOPS[name]
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(
        FloatingPointError, match=r"became (nan|-?inf) at step \d, where the learning rate was"
    ):
        function(at_rate(config, 1e30), 0, progress=Counter())
    assert signal.getsignal(signal.SIGINT) is handler
    assert not list(store.glob(f"{name}-*"))


@pytest.mark.parametrize("name", LOOPS)
def test_weights_that_only_the_last_step_broke_are_not_kept(name, store):
    """The loss before it was sound, and no step comes after it."""
    function, config = LOOPS[name]
    fields = {"updates": 1} if name == "learn_to_reason" else {}
    fields |= {"eval_windows": 1} if name == "train" else {}
    with pytest.raises(FloatingPointError, match="after step 1, the last|held out loss became nan at step 1"):
        function(at_rate(config, 1e39, steps=1, **fields), 0, progress=Counter())
    assert not list(store.glob(f"{name}-*"))


def test_learning_by_reward_no_longer_ends_with_broken_weights(store):
    """Several updates on the same answers, and a pull to the base that grows without bound."""
    config = at_rate(replace(RL, updates=4, beta=0.04), 2.0)
    with pytest.raises(FloatingPointError, match="the length of the gradient became inf at step 1"):
        learn_to_reason(config, 7, progress=Counter())
    assert [path.name.split("-")[0] for path in store.iterdir()] == ["pretrain"]  # its base is sound


def test_a_broken_gradient_stops_before_any_weight_has_moved():
    """The root of 0 is 0, and its slope infinite: a sound loss with a broken gradient."""
    model = nn.Linear(2, 1)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    loss = (0 * model.weight).sum().sqrt()
    assert loss.item() == 0
    config = TracesConfig(optimizer=OptimizerConfig())
    with pytest.raises(FloatingPointError, match="the length of the gradient became nan at step 4"):
        descend(model, make_optimizer(model, config), loss, 3, config)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_the_first_number_that_is_not_finite_is_named():
    require_finite(0, 0.1, loss=1e38, length=0.0)
    with pytest.raises(FloatingPointError, match="the held out loss became -inf at step 1, .* 0.1;"):
        require_finite(0, 0.1, loss=0.0, held_out_loss=-math.inf)


def test_a_buffer_is_looked_at_as_well():
    model = nn.BatchNorm1d(3)  # whose counter is a whole number
    require_finite_weights(model, 2)
    model.running_var[1] = math.inf
    with pytest.raises(FloatingPointError, match="running_var holds inf after step 2, the last"):
        require_finite_weights(model, 2)
