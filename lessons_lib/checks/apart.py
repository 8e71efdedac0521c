"""Run a reader's function in a process of its own, which can be ended whatever the function does.

For what reads texts: a regular expression that never ends holds Python itself, and would freeze the notebook
for good. The process is kept for the next check, since importing torch takes a second or two; a function that
uses something that cannot travel is run here instead.
"""

from __future__ import annotations

import atexit
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from lessons_lib.checks import frozen, packing
from lessons_lib.checks.crash import Crash
from lessons_lib.checks.limits import PATIENCE, Ending
from lessons_lib.checks.running import Rules, Run
from lessons_lib.checks.spots import Spot, is_theirs
from lessons_lib.checks.worker import read, write

SERVE = "import sys; sys.path[:] = {path!r}; from lessons_lib.checks import {module} as w; w.main()"
START_SECONDS = 60.0  # to import torch, on a busy machine


class Process:
    """One process that runs jobs, and the file that its last words go to."""

    def __init__(self, code: str | None = None, **more: Any) -> None:
        self.last_words = tempfile.TemporaryFile()
        code = (
            code
            or f"import sys; sys.path[:] = {sys.path!r}; from lessons_lib.checks import worker as w; w.main()"
        )
        pipe = subprocess.PIPE
        self.popen = subprocess.Popen(
            [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=self.last_words, **more
        )
        if self.asked(None, START_SECONDS) != b"ready":
            raise OSError("the process that runs a function apart does not start")

    def asked(self, job: bytes | None, seconds: float) -> bytes | None:
        """Send a job (None: nothing) and return the answer, None if it ended without one in that time."""
        assert self.popen.stdin and self.popen.stdout
        # It ends itself when a job is late; this is for one that cannot even do that.
        timer = threading.Timer(seconds, self.popen.kill)
        timer.daemon = True
        timer.start()
        try:
            if job is not None:
                write(self.popen.stdin, job)  # type: ignore[arg-type]
            return read(self.popen.stdout)  # type: ignore[arg-type]
        except (OSError, BrokenPipeError):
            return None
        finally:
            timer.cancel()

    def close(self) -> str:
        """End it and return its last words."""
        self.popen.kill()
        self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout):
            try:
                stream.close()  # type: ignore[union-attr]
            except OSError:
                pass
        self.last_words.seek(0)
        said = self.last_words.read().decode(errors="replace")
        self.last_words.close()
        return said


_kept: list[Process] = []


@atexit.register
def forget() -> None:
    """End the process that is kept, if there is one."""
    while _kept:
        _kept.pop().close()


def run_apart(
    attempt: Callable, cases: list[dict[str, Any]], rules: Rules, runs: list[Run], limit: float
) -> Ending:
    """Do what `run_cases` does, elsewhere. `packing.Unpackable` if the attempt cannot go there."""
    packed = packing.pack(attempt)
    if not _kept:
        _kept.append(Process())
    start = time.perf_counter()
    try:
        answer = _kept[0].asked(pickle.dumps((packed, cases, rules, limit)), PATIENCE * limit + 5)
    except KeyboardInterrupt:
        forget()
        raise
    ending = Ending(seconds=time.perf_counter() - start)
    if answer is not None:
        done, printed = pickle.loads(answer)
        runs += done
        print(printed, end="")
        return ending
    firsts = {(c.co_filename, c.co_name): c.co_firstlineno for c in _codes(attempt)}
    return ended(ending, _kept.pop().close(), limit, runs, firsts)


def ended(
    ending: Ending, said: str, limit: float, runs: list[Run], firsts: dict[tuple[str, str], int]
) -> Ending:
    """Complete the ending of a run whose process ended, from its last words: too slow, or by its own hand.

    `firsts` are the lines in which the functions of a file begin.
    """
    ending.late = ending.seconds > 0.9 * limit
    if not ending.late:
        runs.append(Run(error=Crash("Your function ended the process that it ran in", "", None, False, None)))
    dump = max(said.rfind("Timeout ("), said.rfind("Stack ("), 0)  # the one of a clock, or of the other
    for file, line, function in frozen.places(said[dump:]):
        if is_theirs(file):
            ending.spots.append(Spot(file, line, function, firsts.get((file, function), 1)))
    return ending


def _codes(attempt: Callable) -> list[Any]:
    """Return the code of a function, of those inside it, and of those that it names."""
    found, left = [], [attempt]
    while left:
        value = left.pop()
        code: Any = getattr(value, "__code__", value)
        if not hasattr(code, "co_consts") or code in found:
            continue
        found.append(code)
        left += [c for c in code.co_consts if hasattr(c, "co_consts")]
        names = getattr(value, "__globals__", {})
        left += [names[n] for n in code.co_names if hasattr(names.get(n), "__code__")]
    return found
