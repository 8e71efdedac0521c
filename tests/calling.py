"""How `run.py` calls one check, in a process of its own, and what it keeps of the outcome.

A check is a command (ruff, the mutants) or a call of pytest; each test, and each cell of a notebook that was
compared, becomes a `Case`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
CELL_CLOCK = Path(__file__).with_name("cell_clock.py")

# Arithmetic as another processor would have it, for `test --portable`. The first limits this one to what
# every processor can do, and is 2 to 4 times slower; the others begin a run beside its first weights.
OTHER_CPU = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}
DISTURB = "DEEPSEEK_COURSE_DISTURB"

WORKERS = "DEEPSEEK_COURSE_WORKERS"  # how many processes a lesson may train in, see runs/workers.py
INTERRUPTED = 2  # pytest's exit code
UNDER_WAY: set[subprocess.Popen] = set()  # of `call`, for `end_all`


@dataclass(frozen=True)
class Case:
    """A test, a cell or a command: its outcome is "passed", "failed" or "skipped"."""

    name: str
    outcome: str
    seconds: float = 0.0
    is_cell: bool = False


@dataclass
class Result:
    """What one call of a stage came to."""

    stage: str
    what: str
    cases: list[Case] = field(default_factory=list)
    seconds: float = 0.0

    def fail(self, why: str) -> None:
        """Add a failure that no test of its own stands for."""
        self.cases.append(Case(why, "failed"))

    def count(self, outcome: str) -> int:
        return sum(case.outcome == outcome for case in self.cases)

    @property
    def failures(self) -> list[str]:
        return [case.name for case in self.cases if case.outcome == "failed"]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during calls; `results` are what they had come to."""

    def __init__(self, *results: Result):
        super().__init__()
        self.results = results


def say(text: str = "") -> None:
    """Print at once, also when the output is a file."""
    print(text, flush=True)


def environment(store: Path, **more: str) -> dict[str, str]:
    """Return the environment of a check: one thread, a store of the tests, no colours, plain arithmetic."""
    base = {k: v for k, v in os.environ.items() if k not in {*OTHER_CPU, DISTURB}}
    return base | {"OMP_NUM_THREADS": "1", "DEEPSEEK_COURSE_RUNS": str(store), "NO_COLOR": "1"} | more


def end(process: subprocess.Popen, patience: float) -> None:
    """Interrupt a process that has not ended after `patience` seconds, and kill it 20 s later."""
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        # Interrupted, pytest still stops its kernels; Windows can only end the process.
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def end_all() -> None:
    """Interrupt every call that is under way, in whatever thread."""
    for process in list(UNDER_WAY):
        end(process, 0)


def call(
    command: list[str], env: dict[str, str], limit: float | None = None, output: IO | None = None
) -> int | None:
    """Run a command in the repository; None if it ran past `limit` seconds.

    What it prints is shown at once, or goes to the file `output`.
    """
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
    UNDER_WAY.add(process)
    try:
        return process.wait(timeout=limit)
    except subprocess.TimeoutExpired:
        end(process, 0)
        return None
    except KeyboardInterrupt:
        # A terminal told it too; a second interrupt would keep pytest from writing down what it has.
        end(process, 5)
        raise
    finally:
        UNDER_WAY.discard(process)


def run_command(stage: str, what: str, command: list[str], env: dict[str, str]) -> Result:
    """Run a command that says itself what is wrong; return whether it was content."""
    say(f"\n=== {stage}: {what}")
    start = time.monotonic()
    content = call(command, env) == 0
    seconds = time.monotonic() - start
    case = Case(
        what if content else f"{what} complains, see above", "passed" if content else "failed", seconds
    )
    return Result(stage, what, [case], seconds)


def cell_label(notebook: Path, number: int) -> str:
    """Return how the summary names a cell: its number among code cells, id and first line."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    cell = [c for c in cells if c["cell_type"] == "code"][number]
    first = next((line for line in "".join(cell["source"]).splitlines() if line.strip()), "")
    where = notebook.relative_to(ROOT).as_posix()
    return f"{where}, cell {number} ({cell.get('id', '?')}): {first[:50]}"


def read_report(path: Path, notebook: Path | None) -> list[Case]:
    """Return the cases of pytest's XML report, named by test, or by notebook and cell."""
    cases = []
    for case in ElementTree.parse(path).iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        # A cell after one that timed out counts as failed too: it was not compared.
        bad |= skipped and notebook is not None
        outcome = "failed" if bad else "skipped" if skipped else "passed"
        name, seconds = case.get("name", ""), float(case.get("time", 0))
        is_cell = notebook is not None and name.startswith("Cell ")
        if is_cell:
            name = cell_label(notebook, int(name.split()[1]))
        else:
            name = f"{case.get('classname', '').replace('.', '/')}.py::{name}"
        cases.append(Case(name, outcome, seconds, is_cell))
    return cases


def run_pytest(
    stage: str,
    what: str,
    arguments: list[str],
    env: dict[str, str],
    *,
    limit: float | None = None,
    notebook: Path | None = None,
    aside: bool = False,
) -> Result:
    """Run pytest in a process of its own and return what came of it; Interrupted with that at Ctrl-C.

    What it prints is shown at once; `aside`, beside another call, when it has ended.
    """
    say(f"\n=== {stage}: {what}" if not aside else f"... {stage}: {what}, side by side")
    result, start = Result(stage, what), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        program = [str(CELL_CLOCK)] if notebook else ["-m", "pytest"]
        command = [sys.executable, *program, "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        printed = Path(folder) / "printed.txt"
        with printed.open("wb") if aside else contextlib.nullcontext() as output:
            try:
                code = call([*command, *arguments], env, limit, output)
            except KeyboardInterrupt:
                code = INTERRUPTED
        if aside:
            words = printed.read_text(encoding="utf-8", errors="replace")
            say(f"\n=== {stage}: {what}\n{words}")
        if report.exists():
            result.cases = read_report(report, notebook)
    result.seconds = time.monotonic() - start
    if code == INTERRUPTED:
        raise Interrupted(result)
    if code is None:
        result.fail(f"{what}: stopped after {limit:.0f} s, its limit")
    elif code != 0 and not result.failures:
        result.fail(f"{what}: pytest ended with code {code}")
    return result


def compare_notebook(
    stage: str,
    path: Path,
    env: dict[str, str],
    cell_limit: int,
    limit: float | None = None,
    aside: bool = False,
) -> Result:
    """Run a notebook from top to bottom and compare every output with the committed one.

    cell_limit: seconds of processor time for a cell.   limit: seconds of the clock for all of them.
    """
    # -vv undoes -q: a line per cell, since one of them may take minutes.
    arguments = ["-vv", "--no-header", "--color=no", "--nbval", "--nbval-current-env"]
    arguments += [f"--nbval-cell-timeout={cell_limit}", str(path)]
    what = path.relative_to(ROOT).as_posix()
    return run_pytest(stage, what, arguments, env, limit=limit, notebook=path, aside=aside)
