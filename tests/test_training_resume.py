"""An interrupted run, asked for again, ends bit for bit where the uninterrupted one ends."""

import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_helpers import TINY, Counter, assert_same_bits, start_python

from lessons_lib.config import ModelConfig
from lessons_lib.model import routers
from lessons_lib.precision import tiles_of
from lessons_lib.runs import checkpoint
from lessons_lib.training import train


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path_factory.mktemp("whole")))
        return train(TINY, 5, progress=Counter())


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def stop():
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", [1, 3, 7, 12])
def test_a_stop_keeps_the_state_at_once_and_going_on_gives_the_same_bits(store, uninterrupted, step):
    """At step 3 a checkpoint is due anyway, 5 and 10 are evaluated, and at 12 all is done but storing."""
    with pytest.raises(KeyboardInterrupt):
        train(TINY, 5, progress=Counter(**{f"step{step}": stop}))
    assert [path.name[-4:] for path in store.iterdir()] == [f"{step:04d}"]
    progress = Counter()
    assert_same_bits(train(TINY, 5, progress=progress), uninterrupted)
    assert progress.updates == [step] + [1] * (TINY.steps - step)
    assert [path for path in store.iterdir() if ".step" in path.name] == []


def test_many_stops_are_as_good_as_none(store, uninterrupted):
    for step in (2, 4, 5, 9):
        with pytest.raises(KeyboardInterrupt):
            train(TINY, 5, progress=Counter(**{f"step{step}": stop}))
    assert_same_bits(train(TINY, 5, progress=Counter()), uninterrupted)


def test_a_signal_in_the_middle_of_a_step_is_answered_at_its_end(store, uninterrupted):
    """The stop button sends SIGINT at any time; half a step must not be kept."""
    calls = []

    def send(module, *_):
        if module.__class__.__name__ == "Transformer" and module.training:
            calls.append(module)
            if len(calls) == 8:
                signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    hook = torch.nn.modules.module.register_module_forward_hook(send)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(TINY, 5, progress=Counter())
    finally:
        hook.remove()
    assert [path.name[-4:] for path in store.iterdir()] == ["0008"]
    assert signal.getsignal(signal.SIGINT) is handler  # the program has its own back
    assert_same_bits(train(TINY, 5, progress=Counter()), uninterrupted)


def test_a_second_signal_stops_at_once_and_the_last_checkpoint_is_gone_on_from(store, uninterrupted):
    def send_two(module, *_):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    def arm():
        hooks.append(torch.nn.modules.module.register_module_forward_hook(send_two))

    hooks = []
    try:
        with pytest.raises(KeyboardInterrupt):
            train(TINY, 5, progress=Counter(step7=arm))
    finally:
        hooks[0].remove()
    assert [path.name[-4:] for path in store.iterdir()] == ["0006"]
    assert_same_bits(train(TINY, 5, progress=Counter()), uninterrupted)


def test_a_signal_after_the_last_step_is_not_swallowed(store, uninterrupted, monkeypatch):
    save = checkpoint.Checkpoint.save

    def save_and_send(self, step, state):
        save(self, step, state)
        if step == TINY.steps:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(checkpoint.Checkpoint, "save", save_and_send)
    with pytest.raises(KeyboardInterrupt):
        train(TINY, 5, progress=Counter())
    assert_same_bits(train(TINY, 5, progress=Counter()), uninterrupted)


def test_a_killed_process_loses_no_more_than_the_steps_since_its_last_checkpoint(store, uninterrupted):
    code = (
        "import os, signal\n"
        "from training_helpers import TINY, Counter\n"
        "from lessons_lib.runs import checkpoint\n"
        "from lessons_lib.training import train\n"
        "train(TINY, 5, progress=Counter(step8=lambda: os.kill(os.getpid(), signal.SIGTERM)))\n"
    )
    if sys.platform != "win32":
        code = code.replace("SIGTERM", "SIGKILL")
    process = start_python(code, store)
    _, warned = process.communicate(timeout=120)
    assert process.returncode != 0 and warned == ""
    progress = Counter()
    assert_same_bits(train(TINY, 5, progress=progress), uninterrupted)
    assert progress.updates[0] == 6


def test_a_checkpoint_that_is_damaged_is_named_and_not_used(store, uninterrupted, capsys):
    with pytest.raises(KeyboardInterrupt):
        train(TINY, 5, progress=Counter(step7=stop))
    (left,) = store.iterdir()
    (left / "tensors.safetensors").write_bytes(b"nothing")
    progress = Counter()
    assert_same_bits(train(TINY, 5, progress=progress), uninterrupted)
    assert progress.updates == [1] * TINY.steps
    assert left.name in capsys.readouterr().out


