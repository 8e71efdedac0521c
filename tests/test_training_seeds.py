"""Jobs side by side give what they give one after the other, and stop together when they are stopped."""

import contextlib
import os
import signal
import sys
import threading
import time
from multiprocessing import Pipe, active_children

import pytest
import safetensors.torch
import torch
import training_helpers
from training_helpers import TINY, Counter, assert_same_bits, crash, scale, shorter, start_python, vanish

from lessons_lib.config import ModelConfig
from lessons_lib.runs import run_seeds, run_store, workers
from lessons_lib.training import train


class Bar(Counter):
    """A bar that remembers how it was made."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(workers, "IMPORTABLE", {"lessons_lib", "training_helpers"})
    return tmp_path / "runs"


@pytest.fixture
def bars(monkeypatch):
    """The bars that run_seeds makes: (total, description, bar)."""
    made = []

    def make(total, desc):
        made.append((total, desc, Bar()))
        return made[-1][2]

    monkeypatch.setattr(workers, "progress", make)
    return made


@pytest.fixture
def no_workers(monkeypatch):
    """Starting a process fails the test."""

    def refuse(n):
        raise AssertionError(f"{n} workers were started")

    monkeypatch.setattr(workers, "_started", refuse)


def test_side_by_side_is_as_one_after_the_other_bit_for_bit_and_in_order(bars, monkeypatch, capfd, tmp_path):
    jobs = [
        (train, TINY, 2),
        (scale, {"factor": 3}, 5),
        (train, shorter(steps=7), 0),
        (scale, {"factor": 4}, 6),
    ]
    together = run_seeds(jobs, workers=2)
    assert capfd.readouterr() == ("scaling by 3\nscaling by 4\n", "")  # in the order of the jobs
    assert active_children() == []

    loaded = run_seeds(jobs[::2], workers=2)
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "alone"))
    alone = run_seeds(jobs, workers=1)
    assert capfd.readouterr() == ("scaling by 3\nscaling by 4\n", "")
    for i in (0, 2):
        assert_same_bits(together[i], alone[i])
        assert_same_bits(together[i], loaded[i // 2])
        assert_same_bits(together[i], train(*jobs[i][1:], progress=Counter()))
    for i in (1, 3):
        assert torch.equal(together[i]["values"], alone[i]["values"])
    assert together[1]["values"].tolist() == [15.0, 15.0] and together[3]["seed"] == 6
    # 12 + 1 + 7 + 1 steps, however they were made
    assert [(total, desc) for total, desc, _ in bars] == [(21, "4 runs"), (19, "2 runs"), (21, "4 runs")]
    assert [sum(bar.updates) for *_, bar in bars] == [21, 19, 21]
    assert bars[1][2].updates == [12, 7]


def test_where_everything_is_stored_no_worker_starts(bars, no_workers):
    for seed in (0, 1):
        train(TINY, seed, progress=Counter())
    first, second = run_seeds([(train, TINY, 1), (train, TINY, 0)])
    assert (first.seed, second.seed) == (1, 0)


def test_one_missing_run_needs_no_worker(bars, no_workers):
    train(TINY, 0, progress=Counter())
    assert [run.seed for run in run_seeds([(train, TINY, 1), (train, TINY, 0)])] == [1, 0]
    assert bars[0][2].updates == [12] + [1] * 12


def test_no_jobs_have_no_results(bars, no_workers):
    assert run_seeds([]) == []


def of_a_test(configuration, seed):
    return seed


@pytest.mark.parametrize("function", [lambda c, s: s, of_a_test, torch.zeros, 3])
def test_a_function_from_elsewhere_is_refused_before_anything_starts(no_workers, function):
    with pytest.raises(TypeError, match="needs functions of lessons_lib") as error:
        run_seeds([(train, TINY, 0), (function, {}, 0)])
    assert "\n" not in str(error.value)


def test_a_notebooks_function_is_refused_as_such(no_workers, monkeypatch):
    monkeypatch.setattr(of_a_test, "__module__", "__main__")
    with pytest.raises(TypeError, match="of_a_test comes from this notebook"):
        run_seeds([(of_a_test, {}, 0)])


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        run_seeds([(train, TINY, 0)], workers=0)


def test_a_job_that_fails_is_named_with_its_reason_and_the_others_stop(bars, store, capfd):
    small = shorter(model=ModelConfig(vocab_size=10, dim=16, n_layers=1, n_heads=2))
    with pytest.raises(
        RuntimeError, match=r"job 2 of 2, train with seed 4: ValueError: the corpus has"
    ) as error:
        run_seeds([(train, shorter(steps=100_000), 0), (train, small, 4)])
    assert "\n" not in str(error.value)
    assert active_children() == [] and capfd.readouterr() == ("", "")


def test_a_job_that_fails_here_is_named_in_the_same_way(bars):
    with pytest.raises(RuntimeError, match=r"job 1 of 1, crash with seed 4: KeyError: 'no such thing'"):
        run_seeds([(crash, {}, 4)])


def test_a_worker_that_vanishes_is_noticed(bars, capfd):
    with pytest.raises(RuntimeError, match="vanish with seed 1: its process ended unexpectedly"):
        run_seeds([(vanish, {}, 1), (vanish, {}, 1)])
    assert active_children() == [] and capfd.readouterr() == ("", "")


def test_what_jobs_print_comes_in_the_order_of_the_jobs_whoever_was_first(bars, monkeypatch, capsys):
    """Pipes without processes: the second job's answer is there at once, the first one's a little later."""
    first, second = Pipe(), Pipe()
    answers = [("done", str(i), safetensors.torch.save({}), f"job {i}\n", "") for i in range(2)]
    second[1].send(answers[1])
    threading.Timer(0.3, first[1].send, [answers[0]]).start()
    monkeypatch.setattr(workers, "_started", lambda n: contextlib.nullcontext([first[0], second[0]]))
    assert run_seeds([(scale, {"factor": i}, 0) for i in range(2)]) == [0, 1]
    assert capsys.readouterr().out == "job 0\njob 1\n"


SCRIPT = """
import os, signal, time
import training_helpers as helpers
from lessons_lib.runs import run_seeds, workers
from lessons_lib.training import train

