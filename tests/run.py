"""Run every check of the course, in the order in which a person would debug.

`python start.py test` calls this. Stages: lint, library, structure, notebooks, exercises, browser.
The notebooks are compared strictly with their committed outputs, one after the other in lesson order,
each in a process of its own, on a run store that starts empty (`.runs-test/` in the repository, never
the reader's `.runs/`). With --portable the notebooks run once more as on another CPU. The summary at the
end names the failing stage, notebook and cell; the last line is `N passed, N failed`, and the exit code
is 1 when one failed.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORES = ROOT / ".runs-test"
DEMO_READER = Path(__file__).resolve().parent / "demo_reader.json"

# Seconds for one cell, and for all of --quick. Another CPU's arithmetic is 2 to 4 times slower.
CELL_LIMIT, PORTABLE_CELL_LIMIT, QUICK_LIMIT = 900, 3600, 15 * 60
OTHER_CPU = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}

# Tests with a stage of their own; all other tests/test_*.py belong to the stage "library".
STRUCTURE_TESTS = ["test_structure.py", "test_structure_rules.py", "test_mutants_listed.py"]
EXERCISE_TESTS = ["test_exercises.py"]
BROWSER_TESTS = ["test_browser.py", "test_browser_assistant.py"]


@dataclass
class Result:
    """What one command of a stage came to."""

    stage: str
    what: str
    passed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)


def say(text: str = "") -> None:
    """Print at once, also when the output is a file."""
    print(text, flush=True)


def environment(store: Path, **more: str) -> dict[str, str]:
    """Return the environment of a check: one thread, a store of the tests, no colours."""
    base = {k: v for k, v in os.environ.items() if k not in OTHER_CPU}
    return base | {"OMP_NUM_THREADS": "1", "DEEPSEEK_COURSE_RUNS": str(store), "NO_COLOR": "1"} | more


def call(command: list[str], env: dict[str, str], limit: float | None) -> int | None:
    """Run a command in the repository, its output shown at once; None if it ran past `limit`."""
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        return process.wait(timeout=limit)
    except BaseException as problem:
        # Interrupted, pytest still stops its kernels; Windows can only end the process.
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
        if isinstance(problem, subprocess.TimeoutExpired):
            return None
        raise


def cell_label(notebook: Path, number: int) -> str:
    """Return how the summary names a cell: its number among code cells, id and first line."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    cell = [c for c in cells if c["cell_type"] == "code"][number]
    first = next((line for line in "".join(cell["source"]).splitlines() if line.strip()), "")
    where = notebook.relative_to(ROOT).as_posix()
    return f"{where}, cell {number} ({cell.get('id', '?')}): {first[:50]}"


def read_report(path: Path, result: Result, notebook: Path | None) -> None:
    """Count what pytest's XML report says; name each failure by test, or by notebook and cell."""
    for case in ElementTree.parse(path).iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        # A cell after one that timed out counts as failed too: it was not compared.
        bad |= skipped and notebook is not None
        if not bad:
            result.skipped += skipped
            result.passed += not skipped
        elif notebook and case.get("name", "").startswith("Cell "):
            result.failures.append(cell_label(notebook, int(case.get("name").split()[1])))
        else:
            file = case.get("classname", "").replace(".", "/")
            result.failures.append(f"{file}.py::{case.get('name')}")


def run_pytest(
    stage: str,
    what: str,
    arguments: list[str],
    env: dict[str, str],
    *,
    limit: float | None = None,
    notebook: Path | None = None,
) -> Result:
    """Run pytest in a process of its own and return what came of it."""
    say(f"\n=== {stage}: {what}")
    result, start = Result(stage, what), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
        ]
        code = call([*command, *arguments], env, limit)
        if report.exists():
            read_report(report, result, notebook)
        if code is None:
            result.failures.append(f"{what}: stopped after {limit:.0f} s, its limit")
        elif code != 0 and not result.failures:
            result.failures.append(f"{what}: pytest ended with code {code}")
    result.seconds = time.monotonic() - start
    return result


def compare_notebook(
    stage: str, path: Path, env: dict[str, str], cell_limit: int, limit: float | None = None
) -> Result:
    """Run a notebook from top to bottom and compare every output with the committed one."""
    # -vv undoes -q: a line per cell, since one of them may take minutes.
    arguments = ["-vv", "--no-header", "--color=no", "--nbval", "--nbval-current-env"]
    arguments += [f"--nbval-cell-timeout={cell_limit}", str(path)]
    what = path.relative_to(ROOT).as_posix()
    return run_pytest(stage, what, arguments, env, limit=limit, notebook=path)


def lessons(folder: str = "notebooks") -> list[Path]:
    return sorted((ROOT / folder).glob("[0-9][0-9]_*.ipynb"))


def empty(store: Path) -> Path:
    """Make `store` an empty folder."""
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    return store


def with_demo_reader(store: Path) -> Path:
    """Put the demo answers of a reader into `store`, which lesson 21 shows; those of a reader stay."""
    if not (store / "reader.json").exists():
        shutil.copyfile(DEMO_READER, store / "reader.json")
    return store


def lint() -> list[Result]:
    """ruff's rules and ruff's layout, notebooks included."""
    results = []
    for arguments in (["check"], ["format", "--check"]):
        say(f"\n=== lint: ruff {' '.join(arguments)}")
        result, start = Result("lint", f"ruff {' '.join(arguments)}"), time.monotonic()
        code = call([sys.executable, "-m", "ruff", *arguments, "."], environment(STORES), None)
        result.seconds = time.monotonic() - start
        if code == 0:
            result.passed = 1
        else:
            result.failures.append(f"ruff {' '.join(arguments)} complains, see above")
        results.append(result)
    return results


