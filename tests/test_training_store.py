"""The run store: loading is the same as training, and nothing that cannot be trusted is used."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_helpers import TINY, Counter, assert_same_bits, shorter, was_trained

from lessons_lib.runs import place, run_store, storage
from lessons_lib.runs.packing import pack, unpack
from lessons_lib.training import loop, train


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def trained(store):
    """A stored run, and the folder that holds it."""
    run = train(TINY, 0, progress=Counter())
    (entry,) = store.glob("train-*")
    return run, entry


def test_the_second_time_a_run_is_loaded_with_the_same_bits_and_not_a_word(trained, capsys):
    run, entry = trained
    progress = Counter()
    loaded = train(TINY, 0, progress=progress)
    assert not was_trained(progress)
    assert_same_bits(run, loaded)
    assert (loaded.config, loaded.seed, loaded.seconds) == (TINY, 0, run.seconds)
    assert not loaded.model.training
    assert capsys.readouterr() == ("", "")


def test_what_is_stored_says_what_it_is(trained):
    _, entry = trained
    stored = json.loads((entry / "run.json").read_text(encoding="utf-8"))
    assert stored["identity"]["function"] == "lessons_lib.training.loop.train"
    assert stored["identity"]["configuration"]["fields"]["steps"] == TINY.steps
    assert stored["identity"]["seed"] == 0
    assert stored["identity"]["torch"] == torch.__version__
    assert {file.name for file in entry.iterdir()} == {"run.json", "tensors.safetensors"}


def test_another_configuration_or_seed_is_another_run(trained):
    for config, seed in [(TINY, 1), (shorter(optimizer=replace(TINY.optimizer, learning_rate=5e-3)), 0)]:
        progress = Counter()
        train(config, seed, progress=progress)
        assert was_trained(progress)


def cut_json(entry):
    (entry / "run.json").write_text((entry / "run.json").read_text()[:-20])


def change_a_digit(entry):
    text = (entry / "run.json").read_text()
    number = json.loads(text)["result"]["fields"]["held_out_loss"]
    (entry / "run.json").write_text(text.replace(repr(number), repr(number + 1)))


def flip_a_bit(entry):
    blob = bytearray((entry / "tensors.safetensors").read_bytes())
    blob[-5] ^= 1
    (entry / "tensors.safetensors").write_bytes(blob)


def sealed(entry, change):
    """Change what is stored and seal it again, as a program of another day might have written it."""
    stored = json.loads((entry / "run.json").read_text(encoding="utf-8"))
    del stored["sha256"]
    change(stored)
    stored["sha256"] = storage.hash_of(stored)
    (entry / "run.json").write_text(json.dumps(stored), encoding="utf-8")


def be_nested_without_end(entry):
    (entry / "run.json").write_text("[" * 100_000)


def be_null(entry):
    (entry / "run.json").write_text("null")


def forget_the_result(entry):
    sealed(entry, lambda stored: stored.update(result=None) or stored.pop("result"))


def forget_the_tensors_seal(entry):
    sealed(entry, lambda stored: stored.pop("tensors_sha256"))


def seal_tensors_that_are_none(entry):
    (entry / "tensors.safetensors").write_bytes(b"no tensors")
    seal = hashlib.sha256(b"no tensors").hexdigest()
    sealed(entry, lambda stored: stored.update(tensors_sha256=seal))


def lose_the_weights(entry):
    (entry / "tensors.safetensors").unlink()


def lose_everything(entry):
    for file in entry.iterdir():
        file.unlink()


def be_no_object(entry):
    (entry / "run.json").write_text("[1, 2]")


def be_binary(entry):
    (entry / "run.json").write_bytes(b"\xff\xfe\x00")


def be_a_file(entry):
    lose_everything(entry)
    entry.rmdir()
    entry.write_text("not a folder")


@pytest.mark.parametrize(
    "harm",
    [
        cut_json,
        change_a_digit,
        flip_a_bit,
        lose_the_weights,
        lose_everything,
        be_no_object,
        be_binary,
        be_a_file,
        be_nested_without_end,
        be_null,
        forget_the_result,
        forget_the_tensors_seal,
        seal_tensors_that_are_none,
    ],
)
def test_a_damaged_run_is_named_set_aside_and_trained_again(trained, harm, capsys):
    run, entry = trained
    harm(entry)
    progress = Counter()
    assert_same_bits(run, train(TINY, 0, progress=progress))
    assert was_trained(progress)
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.count("\n") == 1 and entry.name in said.out
    assert "is damaged" in said.out or "cannot be read (KeyError" in said.out
    assert (entry.parent / "set-aside" / entry.name).exists()
    progress = Counter()
    train(TINY, 0, progress=progress)
    assert not was_trained(progress) and capsys.readouterr().out == ""


def test_a_run_that_belongs_to_another_configuration_is_not_used(trained, capsys):
    run, entry = trained
    train(TINY, 1, progress=Counter())
    (other,) = set(entry.parent.glob("train-*")) - {entry}
    storage.shutil.rmtree(entry)
    other.rename(entry)  # whole and sound, but not what its name says
    progress = Counter()
    assert_same_bits(run, train(TINY, 0, progress=progress))
    assert was_trained(progress)
    assert "belongs to another configuration" in capsys.readouterr().out


@pytest.mark.parametrize(
    "target, name, value, said",
    [
        (torch, "__version__", "2.99.0", "made by torch 2"),
        (run_store, "FORMAT", 2, "of another format"),
        (
            run_store,
            "fingerprint",
            lambda module: {"lessons_lib.model.norm": "0"},
            "made before lessons_lib.config.model, ",
        ),
    ],
)
def test_a_run_made_in_another_way_is_made_anew_beside_it_and_a_sentence_says_why(
    trained, monkeypatch, capsys, target, name, value, said
):
    _, entry = trained
    with monkeypatch.context() as patch:
        patch.setattr(target, name, value)
        progress = Counter()
        train(TINY, 0, progress=progress)
        assert was_trained(progress)
        out = capsys.readouterr().out
        assert out.count("\n") == 1 and entry.name[:18] in out and said in out
        train(TINY, 0, progress=Counter())
    progress = Counter()
    train(TINY, 0, progress=progress)  # the first checkout again
    assert not was_trained(progress)
    assert capsys.readouterr() == ("", "")
    assert len(list(entry.parent.iterdir())) == 2  # nothing was set aside


def test_of_a_run_the_versions_used_last_are_kept_and_the_store_does_not_grow(trained, monkeypatch):
    _, entry = trained
    train(TINY, 1, progress=Counter())  # another run, which is nobody's version

    def made_by(number):
        monkeypatch.setattr(run_store, "FORMAT", number)
        progress = Counter()
        train(TINY, 0, progress=progress)
        for path in entry.parent.glob("train-*"):  # the clock of a folder may be coarse
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
        return was_trained(progress)

    assert [made_by(number) for number in (1, 2, 3, 1)] == [False, True, True, False]
    assert [made_by(number) for number in (4, 1, 3, 4)] == [True, False, False, False]
    assert made_by(2)  # it was used longest ago, and gone
    assert len(list(entry.parent.iterdir())) == run_store.KEPT + 1


def test_an_old_versions_unfinished_state_goes_with_it(trained, monkeypatch):
    _, entry = trained

    def stop():
        raise KeyboardInterrupt

    for number in (2, 3, 4, 5):
        monkeypatch.setattr(run_store, "FORMAT", number)
        with pytest.raises(KeyboardInterrupt):
            train(TINY, 0, progress=Counter(step2=stop))
        for path in entry.parent.iterdir():
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
    train(TINY, 0, progress=Counter())
    left = {path.name for path in entry.parent.iterdir()}
    assert len(left) == run_store.KEPT and entry.name not in left
    assert sum(".step" in name for name in left) == 2


def test_only_the_latest_of_a_run_stays_aside(trained):
    _, entry = trained
    for _ in range(3):
        flip_a_bit(entry)
        train(TINY, 0, progress=Counter())
    assert len(list((entry.parent / "set-aside").iterdir())) == 1


def test_two_kernels_that_finish_the_same_run_leave_one_sound_entry(store):
    """The second to finish finds the first one's folder: that one stays, and both have their result."""
    second = Counter(step5=lambda: train(TINY, 0, progress=Counter()))
    run = train(TINY, 0, progress=second)
    assert was_trained(second)
    assert [path.name[:6] for path in store.iterdir()] == ["train-"]
    progress = Counter()
    assert_same_bits(run, train(TINY, 0, progress=progress))
    assert not was_trained(progress)