class Bar(helpers.Counter):
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def update(self, n=1):
        super().update(n)
        if sum(self.updates) == 40:
            STOP

workers.progress = lambda total, desc: Bar()
run_seeds([(train, helpers.shorter(steps=120), seed) for seed in (0, 1)])
"""


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def is_gone(group):
    """No process of the group lives, those that work and those that keep the books."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and their signals are POSIX")
def test_the_stop_button_stops_all_workers_and_the_runs_go_on_later(store, bars, monkeypatch, tmp_path):
    """Jupyter sends SIGINT to the kernel and its children alike; no guard protects the script's top level."""
    code = SCRIPT.replace("STOP", "os.killpg(0, signal.SIGINT)")
    process = start_python(code, store, start_new_session=True)
    printed, warned = process.communicate(timeout=120)
    assert printed == ""
    assert warned.count("Traceback") == 1 and warned.rstrip().endswith("KeyboardInterrupt"), warned
    assert wait_until(lambda: is_gone(process.pid))
    left = sorted(store.glob("train-*"))  # of one run or two: the second worker may not have begun
    assert left and all(".step" in path.name for path in left)

    jobs = [(train, shorter(steps=120), seed) for seed in (0, 1)]
    resumed = run_seeds(jobs, workers=1)
    kept = [int(path.name[-8:]) for path in left]
    updates = bars[0][2].updates  # what was kept comes at once, the rest step by step
    assert sum(updates) == 240 and len(updates) == 240 - sum(kept) + len(kept)
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "whole"))
    for one, other in zip(resumed, run_seeds(jobs, workers=1)):
        assert_same_bits(one, other)


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and their signals are POSIX")
def test_the_stop_button_is_quiet_while_the_workers_are_still_starting(store):
    code = SCRIPT.replace("run_seeds([", "workers._hand_out = lambda *_: STOP\nrun_seeds([", 1)
    stop = "(time.sleep(0.8), os.killpg(0, signal.SIGINT))"  # by now they are importing torch
    process = start_python(code.replace("STOP", stop), store, start_new_session=True)
    _, warned = process.communicate(timeout=120)
    assert warned.count("Traceback") == 1 and warned.rstrip().endswith("KeyboardInterrupt"), warned
    assert wait_until(lambda: is_gone(process.pid))


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and their signals are POSIX")
def test_a_kernel_that_is_killed_leaves_no_worker_behind(store):
    code = SCRIPT.replace("STOP", "os.kill(os.getpid(), signal.SIGKILL)")
    process = start_python(code, store, start_new_session=True)
    _, warned = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL and warned == ""
    assert wait_until(lambda: is_gone(process.pid))
    assert list(store.glob("*.step*"))


def test_the_helpers_are_importable_by_a_worker():
    """Else the jobs above would test nothing but the refusal."""
    assert sys.modules["training_helpers"] is training_helpers and run_store.total_steps(scale, {}) == 1


def test_the_environment_lowers_the_number_of_workers_and_changes_nothing_else(monkeypatch, no_workers):
    monkeypatch.setenv("DEEPSEEK_COURSE_WORKERS", "1")
    jobs = [(scale, {"factor": 2}, seed) for seed in (2, 3)]
    assert [found["values"].tolist() for found in run_seeds(jobs)] == [[4.0, 4.0], [6.0, 6.0]]
    monkeypatch.setenv("DEEPSEEK_COURSE_WORKERS", "none")
    with pytest.raises(ValueError, match="at least 1, it is 'none'"):
        run_seeds([])
