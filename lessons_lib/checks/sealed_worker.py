"""The process in which `sealed` has a handed-in function run: it reads jobs, and writes values.

The function's own statements run one after the other, as cells do; one that fails does not keep the rest.
"""

import linecache
import os
import pickle
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from lessons_lib.checks import wire, worker
from lessons_lib.checks.crash import Crash
from lessons_lib.checks.report import Caught
from lessons_lib.checks.running import Run, global_state_kept, run_cases

GIGABYTES = 2  # of memory, above what the process has when it begins

_made: dict[str, Any] = {}  # the function, once its statements have run


def main() -> None:
    """Serve jobs until the input ends."""
    jobs, answers = worker.channels()
    _limit_memory()
    worker.write(answers, b"ready")
    while (job := worker.read(jobs)) is not None:
        made_of, observe, cases, rules, limit = pickle.loads(job)  # from the process that judges
        worker.set_clocks(limit)
        runs: list[Run] = []
        printed, trouble = Caught(), ""
        with warnings.catch_warnings(), redirect_stdout(printed), redirect_stderr(printed):
            warnings.simplefilter("ignore")
            attempt = _function(*made_of)
            if isinstance(attempt, Crash):
                runs.append(Run(error=attempt))
            elif not callable(attempt):
                trouble = f"{made_of[0]} is no function"
            else:
                with global_state_kept():
                    run_cases(observe(attempt) if observe else attempt, cases, rules, runs)
        answer = wire.pack(runs, printed.getvalue(), trouble)
        worker.set_clocks(0)
        worker.write(answers, answer)


def _function(name: str, file: str, pieces: list[tuple[int, str]]) -> Any:
    """Return the function that the statements make, or the first thing that kept it from being made."""
    if name in _made:
        return _made[name]
    text = "\n".join(piece for _, piece in pieces)
    linecache.cache[file] = (len(text), None, [f"{line}\n" for line in text.split("\n")], file)
    space: dict[str, Any] = {"__name__": "__main__"}
    first: Crash | None = None
    for line, piece in pieces:
        try:
            exec(compile("\n" * (line - 1) + piece, file, "exec"), space)
        except BaseException as error:  # exit() is one as well
            first = first or Crash.of(error)
    if name not in space:
        return first
    _made[name] = space[name]
    return _made[name]


def _limit_memory() -> None:
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        most = now + GIGABYTES * 2**30
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, OSError, ValueError):
        pass  # not Linux: the system has to see to it


if __name__ == "__main__":
    main()