def test_a_full_disk_costs_a_sentence_and_not_the_result(store, monkeypatch, capsys):
    def no_space(self, blob):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", no_space)
    run = train(TINY, 0, progress=Counter())
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2  # once for the checkpoints, once for the run
    assert "state at step 3" in said[0] and "No space left on device" in said[1]
    assert list(store.iterdir()) == []  # nothing half written either
    monkeypatch.undo()
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(store))
    assert_same_bits(run, train(TINY, 0, progress=Counter()))


@pytest.fixture
def shelf(tmp_path):
    """A file system of its own that `shelf(options)` mounts again, so that it turns read-only."""
    folder = tmp_path / "shelf"
    folder.mkdir()

    def mount(options):
        done = subprocess.run(
            ["mount", "-o", options, "-t", "tmpfs", "tmpfs", folder], capture_output=True, timeout=300
        )
        if done.returncode:
            pytest.skip("only root can mount a file system")
        return folder

    try:
        yield mount
    finally:
        subprocess.run(["umount", folder], capture_output=True, timeout=300)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system of Linux")
def test_a_store_that_turns_read_only_costs_sentences_and_loses_nothing(shelf, monkeypatch, capsys):
    folder = shelf("rw") / "runs"
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(folder))
    run = train(TINY, 0, progress=Counter())
    train(TINY, 1, progress=Counter())
    run_store.record_finding("01_x", "gap", 0.5, "nats", "measured")
    run_store.record_prediction("01_x", "gap", "half a nat")
    (harmed,) = (path for path in folder.glob("train-*") if '"seed": 1' in (path / "run.json").read_text())
    cut_json(harmed)
    shelf("remount,ro")
    assert_same_bits(run, train(TINY, 0, progress=Counter()))
    assert [f.value for f in run_store.findings()] == [0.5]
    assert run_store.prediction("01_x", "gap") == "half a nat"
    assert capsys.readouterr().out == ""
    train(TINY, 1, progress=Counter())
    run_store.record_finding("01_x", "gap", 0.7, "nats", "measured")
    run_store.record_prediction("01_x", "gap", "a nat")
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 5 and all("Read-only file system" in line for line in said)
    assert "cannot be moved" in said[0] and "training goes on" in said[1] and "is used now" in said[2]
    shelf("remount,rw")
    assert [f.value for f in run_store.findings()] == [0.5]


