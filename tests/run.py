"""Run the checks of the course, in the order in which a person would debug. `start.py test` calls this.

Three depths. `test` is the whole: lint, library, structure, notebooks, exercises, site, browser. Notebooks
are compared strictly with their committed outputs, two side by side, each in a process of its own, on a run
store that starts empty (`.runs-test/` in the repository, never the reader's `.runs/`). What `lessons.toml`
says of them is kept: a lesson that loads another's runs comes after it, one that needs all cores is alone.
`test --warm` is the same on the store that an earlier test left: fingerprints say what is stale, and only
that is trained again. `test --deep` is the long rest and nothing else: every mutant, all lessons as other
processors would compute them, the tests marked `deep`.

`test --portable` is that arithmetic alone, of all lessons or of those named (06 10); with --quick one cheap
lesson of each part. Lessons named without --portable are compared on a warm store, and nothing else is.

At the end, and at Ctrl-C: a table, failures named by stage, notebook and cell, the slowest cells; the last
line is `N passed, N failed`, and the exit code is 1 when one failed. `.runs-test/report.xml` says the same
in JUnit's form.
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
from collections.abc import Iterator
from pathlib import Path

from calling import (
    DISTURB,
    OTHER_CPU,
    ROOT,
    WORKERS,
    Interrupted,
    Result,
    compare_notebook,
    environment,
    run_command,
    run_pytest,
    say,
)
from report import summary, write_junit
from side_by_side import Task, side_by_side

STORES = ROOT / ".runs-test"
DEMO_READER = Path(__file__).resolve().parent / "demo_reader.json"

# Seconds: of the processor for one cell, of the clock for all of --quick.
CELL_LIMIT, OTHER_CPU_CELL_LIMIT, QUICK_LIMIT = 900, 3600, 15 * 60
# The arithmetic of other processors: what each is called, and the environment that asks for it.
ARITHMETIC = {
    "other CPU": OTHER_CPU,
    "disturbed 1": {DISTURB: "1"},
    "disturbed 2": {DISTURB: "2"},
}

# Tests with a stage of their own; all other tests/test_*.py belong to the stage "library". Those of start.py
# make environments and wait for a server, so they run alone, after the others.
STRUCTURE_TESTS = ["test_structure.py", "test_structure_rules.py", "test_mutants_listed.py"]
EXERCISE_TESTS, SITE_TESTS, BROWSER_TESTS = (
    sorted(path.name for path in Path(__file__).parent.glob(f"test_{what}*.py"))
    for what in ("exercises", "site", "browser")
)
LONE_TESTS = ["test_start.py", "test_start_troubles.py"]
PROCESSES = min(2, os.cpu_count() or 1)


def notebooks_in(folder: str, numbers: list[str]) -> list[Path]:
    """Return the notebooks of a folder in lesson order, those of the lessons `numbers` if any is named."""
    paths = sorted((ROOT / folder).glob("[0-9][0-9]_*.ipynb"))
    return [path for path in paths if not numbers or path.name[:2] in numbers]


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


def prepared(name: str, warm: bool) -> Path:
    """Return the store `name` of the tests, with the demo reader: as it was left, or emptied."""
    store = STORES / name
    if not warm:
        empty(store)
    store.mkdir(parents=True, exist_ok=True)
    if warm:  # in a process of its own: this one never imports the library
        command = [sys.executable, str(ROOT / "tests" / "forget_stale.py"), str(store)]
        subprocess.run(command, cwd=ROOT, env=environment(store), check=True)
    return with_demo_reader(store)


def lint(options: argparse.Namespace) -> Iterator[Result]:
    """ruff's rules and ruff's layout, notebooks included, and the library's types."""
    for words in ("ruff check .", "ruff format --check .", "mypy"):
        yield run_command("lint", words, [sys.executable, "-m", *words.split()], environment(STORES))


def of_tests(stage: str, names: list[str], *more: str) -> Iterator[Result]:
    """Run test files by pytest on an empty store; name those that are missing as failures."""
    store = empty(STORES / "tests")
    if not names:
        result = Result(stage, "test files")
        result.fail("there is none")
        yield result
    present = [f"tests/{name}" for name in names if (ROOT / "tests" / name).exists()]
    for name in names:
        if f"tests/{name}" not in present:
            result = Result(stage, name)
            result.fail(f"tests/{name} is missing")
            yield result
    if present:
        what = present[0] if len(present) == 1 else f"{len(present)} test files"
        yield run_pytest(stage, what, ["--durations=5", *more, *present], environment(store))


