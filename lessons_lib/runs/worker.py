"""What happens in a worker process of `run_seeds`: take a job from the pipe, do it, send its result back.

A result travels in its stored form (JSON and safetensors), never as shared memory. The parent asks a
worker to stop by closing the pipe, which also happens by itself when the parent dies: so nobody stays
behind.
"""

import contextlib
import io
import json
import os
import pickle
import signal
from multiprocessing.connection import Connection
from typing import Any

import safetensors.torch
import torch

from lessons_lib.runs.packing import pack


class _Report:
    """The progress of one job, told to the parent, who may have asked to stop."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def update(self, n: int = 1) -> None:
        try:
            self.pipe.send(("steps", n))
        except OSError:  # the other end is closed
            raise KeyboardInterrupt from None


def work(pipe: Connection, store: str) -> None:
    """Do the jobs that come through `pipe` until it is closed; runs are kept in the folder `store`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    os.environ["DEEPSEEK_COURSE_RUNS"] = store
    torch.set_num_threads(1)
    # ends when the parent has closed its end, or died
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            pipe.send(_do(pipe.recv_bytes(), _Report(pipe)))
    os._exit(0)  # Python would take a second to put torch away, while a reader waits


def call(function: Any, configuration: Any, seed: int, progress: Any) -> Any:
    """Call a job's function, with `progress` if it reports its own steps, else counting one."""
    if hasattr(function, "total_steps"):
        return function(configuration, seed, progress=progress)
    result = function(configuration, seed)
    progress.update(1)
    return result


def _do(message: bytes, report: _Report) -> tuple:
    """Return ("done", json, safetensors, printed, warned), or ("failed", sentence, printed, warned)."""
    printed, warned = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(warned):
        try:
            function, configuration, seed = pickle.loads(message)
            packed, tensors = pack(call(function, configuration, seed, report))
            answer: tuple[str | bytes, ...] = ("done", json.dumps(packed), safetensors.torch.save(tensors))
        except Exception as error:
            answer = ("failed", f"{type(error).__name__}: {error}")
    return *answer, printed.getvalue(), warned.getvalue()