def test_of_several_states_the_newest_that_can_be_trusted_is_gone_on_from(store, uninterrupted):
    """A process that is killed between keeping one and forgetting the others leaves several."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint.Checkpoint, "_delete", lambda *_: None)
        train(TINY, 5, progress=Counter(step7=stop))
    *_, newest = sorted(store.iterdir())
    assert [path.name[-1] for path in sorted(store.iterdir())] == ["3", "6", "7"]
    (newest / "run.json").write_text("{")
    progress = Counter()
    assert_same_bits(train(TINY, 5, progress=progress), uninterrupted)
    assert progress.updates[0] == 6


def test_a_state_that_belongs_to_another_run_is_named_and_not_used(store, uninterrupted, capsys):
    with pytest.raises(KeyboardInterrupt):
        train(TINY, 5, progress=Counter(step7=stop))
    (mine,) = store.iterdir()
    with pytest.raises(KeyboardInterrupt):
        train(TINY, 6, progress=Counter(step7=stop))
    (other,) = set(store.iterdir()) - {mine}
    shutil.rmtree(mine)
    other.rename(mine)  # whole and sound, but not what its name says
    progress = Counter()
    assert_same_bits(train(TINY, 5, progress=progress), uninterrupted)
    assert progress.updates == [1] * TINY.steps
    assert "belongs to another run" in capsys.readouterr().out


def test_a_checkpoint_of_other_code_is_not_gone_on_from(store, monkeypatch, capsys):
    with pytest.raises(KeyboardInterrupt):
        train(TINY, 5, progress=Counter(step7=stop))
    monkeypatch.setattr(torch, "__version__", "2.99.0")
    progress = Counter()
    train(TINY, 5, progress=progress)
    assert progress.updates == [1] * TINY.steps
    assert "is made anew: the one kept was made by torch" in capsys.readouterr().out


def test_nothing_that_is_kept_is_a_pickle():
    """Reading a pickle runs whatever it says; only the pipe between our own processes carries one."""
    folder = Path(checkpoint.__file__).parent
    for path in folder.glob("*.py"):
        if path.stem not in ("workers", "worker"):
            assert "pickle." not in path.read_text(encoding="utf-8"), path
        assert "torch.load" not in path.read_text(encoding="utf-8").replace("safetensors.torch.load", "")


def test_a_loop_goes_on_with_what_it_was_given_and_its_random_numbers(tmp_path):
    """A model that draws (dropout, say) has to go on with the next numbers, in the objects that it has."""

    def walk(run, stopped_at=None):
        model, history, seen = torch.nn.Linear(2, 1), {"drawn": []}, torch.zeros(6)
        torch.manual_seed(3)
        progress = Counter(**({f"step{stopped_at}": stop} if stopped_at else {}))
        steps = checkpoint.Checkpoint(tmp_path / run, {}).steps(
            6, 10, progress, model=model, history=history, seen=seen, nothing=None
        )
        for step in steps:
            history["drawn"].append(torch.rand(1).item())
            seen[step] = history["drawn"][-1]
        return history["drawn"], seen, progress.updates

    with torch.random.fork_rng(devices=[]):
        drawn, seen, _ = walk("whole")
        with pytest.raises(KeyboardInterrupt):
            walk("parts", stopped_at=4)
        again, seen_again, updates = walk("parts")
    assert again == drawn and torch.equal(seen, seen_again) and len(set(drawn)) == 6
    assert updates == [4, 1, 1]


def test_the_whole_model_goes_on_as_well(store, monkeypatch):
    """Lesson 12's: routing biases, the MTP module and 8-bit products are part of what a run goes on with."""
    small = dict(dim=24, n_layers=2, n_routed_experts=8, moe_inter_dim=8, inter_dim=24)
    model = replace(ModelConfig.mini(), **small)
    balancing = dict(bias_update_speed=0.05, seq_alpha=1e-3, mtp_weight=0.3)
    config = replace(TINY, model=model, steps=6, recipe=tiles_of(8), **balancing)
    with pytest.raises(KeyboardInterrupt):
        train(config, 5, progress=Counter(step4=stop))
    resumed = train(config, 5, progress=Counter())
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(store.parent / "other"))
    whole = train(config, 5, progress=Counter())
    assert_same_bits(resumed, whole)
    assert all(router.bias.abs().max() > 0.1 for router in routers(whole.model, mtp=True).values())