def library(options: argparse.Namespace) -> Iterator[Result]:
    """All tests without a stage of their own, files shared out among two processes."""
    others = {*STRUCTURE_TESTS, *EXERCISE_TESTS, *SITE_TESTS, *BROWSER_TESTS, *LONE_TESTS}
    names = sorted(p.name for p in (ROOT / "tests").glob("test_*.py") if p.name not in others)
    yield from of_tests("library", names, "--numprocesses", str(PROCESSES), "--dist", "loadfile")
    yield from of_tests("library", LONE_TESTS)


def structure(options: argparse.Namespace) -> Iterator[Result]:
    yield from of_tests("structure", STRUCTURE_TESTS)


def notebooks(options: argparse.Namespace) -> Iterator[Result]:
    store = prepared("lessons", options.warm)
    if not options.lessons:  # all lessons write theirs again; a finding that is renamed would stay
        (store / "findings.json").unlink(missing_ok=True)
    lessons = notebooks_in("notebooks", options.lessons)
    yield from compare_all("notebooks", lessons, environment(store), CELL_LIMIT)


def compare_all(stage: str, paths: list[Path], env: dict[str, str], cell_limit: int) -> Iterator[Result]:
    """Compare notebooks of one folder, as many side by side as there are cores, up to two."""
    from lessons_lib.lessons import BY_NUMBER  # not above: `main` asks whether it is installed

    def task(path: Path) -> Task:
        lesson = BY_NUMBER.get(path.name[:2]) if path.parent.name == "notebooks" else None
        alone = PROCESSES == 1 or len(paths) == 1 or (lesson is not None and lesson.alone)
        settings = env if alone else env | {WORKERS: "1"}

        def compare() -> Result:
            return compare_notebook(stage, path, settings, cell_limit, aside=not alone)

        if lesson is None:
            return Task(path.name[:2], compare, alone=alone)
        return Task(lesson.number, compare, lesson.seconds, frozenset(lesson.after), alone)

    yield from side_by_side(map(task, paths), PROCESSES)


def exercises(options: argparse.Namespace) -> Iterator[Result]:
    """Solutions compared like lessons, on the store these filled; then the tests of the blanks."""
    solutions = notebooks_in("exercises/solutions", options.lessons)
    yield from compare_all("exercises", solutions, environment(prepared("lessons", warm=True)), CELL_LIMIT)
    if not options.lessons:
        yield from of_tests("exercises", EXERCISE_TESTS, "--numprocesses", str(PROCESSES))


def site(options: argparse.Namespace) -> Iterator[Result]:
    """The site built once, nothing executed; then looked at as files and in a browser."""
    yield from of_tests("site", SITE_TESTS)


def browser(options: argparse.Namespace) -> Iterator[Result]:
    yield from of_tests("browser", BROWSER_TESTS)


def portable(options: argparse.Namespace) -> Iterator[Result]:
    """Lessons and solutions in each arithmetic, each on its own store; named lessons on what it holds."""
    for name, variables in ARITHMETIC.items():
        store = prepared(f"portable-{name.replace(' ', '-')}", bool(options.warm or options.lessons))
        limit = OTHER_CPU_CELL_LIMIT if variables is OTHER_CPU else CELL_LIMIT
        for folder in ("notebooks", "exercises/solutions"):
            env = environment(store, **variables)
            yield from compare_all(name, notebooks_in(folder, options.lessons), env, limit)


def portable_quick(options: argparse.Namespace) -> Iterator[Result]:
    """One lesson of each part in one arithmetic, on the store that `test` filled."""
    store, deadline = prepared("lessons", warm=True), time.monotonic() + QUICK_LIMIT
    for path, name in quick_choice(notebooks_in("notebooks", [])):
        left = deadline - time.monotonic()
        if left <= 0:
            result = Result(name, path.name)
            result.fail(f"{path.name}: the {QUICK_LIMIT // 60} minutes of --quick were over before it began")
            yield result
        else:
            env = environment(store, **ARITHMETIC[name])
            yield compare_notebook(name, path, env, OTHER_CPU_CELL_LIMIT, limit=left)


def quick_choice(paths: list[Path]) -> list[tuple[Path, str]]:
    """Return, for each part, the cheapest of its lessons that is written, and its arithmetic, in turn.

    The turn begins with the dearest and the other CPU: what a lesson trained in the usual arithmetic it
    loads there, while a disturbed run is another run and is trained.
    """
    from lessons_lib.lessons import BY_NUMBER, LESSONS  # not above: `main` asks whether it is installed

    written, chosen = {path.name[:2]: path for path in paths}, {}
    for lesson in sorted(LESSONS, key=lambda lesson: lesson.seconds):
        if lesson.number in written:
            chosen.setdefault(lesson.part, written[lesson.number])
    dearest_first = sorted(chosen.values(), key=lambda path: (-BY_NUMBER[path.name[:2]].seconds, path.name))
    names = list(ARITHMETIC)
    return sorted((path, names[i % len(names)]) for i, path in enumerate(dearest_first))


