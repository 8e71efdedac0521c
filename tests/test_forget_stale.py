"""What `test --warm` forgets: runs that today's code would make in another way, and nothing else."""

import json

import pytest
from forget_stale import forget_stale
from training_helpers import TINY

from lessons_lib.runs import run_store, storage
from lessons_lib.training import train


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))
    train(TINY, 0)
    run_store.record_finding("01_a_small_gpt", "gap", 0.1, "nats", "measured")
    return tmp_path


def made_otherwise(store, **changes):
    """Write the store's only run again as if it had been made in another way; return its folder."""
    (path,) = store.glob("train-*")
    data, tensors = storage.read_folder(path)
    del data["tensors_sha256"]
    data["identity"].update(changes)
    other = path.with_name(path.name + "0")
    storage.write_folder(other, data, tensors)
    return other


def test_a_run_of_today_and_findings_stay(store):
    before = sorted(path.name for path in store.iterdir())
    assert forget_stale(store) == []
    assert sorted(path.name for path in store.iterdir()) == before


@pytest.mark.parametrize(
    "changes", [{"torch": "1.0"}, {"format": 0}, {"code": {"lessons_lib.training.loop": "0"}}]
)
def test_a_run_made_in_another_way_goes(store, changes):
    other = made_otherwise(store, **changes)
    assert forget_stale(store) == [other.name] and not other.exists()
    assert len(list(store.glob("train-*"))) == 1


def test_what_cannot_be_read_goes_too(store):
    (path,) = store.glob("train-*")
    (path / "run.json").write_text(json.dumps({"identity": None}), encoding="utf-8")
    assert forget_stale(store) == [path.name]
