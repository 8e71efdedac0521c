"""Run a function that was handed in for marks, in a process of its own of which only values come back.

The process that judges reads the submission as text and imports nothing of it. The other process is new
for each function, has a copy of this library without the right answers, an empty folder, hardly any of the
environment's variables and 2 GB of memory. It is sent the cases, and what it returns is read as values
(`wire`). Whatever a submission replaces there is replaced in no other place. It still runs on this machine,
as this user: see `exercises/README.md`.
"""

import atexit
import functools
import inspect
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lessons_lib.checks import apart, packing, wire
from lessons_lib.checks.crash import Crash
from lessons_lib.checks.exercise import Case
from lessons_lib.checks.handed_in import HandedIn
from lessons_lib.checks.limits import PATIENCE, Ending
from lessons_lib.checks.observing import Observe
from lessons_lib.checks.running import Rules, Run

_LIBRARY = Path(__file__).resolve().parents[1]
_OFFERED = ("several_tokens/tiny.py",)  # of the folders of exercises, what a reader's cells may import
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LD_LIBRARY_PATH")


class Sealed:
    """One handed-in function's process: made when first asked, and again after it had to be ended."""

    def __init__(self, attempt: HandedIn) -> None:
        self.attempt = attempt
        self.process: apart.Process | None = None
        self.__name__ = attempt.name
        # for the message to a call that doesn't fit
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in attempt.parameters()])

    def __call__(self, *arguments: object) -> object:
        """Refuse: nothing that was handed in runs in the process that judges it."""
        raise RuntimeError(f"{self.__name__} was handed in, and runs in a process of its own alone")

    def close(self) -> None:
        """End the process."""
        if self.process:
            self.process.close()

    def run(
        self,
        observe: Observe | None,
        cases: list[Case],
        rules: Rules,
        runs: list[Run],
        limit: float,
    ) -> Ending:
        """Do what `run_cases` does, there."""
        if self.attempt.trouble and not self.attempt.pieces:
            runs.append(Run(error=_crash(self.attempt.trouble)))
            return Ending()
        made_of = self.attempt.name, self.attempt.file, list(self.attempt.placed())
        job = packing.pack((made_of, observe, cases, rules, limit), by_value=True)
        if self.process is None:
            self.process = _process()
        start = time.perf_counter()
        answer = self.process.asked(job, PATIENCE * limit + 5)
        ending = Ending(seconds=time.perf_counter() - start)
        if answer is None:
            said, self.process = self.process.close(), None
            return apart.ended(ending, said, limit, runs, {})
        try:
            done, printed, trouble = wire.unpack(answer)
        except wire.Unreadable as error:
            done, printed, trouble = [], "", str(error)
        runs += done or [Run(error=_crash(trouble))]
        if len(done) < len(cases) and runs[-1].error is None:
            runs.append(Run(error=_crash("it did not answer every case")))
        del runs[len(cases) :]
        print(printed, end="")
        return ending


@contextmanager
def opened(attempt: Any) -> Iterator[Any]:
    """Yield the attempt, or the process of one that was handed in, ended in the end."""
    if not isinstance(attempt, HandedIn):
        yield attempt
        return
    process = Sealed(attempt)
    try:
        yield process
    finally:
        process.close()


def _crash(sentence: str) -> Crash:
    return Crash(sentence, "", None, False, None)


def _process() -> apart.Process:
    library = without_answers()
    others = [p for p in sys.path if p and not (Path(p) / "lessons_lib").is_dir()]
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    env.update(OMP_NUM_THREADS="1", PYTHONUTF8="1", HOME=str(library), PYTHONDONTWRITEBYTECODE="1")
    folder = Path(tempfile.mkdtemp(dir=library))
    return apart.Process(
        apart.SERVE.format(path=[str(library), *others], module="sealed_worker"), cwd=folder, env=env
    )


@functools.cache
def without_answers() -> Path:
    """Return a folder with a copy of this library in which no exercise is judged: no answer to be called."""
    folder = Path(tempfile.mkdtemp(prefix="handed-in-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    there = folder / "lessons_lib"
    checks = _LIBRARY / "checks"
    rooms = [path.name for path in checks.iterdir() if path.is_dir()]

    def left_out(where: str, names: list[str]) -> list[str]:
        return [n for n in names if n == "__pycache__" or (Path(where) == checks and n in rooms)]

    shutil.copytree(_LIBRARY, there, ignore=left_out)
    for offered in _OFFERED:
        target = there / "checks" / offered
        target.parent.mkdir(exist_ok=True)
        (target.parent / "__init__.py").touch()
        shutil.copy(checks / offered, target)
    return folder