def mutants(options: argparse.Namespace) -> Iterator[Result]:
    command = [sys.executable, str(ROOT / "tests" / "mutants.py")]
    yield run_command("mutants", "tests/mutants.py", command, environment(STORES))


def deep_tests(options: argparse.Namespace) -> Iterator[Result]:
    """The tests marked `deep`, from the files that hold such a mark."""
    files = sorted((ROOT / "tests").glob("test_*.py"))
    names = [path.name for path in files if "pytest.mark.deep" in path.read_text(encoding="utf-8")]
    yield from of_tests("deep tests", names, "-m", "deep")


STAGES = {
    "lint": lint,
    "library": library,
    "structure": structure,
    "notebooks": notebooks,
    "exercises": exercises,
    "site": site,
    "browser": browser,
}
DEEP = [mutants, deep_tests, portable]


def is_installed_from_here() -> bool:
    """Does `import lessons_lib`, from any folder, find the one of this checkout?"""
    code = "import lessons_lib; print(lessons_lib.__file__)"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    return done.returncode == 0 and Path(done.stdout.strip()).resolve().is_relative_to(ROOT)


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options, with the list of functions to call as `.stages`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("lessons", nargs="*", metavar="NN", help="only these lessons, named by their numbers")
    parser.add_argument("--lesson", action="append", default=[], metavar="NN", help="the same")
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--warm", action="store_true", help="use what an earlier test trained")
    depth.add_argument("--deep", action="store_true", help="the long rest, and nothing else")
    parser.add_argument("--portable", action="store_true", help="lessons as other processors compute them")
    parser.add_argument("--quick", action="store_true", help="with --portable: one cheap lesson of each part")
    parser.add_argument(
        "--only", choices=STAGES, action="append", help="run this stage only (may be repeated)"
    )
    options = parser.parse_args(arguments)
    options.lessons += options.lesson
    known = {path.name[:2] for path in notebooks_in("notebooks", [])}
    if unknown := [number for number in options.lessons if number not in known]:
        parser.error(f"there is no lesson {unknown[0]}; written are {', '.join(sorted(known))}")
    if options.quick and (not options.portable or options.lessons):
        parser.error("--quick belongs to --portable, without named lessons")
    if options.deep and (options.portable or options.lessons):
        parser.error("--deep includes --portable, of all lessons")
    if options.only and (options.portable or options.deep or options.lessons):
        parser.error("--only chooses among the stages of the whole test, of all lessons")
    if options.deep:
        options.stages = DEEP
    elif options.portable:
        options.stages = [portable_quick if options.quick else portable]
    elif options.lessons:
        options.warm, options.stages = True, [notebooks, exercises]
    else:
        options.stages = [STAGES[name] for name in options.only or STAGES]
    return options


def main() -> int:
    """Read the options, run the stages, print and write the summary, return the exit code."""
    options = read_options()
    if not is_installed_from_here():
        say(f"lessons_lib is not installed from {ROOT}: run `python start.py setup` first.")
        return 2
    # Started in the background (`&`), a shell makes us deaf to interrupts, and our tests with us; some
    # of them press the stop button.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends in the summary, too, and ends pytest
    results, interrupted, begun = [], False, time.monotonic()
    try:
        for stage in options.stages:
            for result in stage(options):
                results.append(result)
    except KeyboardInterrupt as stop:
        interrupted = True
        results += stop.results if isinstance(stop, Interrupted) else []
    write_junit(results, STORES / "report.xml")
    status = summary(results, seconds=time.monotonic() - begun, interrupted=interrupted)
    if status == 0:
        note_passed(options)
    return status


def note_passed(options: argparse.Namespace, file: Path = STORES / "passed.json", root: Path = ROOT) -> None:
    """Note the commit on which the whole test, or the deep one, has passed: `start.py release-check` asks."""
    whole = options.stages == list(STAGES.values()) and not options.lessons
    name = "deep" if options.stages == DEEP else "whole" if whole else None
    if name is None:
        return
    said = [
        subprocess.run(["git", "-C", root, *words], capture_output=True, text=True).stdout.strip()
        for words in (("rev-parse", "HEAD"), ("status", "--porcelain"))
    ]
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known[name] = said[0] if not said[1] else ""  # what isn't committed can't be released
    file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
