"""A store that was copied to another machine: what is used there, and what is taken over from it."""

import json
import shutil

import pytest
import torch
from training_helpers import TINY, Counter, assert_same_bits, was_trained

from lessons_lib.runs import run_store, state, storage
from lessons_lib.training import train


@pytest.fixture
def filled(tmp_path, monkeypatch):
    """A store with one run, a finding and a prediction, as another machine has it; and the run."""
    store = tmp_path / "dort"
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(store))
    run = train(TINY, 0)
    run_store.record_finding("01_a_small_gpt", "gap", 0.1, "nats", "measured")
    run_store.record_prediction("00_start_here", "claim", "theirs")
    return store, run


@pytest.fixture
def here(filled, tmp_path, monkeypatch):
    """A copy of it, in use."""
    store = tmp_path / "hier"
    shutil.copytree(filled[0], store)
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(store))
    return store


def trained_again():
    progress = Counter()
    return train(TINY, 0, progress=progress), was_trained(progress)


def test_a_store_that_was_copied_is_used(filled, here, capsys):
    run, again = trained_again()
    assert not again and capsys.readouterr() == ("", "")
    assert_same_bits(run, filled[1])
    assert run_store.finding("01_a_small_gpt", "gap").value == 0.1


@pytest.mark.parametrize("build", ["", "+cpu", "+cu130"])
def test_a_store_that_was_copied_is_used_under_another_build_of_the_same_torch(
    build, filled, here, monkeypatch, capsys
):
    """Linux' wheel for processors, Windows' and a Mac's have the same version, and other builds."""
    monkeypatch.setattr(torch, "__version__", torch.__version__.split("+")[0] + build)
    run, again = trained_again()
    assert not again and capsys.readouterr() == ("", "")
    assert_same_bits(run, filled[1])
    (entry,) = state.finished(here)
    assert not state.is_stale(entry)


OTHERWISE = [
    (torch, "__version__", "2.99.0"),
    (run_store, "fingerprint", lambda module: {"lessons_lib.model.norm": "0"}),
]


@pytest.mark.parametrize("target, name, value", OTHERWISE)
def test_another_version_of_torch_or_other_code_is_no_other_build(here, monkeypatch, target, name, value):
    monkeypatch.setattr(target, name, value)
    (entry,) = state.finished(here)
    assert state.is_stale(entry)
    _, again = trained_again()
    assert again and len(state.finished(here)) == 2


def test_an_unfinished_state_of_another_build_is_not_taken_for_the_run(here, monkeypatch):
    (entry,) = state.finished(here)
    entry.rename(here / f"{entry.name}.step00000001")
    monkeypatch.setattr(torch, "__version__", torch.__version__.split("+")[0] + "+other")
    _, again = trained_again()
    assert again and state.finished(here) != []


def test_taken_over_is_what_today_would_load_and_is_not_there(filled, tmp_path, monkeypatch):
    source, run = filled
    (entry,) = state.finished(source)
    data, tensors = storage.read_folder(entry)
    del data["tensors_sha256"]
    data["identity"]["code"] = {"lessons_lib.training.loop": "0"}
    storage.write_folder(source / (entry.name[:-12] + "0" * 12), data, tensors)
    (source / "train-half-done.step00000001").mkdir()
    damaged = source / "train-damaged-0"
    shutil.copytree(entry, damaged)
    (damaged / "tensors.safetensors").write_bytes(b"")

    mine = tmp_path / "mein"
    mine.mkdir()
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(mine))
    run_store.record_prediction("00_start_here", "claim", "mine")
    before = (mine / "reader.json").read_text()
    assert state.take_over(source, mine) == {"taken": 1, "here": 0, "stale": 2}
    assert state.take_over(source, mine) == {"taken": 0, "here": 1, "stale": 2}
    loaded, again = trained_again()
    assert not again
    assert_same_bits(loaded, run)
    assert (mine / "reader.json").read_text() == before and run_store.findings() == []
    assert not [path for path in mine.iterdir() if path.name.startswith(".half")]


def test_a_disk_that_fills_while_runs_are_taken_over_leaves_no_half_of_one(filled, tmp_path, monkeypatch):
    def full(source, target):
        target.mkdir()
        (target / "run.json").write_text(json.dumps({}))
        raise OSError(28, "No space left on device")

    mine = tmp_path / "mein"
    mine.mkdir()
    monkeypatch.setattr(state.shutil, "copytree", full)
    with pytest.raises(OSError, match="No space left"):
        state.take_over(filled[0], mine)
    assert list(mine.iterdir()) == []
