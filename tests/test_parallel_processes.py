"""Processes from a notebook: results by rank, a failure told in a sentence, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rank_functions
import torch

from lessons_lib.parallel import run_processes

CALLER = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
import rank_functions
from lessons_lib.parallel import run_processes
run_processes(rank_functions.sleep, {folder!r}, 300.0)
"""


def alive(process: int) -> bool:
    """Say whether a process is there and no corpse that waits to be collected."""
    if not Path("/proc").exists():
        return subprocess.run(["ps", "-p", str(process)], capture_output=True, timeout=300).returncode == 0
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not condition():
        time.sleep(0.1)
    return condition()


def test_every_rank_runs_the_function_and_their_results_come_back_by_rank():
    found = run_processes(rank_functions.add_up, torch.arange(3.0), n=3)
    assert [rank for rank, _, _ in found] == [0, 1, 2]
    assert all(torch.equal(total, torch.tensor([0.0, 3.0, 6.0])) for _, total, _ in found)
    assert [threads for _, _, threads in found] == [1, 1, 1]


def test_a_failing_rank_is_named_with_its_reason_in_one_sentence_and_not_those_who_waited_for_it():
    with pytest.raises(RuntimeError, match=r"^refuse: rank 1 of 2: ValueError: no such expert: 7$"):
        run_processes(rank_functions.refuse, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_killed_rank_is_named_within_20_seconds():
    start = time.monotonic()
    run_processes(rank_functions.add_up, torch.arange(2.0), n=2)  # what starting takes on this machine, now
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="^die: rank 0 of 2 ended without a word, as if killed$"):
        run_processes(rank_functions.die, 0)
    assert time.monotonic() - started < 20 + (started - start)


def test_a_rank_that_never_answers_is_waited_for_no_longer_than_patience(tmp_path):
    with pytest.raises(RuntimeError, match=r"^sleep: rank 0 of 2 waited 1.5 s for another one, in vain$"):
        run_processes(rank_functions.sleep, str(tmp_path), 60.0, 1, patience=1.5)


@pytest.mark.deep
def test_a_call_that_takes_too_long_is_ended_with_all_its_processes(tmp_path):
    with pytest.raises(RuntimeError, match="^sleep: not done in 2 processes after 15 s$"):
        run_processes(rank_functions.sleep, str(tmp_path), 300.0, limit=15)
    ranks = [int(path.read_text()) for path in tmp_path.iterdir()]
    assert len(ranks) == 2 and not any(alive(rank) for rank in ranks)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.deep)])
def test_nobody_is_left_when_the_caller_is_interrupted_or_killed(how, tmp_path):
    tests = Path(__file__).parent
    script = CALLER.format(tests=str(tests), root=str(tests.parent), folder=str(tmp_path))
    caller = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: sum(path.stat().st_size > 0 for path in tmp_path.iterdir()) == 2, 60)
        ranks = [int(path.read_text()) for path in tmp_path.iterdir()]
        assert all(alive(rank) for rank in ranks)
        os.kill(caller.pid, how)
        caller.wait(30)  # we are its parent: until we take it away, it looks alive to its ranks
        assert wait_for(lambda: not any(alive(rank) for rank in ranks), 15)
    finally:
        caller.kill()


def test_a_group_of_some_ranks_talks_among_them_alone():
    assert run_processes(rank_functions.in_pairs, n=4) == [1.0, 1.0, 5.0, 5.0]


def test_a_function_of_a_notebook_is_refused_with_a_reason():
    def local() -> None: ...

    with pytest.raises(TypeError, match="that it can import from a module; .*local comes"):
        run_processes(local)
    with pytest.raises(TypeError, match="n must be a whole number"):
        run_processes(rank_functions.in_pairs, n=2.0)
    with pytest.raises(ValueError, match="patience must be at least 0.1"):
        run_processes(rank_functions.in_pairs, patience=0)