def test_a_run_that_nobody_may_look_at_is_made_anew(trained, monkeypatch):
    run, entry = trained

    def forbidden(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    for name in ("exists", "read_text", "read_bytes"):
        monkeypatch.setattr(Path, name, forbidden)
    assert_same_bits(run, train(TINY, 0, progress=Counter()))


def test_what_a_killed_process_left_half_written_is_swept_up_after_an_hour(trained):
    _, entry = trained
    old, young = (entry.with_name(f".half-{name}") for name in ("old", "young"))
    for half in (old, young):
        half.mkdir()
    file = entry.with_name(".half-file")  # of findings or predictions
    file.write_text("{")
    for half in (old, file):
        os.utime(half, (time.time() - 4000,) * 2)
    train(TINY, 1, progress=Counter())
    assert not old.exists() and not file.exists() and young.exists()


def test_an_unfinished_state_that_says_nothing_is_set_aside(store, capsys):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TINY, 0, progress=Counter(step4=stop))
    (entry,) = store.glob("train-*.step*")
    sealed(entry, lambda stored: stored.pop("state"))
    progress = Counter()
    train(TINY, 0, progress=progress)
    assert progress.updates == [1] * TINY.steps
    assert "cannot be read (KeyError: 'state')" in capsys.readouterr().out


def test_the_result_does_not_depend_on_the_callers_number_of_threads(store, monkeypatch):
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr(loop, "update", lambda *_: seen.append(torch.get_num_threads()) or 1.0)
    try:
        torch.set_num_threads(2)
        train(TINY, 0, progress=Counter())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}