def of_tests(stage: str, names: list[str]) -> list[Result]:
    """Run test files by pytest on an empty store; name those that are missing as failures."""
    store = empty(STORES / "tests")
    missing = [name for name in names if not (ROOT / "tests" / name).exists()]
    present = [f"tests/{name}" for name in names if name not in missing]
    results = [Result(stage, name, failures=[f"tests/{name} is missing"]) for name in missing]
    if present:
        what = present[0] if len(present) == 1 else f"{len(present)} test files"
        results.append(run_pytest(stage, what, ["--durations=5", *present], environment(store)))
    return results


def library() -> list[Result]:
    others = {*STRUCTURE_TESTS, *EXERCISE_TESTS, *BROWSER_TESTS}
    return of_tests(
        "library",
        sorted(p.name for p in (ROOT / "tests").glob("test_*.py") if p.name not in others),
    )


def structure() -> list[Result]:
    return of_tests("structure", STRUCTURE_TESTS)


def notebooks() -> list[Result]:
    env = environment(with_demo_reader(empty(STORES / "lessons")))
    return [compare_notebook("notebooks", path, env, CELL_LIMIT) for path in lessons()]


def exercises() -> list[Result]:
    """Solutions compared like lessons, on the store these filled; then the tests of the blanks."""
    store = STORES / "lessons"
    store.mkdir(parents=True, exist_ok=True)
    env = environment(store)
    compared = [compare_notebook("exercises", p, env, CELL_LIMIT) for p in lessons("exercises/solutions")]
    return compared + of_tests("exercises", EXERCISE_TESTS)


def browser() -> list[Result]:
    return of_tests("browser", BROWSER_TESTS)


def portable(quick: bool) -> list[Result]:
    """The notebooks as on another CPU: all on an empty store, or a few on the one `test` filled."""
    if not quick:
        env = environment(with_demo_reader(empty(STORES / "portable")), **OTHER_CPU)
        paths = [*lessons(), *lessons("exercises/solutions")]
        return [compare_notebook("portable", path, env, PORTABLE_CELL_LIMIT) for path in paths]
    store, deadline = STORES / "lessons", time.monotonic() + QUICK_LIMIT
    if not store.is_dir() or not any(store.iterdir()):
        say("The store that `test` fills is empty, so the lessons train first.")
        store.mkdir(parents=True, exist_ok=True)
    env, results = environment(with_demo_reader(store), **OTHER_CPU), []
    for path in quick_choice(lessons()):
        left = deadline - time.monotonic()
        if left <= 0:
            failure = f"{path.name}: the {QUICK_LIMIT // 60} minutes of --quick were over before it began"
            results.append(Result("portable", path.name, failures=[failure]))
        else:
            results.append(compare_notebook("portable", path, env, QUICK_LIMIT, limit=left))
    return results


def quick_choice(paths: list[Path]) -> list[Path]:
    """Return, for each part of the course, the cheapest of its lessons that is written."""
    from lessons_lib.lessons import LESSONS  # not above: `main` first asks whether it is installed

    written, chosen = {path.name[:2]: path for path in paths}, {}
    for lesson in sorted(LESSONS, key=lambda lesson: lesson.seconds):
        if lesson.number in written:
            chosen.setdefault(lesson.part, written[lesson.number])
    return sorted(chosen.values())


STAGES = {
    "lint": lint,
    "library": library,
    "structure": structure,
    "notebooks": notebooks,
    "exercises": exercises,
    "browser": browser,
}


def summary(results: list[Result]) -> int:
    """Print the table, the failures by name and the last line; return the exit code."""
    say(f"\n{'stage':<11}{'what':<52}{'passed':>7}{'failed':>7}{'skipped':>8}{'seconds':>9}")
    for r in results:
        say(f"{r.stage:<11}{r.what[:50]:<52}{r.passed:>7}{len(r.failures):>7}{r.skipped:>8}{r.seconds:>9.0f}")
    failures = [f"{r.stage}: {failure}" for r in results for failure in r.failures]
    if failures:
        say("\nFailed:")
        for failure in failures:
            say(f"  {failure}")
    passed, seconds = sum(r.passed for r in results), sum(r.seconds for r in results)
    say(f"\n{seconds / 60:.1f} minutes\n{passed} passed, {len(failures)} failed")
    return 1 if failures or not passed else 0


def is_installed_from_here() -> bool:
    """Does `import lessons_lib`, from any folder, find the one of this checkout?"""
    code = "import lessons_lib; print(lessons_lib.__file__)"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    return done.returncode == 0 and Path(done.stdout.strip()).resolve().is_relative_to(ROOT)


def main() -> int:
    """Read the options, run the stages, print the summary, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--portable", action="store_true", help="the notebooks once more, as on another CPU")
    parser.add_argument("--quick", action="store_true", help="with --portable: one cheap lesson of each part")
    parser.add_argument(
        "--only", choices=STAGES, action="append", help="run this stage only (may be repeated)"
    )
    options = parser.parse_args()
    if options.quick and not options.portable:
        parser.error("--quick belongs to --portable")
    if options.only and options.portable:
        parser.error("--only chooses among the stages of the whole test; --portable has none")
    if not is_installed_from_here():
        say(f"lessons_lib is not installed from {ROOT}: run `python start.py setup` first.")
        return 2
    # Started in the background (`&`), a shell makes us deaf to interrupts, and our tests with us; some
    # of them press the stop button.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    results = []
    if options.portable:
        results = portable(options.quick)
    else:
        for stage in options.only or STAGES:
            results += STAGES[stage]()
    return summary(results)


if __name__ == "__main__":
    sys.exit(main())
