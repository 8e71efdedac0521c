"""Break the course on purpose, one line at a time, and see that a test falls. `start.py mutants` runs this.

`mutants.toml` lists them: a file, a line as it stands, the line that breaks it, and the test that must
then fail. Each is tried on a copy of the repository, never on the checkout; the test must pass there
before the change and fail after it. A mutant that survives is a fault that nobody would notice, and its
test needs an assertion more. Exit code 1 when one survives.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_name("mutants.toml")
COPIED = ("lessons_lib", "tests", "exercises", "notebooks", "pyproject.toml", "start.py")
LIMIT = 300  # seconds for one test; a mutant that makes it hang is found by this


@dataclass(frozen=True)
class Mutant:
    """One fault: in `file`, `old` becomes `new`, and `test` (a pytest id) must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str


def read_mutants(path: Path = LIST) -> list[Mutant]:
    """Return the listed mutants in the order of the file."""
    return [Mutant(**row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]]


def places(mutant: Mutant, root: Path = ROOT) -> int:
    """Return how often the old line stands in the file, leading blanks aside; 0 without the file."""
    path = root / mutant.file
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return sum(line.strip() == mutant.old.strip() for line in lines)


def broken(mutant: Mutant, text: str) -> str:
    """Return `text` with the mutant's line changed, its indentation kept."""
    lines = text.splitlines(keepends=True)
    (at,) = [i for i, line in enumerate(lines) if line.strip() == mutant.old.strip()]
    blanks = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    lines[at] = "".join(f"{blanks}{line}\n" for line in mutant.new.strip().splitlines())
    return "".join(lines)


def copy_tree(target: Path, root: Path = ROOT) -> None:
    """Copy what tests need, without anybody's caches."""
    for name in COPIED:
        source = root / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.egg-info")
            shutil.copytree(source, target / name, ignore=ignored)
        elif source.exists():
            shutil.copy(source, target / name)


def run_tests(tests: list[str], tree: Path) -> tuple[bool, str]:
    """Run pytest on `tests` in the copied tree; return whether all passed, and what it printed."""
    # The copy comes first on the path, before the checkout that an editable install points to.
    env = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    env["DEEPSEEK_COURSE_RUNS"] = str(tree / "runs")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=tree, env=env, capture_output=True, text=True, timeout=LIMIT * len(tests)
        )
    except subprocess.TimeoutExpired:
        return False, f"stopped after {LIMIT * len(tests)} s"
    finally:
        shutil.rmtree(tree / "runs", ignore_errors=True)
    # Code 1 is a failing test; 2 to 5 mean that pytest could not run it, which proves nothing.
    if done.returncode > 1:
        raise RuntimeError(
            f"pytest could not run {' '.join(tests)}:\n{done.stdout[-2000:]}{done.stderr[-500:]}"
        )
    return done.returncode == 0, done.stdout


def survivors(mutants: list[Mutant], tree: Path) -> list[str]:
    """Try every mutant on the copy in `tree`; return the names of those that no test noticed."""
    alive = []
    for number, mutant in enumerate(mutants, start=1):
        path, start = tree / mutant.file, time.monotonic()
        original = path.read_text(encoding="utf-8")
        path.write_text(broken(mutant, original), encoding="utf-8")
        try:
            passed, _ = run_tests([mutant.test], tree)
        finally:
            path.write_text(original, encoding="utf-8")
        verdict = "SURVIVES" if passed else "dies"
        seconds = time.monotonic() - start
        print(f"{number:>3} of {len(mutants)}  {verdict:<9}{seconds:>4.0f} s  {mutant.name}", flush=True)
        if passed:
            alive.append(f"{mutant.name}: {mutant.file} with `{mutant.new.strip()}` passes {mutant.test}")
    return alive


def main() -> int:
    """Check the tests unbroken, then every mutant; print the survivors and the count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", metavar="TEXT", help="only mutants with this text in name, file or test")
    only = parser.parse_args().only
    mutants = [m for m in read_mutants() if not only or any(only in x for x in (m.name, m.file, m.test))]
    wrong = [f"{m.name}: its line stands {places(m)} times in {m.file}" for m in mutants if places(m) != 1]
    if wrong or not mutants:
        print("\n".join(wrong) or f"no mutant matches {only!r}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "course"
        tree.mkdir()
        copy_tree(tree)
        tests = sorted({mutant.test for mutant in mutants})
        print(f"{len(tests)} tests, unbroken first ...", flush=True)
        passed, output = run_tests(tests, tree)
        if not passed:
            print(output[-3000:] + "\nA test fails without any mutant; mend that first.")
            return 1
        alive = survivors(mutants, tree)
    for line in alive:
        print(f"survives: {line}")
    print(f"{len(mutants) - len(alive)} died, {len(alive)} survived")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
