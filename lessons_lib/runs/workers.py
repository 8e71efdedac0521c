"""Run several jobs side by side: the seeds and variants of a comparison, on the cores there are.

A job is (function, configuration, seed), and its function lives in `lessons_lib`: a worker is a fresh
Python process that imports it, and cannot see a notebook's cells. Each worker uses one torch thread, so
the results are those of running the jobs one after the other, bit for bit.

The function is called as `function(configuration, seed)`; one that has an attribute `total_steps` (see
run_store) is also given `progress=`, on which it calls `.update(n)`. What the run store already has is
not made again, and where it has everything, no worker starts.
"""

import contextlib
import json
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any

import safetensors.torch

from lessons_lib.arguments import whole
from lessons_lib.runs import run_store, worker
from lessons_lib.runs.packing import pack, unpack
from lessons_lib.runs.progress import progress

IMPORTABLE = {"lessons_lib"}  # top packages whose functions a worker can import
AT_MOST = "DEEPSEEK_COURSE_WORKERS"  # an environment variable: never more worker processes than this
PATIENCE = 10.0  # seconds that workers get to keep their last state before they are ended


def run_seeds(jobs: list[tuple[Callable, Any, int]], workers: int = 2) -> list[Any]:
    """Return the results of `jobs`, in their order, with one progress bar for all.

    Raises TypeError for a function that is not of `lessons_lib`, ValueError for `workers` below 1, and
    RuntimeError, naming the job, where a job fails; the other jobs are then stopped. Interrupting stops
    all workers; what they can take up again (see run_store) goes on from there next time. The environment
    variable DEEPSEEK_COURSE_WORKERS lowers `workers`, for a machine with little memory; results stay.
    """
    whole(workers=workers)
    workers = min(workers, _allowed(workers))
    jobs = [_checked(job) for job in jobs]
    totals = [run_store.total_steps(function, configuration) for function, configuration, _ in jobs]
    results: dict[int, Any] = {}
    with progress(sum(totals), f"{len(jobs)} runs") as bar:
        for i, (function, configuration, seed) in enumerate(jobs):
            found = run_store.load(function, configuration, seed)
            if found:
                results[i] = found.result
                bar.update(totals[i])
        missing = [i for i in range(len(jobs)) if i not in results]
        if min(workers, len(missing)) > 1:
            results |= _side_by_side(jobs, missing, workers, bar)
        else:  # a process of its own would only cost its start
            results |= {i: _here(jobs, i, bar) for i in missing}
    return [results[i] for i in range(len(jobs))]


def _allowed(workers: int) -> int:
    """Return how many worker processes the environment allows, where it speaks of them."""
    asked = os.environ.get(AT_MOST, str(workers))
    if not asked.isdecimal() or int(asked) < 1:
        raise ValueError(f"{AT_MOST} should be a whole number of at least 1, it is {asked!r}")
    return int(asked)


def _checked(job: Any) -> tuple[Callable, Any, int]:
    if not isinstance(job, tuple | list) or len(job) != 3:
        raise TypeError(f"a job is (function, configuration, seed), got {job!r:.80}")
    function, configuration, seed = job
    module, name = str(getattr(function, "__module__", None)), getattr(function, "__qualname__", None)
    is_found = getattr(sys.modules.get(module), name or "", None) is function
    if not is_found or module.split(".")[0] not in IMPORTABLE:
        raise TypeError(
            f"run_seeds needs functions of lessons_lib, which a worker process can import; "
            f"{name or repr(function)} comes from {'this notebook' if module == '__main__' else module}"
        )
    return function, configuration, seed


def _here(jobs: list, i: int, bar: Any) -> Any:
    """Do job `i` in this process, as a worker would."""
    function, configuration, seed = jobs[i]
    try:
        with run_store.one_thread():
            return unpack(*pack(worker.call(function, configuration, seed, bar)))
    except Exception as error:
        raise _failure(jobs, i, f"{type(error).__name__}: {error}") from error


def _side_by_side(jobs: list, missing: list[int], workers: int, bar: Any) -> dict[int, Any]:
    """Do the jobs `missing` in worker processes; return their results by number."""
    results: dict[int, Any] = {}
    said: dict[int, tuple[str, str]] = {}  # what a job wrote to stdout and stderr
    waiting = list(missing)
    with _started(min(workers, len(missing))) as pipes:
        doing: dict[Any, int] = {}
        for pipe in pipes:
            doing[pipe] = _hand_out(pipe, waiting, jobs)
        while doing:
            ready: list[Any] = wait(list(doing))
            for pipe in ready:
                i = doing[pipe]
                try:
                    kind, *answer = pipe.recv()
                except (EOFError, OSError):
                    raise _failure(jobs, i, "its process ended unexpectedly") from None
                if kind == "steps":
                    bar.update(*answer)
                    continue
                *answer, printed, warned = answer
                said[i] = printed, warned
                if kind == "failed":
                    raise _failure(jobs, i, *answer)
                results[i] = unpack(json.loads(answer[0]), safetensors.torch.load(answer[1]))
                del doing[pipe]
                if waiting:
                    doing[pipe] = _hand_out(pipe, waiting, jobs)
    for i in sorted(said):  # in the order of jobs, whoever was first
        for text, stream in zip(said[i], (sys.stdout, sys.stderr)):
            stream.write(text)
    return results


def _hand_out(pipe: Any, waiting: list[int], jobs: list) -> int:
    i = waiting.pop(0)
    pipe.send_bytes(pickle.dumps(jobs[i]))
    return i


def _failure(jobs: list, i: int, why: str) -> RuntimeError:
    function, _, seed = jobs[i]
    return RuntimeError(f"job {i + 1} of {len(jobs)}, {function.__name__} with seed {seed}: {why}")


@contextlib.contextmanager
def _started(n: int) -> Iterator[list]:
    """Start `n` workers and give the pipes to them; at the end, however it comes, none is left."""
    context = multiprocessing.get_context("spawn")
    processes, pipes = [], []
    store = str(run_store.folder())
    try:
        with _quiet_start():
            for _ in range(n):
                ours, theirs = context.Pipe()
                pipes.append(ours)
                process = context.Process(target=worker.work, args=(theirs, store), daemon=True)
                process.start()
                processes.append(process)
                theirs.close()
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()  # which asks its worker to stop
        try:
            deadline = time.monotonic() + PATIENCE
            for process in processes:
                process.join(max(0.0, deadline - time.monotonic()))
        finally:  # also on a second, impatient interrupt
            for process in processes:
                if process.is_alive():
                    process.kill()
                process.join()


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Start processes that neither hear an interrupt meant for us nor run the caller's script again.

    A terminal and Jupyter send SIGINT to the whole group; a blocked signal is inherited, and ours is
    delivered when the block ends. `spawn` would import the main script, which a worker has no use for.
    """
    main = sys.modules["__main__"].__dict__
    names = [name for name in ("__file__", "__spec__") if main.get(name) is not None]
    kept = {name: main.pop(name) for name in names}
    if "__spec__" in kept:
        main["__spec__"] = None
    can_block = hasattr(signal, "pthread_sigmask")
    if can_block:  # a process starts this helper first if need be, which would unblock SIGINT again
        resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]) if can_block else None
    try:
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        main.update(kept)