def test_the_folder_is_that_of_the_repository_whatever_the_working_folder(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("DEEPSEEK_COURSE_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    place._choose.cache_clear()
    assert run_store.folder() == Path(loop.__file__).resolve().parents[2] / ".runs"
    assert capsys.readouterr().out == ""


def test_where_the_folder_cannot_be_written_the_users_cache_is_used_and_that_is_said_once(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "a file" / "runs"))
    monkeypatch.setattr(place, "_user_cache", lambda: tmp_path / "cache")
    assert run_store.folder() == run_store.folder() == tmp_path / "cache"
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and str(tmp_path / "cache") in said and "cannot be written" in said


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has a temporary folder for each user")
def test_the_last_resort_is_each_users_own_and_never_another_ones(tmp_path, monkeypatch, capsys):
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "a file" / "runs"))
    monkeypatch.setattr(place, "_user_cache", lambda: None)  # nobody knows the home
    monkeypatch.setattr(place.tempfile, "gettempdir", lambda: str(tmp_path))
    found = run_store.folder()
    assert found.parent == tmp_path and str(os.getuid()) in found.name
    place._choose.cache_clear()
    monkeypatch.setattr(place.os, "getuid", lambda: 12345)  # now the folder is somebody else's
    found.rename(tmp_path / "deepseek-on-a-laptop-12345")
    with pytest.raises(OSError, match="runs have nowhere to go: none of .*deepseek-on-a-laptop-12345"):
        run_store.folder()
    place._choose.cache_clear()


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(place.Path, "home", nowhere)
    assert place._user_cache() is None


@pytest.mark.parametrize("platform, part", [("linux", ".cache"), ("darwin", "Caches"), ("win32", "Local")])
def test_the_users_cache_is_where_the_system_has_it(monkeypatch, platform, part):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(place.sys, "platform", platform)
    assert part in place._user_cache().parts


def test_packing_gives_back_what_it_was_given_types_included():
    tensor = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    value = {
        "tensors": [tensor, tensor.T, tensor.to(torch.float8_e4m3fn), torch.tensor(3)],
        "plain": (None, True, 7, -0.1, "text", {}, [], ()),
        "odd keys": {0: "zero", (1, 2): [3.5], "$tensor": "no tensor"},
        "floats": [float("inf"), float("-inf")],
        "a.b": tensor + 1,
        "a": {"b": tensor + 2},
        "config": TINY,
    }
    packed, tensors = pack(value)
    back = unpack(json.loads(json.dumps(packed, allow_nan=False)), tensors)
    for one, other in zip(value.pop("tensors"), back.pop("tensors")):
        assert one.dtype == other.dtype and torch.equal(one.float(), other.float())
    assert torch.equal(value.pop("a.b"), back.pop("a.b"))
    assert torch.equal(value.pop("a")["b"], back.pop("a")["b"])
    assert back == value and type(back["plain"]) is tuple
    array = np.arange(3.0)[::-1]
    packed, tensors = pack({"array": array, "number": np.float64(1.5), "nan": float("nan")})
    back = unpack(packed, tensors)
    assert (back["array"] == array).all() and type(back["number"]) is float
    assert back["nan"] != back["nan"]


def test_what_is_packed_and_what_is_unpacked_are_copies():
    """Training goes on changing its weights, and a reader may change a result; what is kept stays."""
    value = torch.zeros(2)
    packed, tensors = pack(value)
    value += 1
    unpack(packed, tensors).add_(2)
    assert unpack(packed, tensors).tolist() == [0.0, 0.0]


def test_loading_a_model_draws_no_random_number_of_ours(trained):
    """A cell after it prints the same whether its run was trained or loaded."""
    before = torch.get_rng_state()
    train(TINY, 0, progress=Counter())
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be_stored_is_refused_by_name():
    with pytest.raises(TypeError, match=r"but a\.0 is a set"):
        pack({"a": [{1, 2}]})


def test_a_file_cannot_name_a_class_to_be_called():
    for path in ("os:system", "builtins:print", "lessons_lib.training.loop:train", "nowhere:Class"):
        with pytest.raises(ValueError, match="not a dataclass or model"):
            unpack({"$class": path, "fields": {}}, {})


@pytest.mark.parametrize("seed", [1.0, True, "0", None])
def test_a_seed_that_is_no_whole_number_is_refused(store, seed):
    with pytest.raises(TypeError, match="seed must be a whole number"):
        train(TINY, seed, progress=Counter())
