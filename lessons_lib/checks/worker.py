"""The process in which `apart` has functions run: it reads jobs and writes what became of them.

A job that is late ends it, with the place where it was in `stderr`: by `faulthandler`, which needs no turn of
Python's, so nothing that a reader writes can hold it up. Late is a job that has computed for `limit` seconds,
by a clock of the system's that counts this process's computing alone (Windows has none), or that is not done
after `PATIENCE` times as long.
"""

import faulthandler
import os
import pickle
import signal
import struct
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import BinaryIO

import torch

from lessons_lib.checks.compare import Foreign, kind_of
from lessons_lib.checks.limits import PATIENCE
from lessons_lib.checks.report import Caught
from lessons_lib.checks.running import Run, global_state_kept, run_cases


def write(stream: BinaryIO, message: bytes) -> None:
    """Write one message."""
    stream.write(struct.pack("!Q", len(message)) + message)
    stream.flush()


def read(stream: BinaryIO) -> bytes | None:
    """Read one message, None where the other side has ended."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    n = struct.unpack("!Q", head)[0]
    message = stream.read(n)
    return message if len(message) == n else None


def channels() -> tuple[BinaryIO, BinaryIO]:
    """Return the streams for jobs and answers, and make this process one in which a function can run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the stop button is for the one who waits
    torch.set_num_threads(1)
    # A reader's function that reads or prints gets other streams than ours.
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    if hasattr(signal, "setitimer"):
        faulthandler.register(signal.SIGPROF, file=2, all_threads=False, chain=True)  # tells, then ends
    return jobs, answers


def main() -> None:
    """Serve jobs until the input ends."""
    jobs, answers = channels()
    write(answers, b"ready")
    while (job := read(jobs)) is not None:
        packed, cases, rules, limit = pickle.loads(job)
        set_clocks(limit)
        runs, printed = _done(pickle.loads(packed), cases, rules)
        set_clocks(0)
        write(answers, pickle.dumps((runs, printed)))


def set_clocks(limit: float) -> None:
    """End this process `limit` seconds of computing from now; 0: call it off."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, limit)
    faulthandler.cancel_dump_traceback_later()
    if limit:
        faulthandler.dump_traceback_later(PATIENCE * limit, exit=True, file=2)


def _done(attempt: Callable, cases: list[dict], rules: object) -> tuple[list[Run], str]:
    runs: list[Run] = []
    printed = Caught()
    with warnings.catch_warnings(), redirect_stdout(printed), redirect_stderr(printed), global_state_kept():
        warnings.simplefilter("ignore")
        run_cases(attempt, cases, rules, runs)  # type: ignore[arg-type]
        for run in runs:
            run.result = _portable(run.result)
    return runs, printed.getvalue()


def _portable(result: object) -> object:
    """Return a result that can travel: tensors and numbers as they are, of anything else its type's name."""
    if isinstance(result, (tuple, list)):
        return type(result)(map(_portable, result))
    plain = result is None or isinstance(result, (torch.Tensor, bool, int, float, str))
    return result if plain else Foreign(kind_of(result))
