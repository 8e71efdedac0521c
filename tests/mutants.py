"""Break the course on purpose, one line at a time, and see that a test falls. `start.py mutants` runs this.

`mutants.toml` lists them: a file, a line as it stands, the line that breaks it, and the test that must
then fail. Each is tried on a copy of the repository, never on the checkout; the test must pass there
before the change and fail after it (one that hangs is noticed too). A mutant that survives is a fault that
nobody would notice, and its test needs an assertion more. Exit code 1 when one survives, cannot be run, or
has a test that fails unbroken.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from trials import Job, Outcome, copy_tree, run_all, warm

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_name("mutants.toml")
LIMIT, PATIENCE = 600, 30  # seconds for a whole test; for a broken one, beside 10 times what it takes whole


@dataclass(frozen=True)
class Mutant:
    """One fault: in `file`, `old` becomes `new`, and `test` (a pytest id) must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str


def read_mutants(text: str | None = None) -> list[Mutant]:
    """Return the listed mutants, or those of the list `text`, in the order of the file."""
    text = LIST.read_text(encoding="utf-8") if text is None else text
    return [Mutant(**row) for row in tomllib.loads(text)["mutant"]]


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


def git(*words: str) -> str:
    """Return what git says about the checkout, nothing where it fails."""
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, encoding="utf-8")
    return done.stdout.strip() if done.returncode == 0 else ""


def changed_since(revision: str, mutants: list[Mutant]) -> list[Mutant]:
    """Return the mutants that are new or whose file or test file differs from `revision`.

    What is not committed counts. An empty `revision` stands for where this branch left main, or for the
    commit before on main itself. Raises ValueError for a revision that git does not know.
    """
    if not revision:
        left = git("merge-base", "HEAD", "main")
        revision = left if left and left != git("rev-parse", "HEAD") else "HEAD~"
    if not git("rev-parse", "--verify", f"{revision}^{{commit}}"):
        raise ValueError(f"git knows no commit {revision!r} here")
    new = git("ls-files", "--others", "--exclude-standard")
    files = {*git("diff", "--name-only", revision).splitlines(), *new.splitlines()}
    former = git("show", f"{revision}:{LIST.relative_to(ROOT).as_posix()}")
    known = set(read_mutants(former)) if former else set()
    return [m for m in mutants if m not in known or {m.file, m.test.partition("::")[0]} & files]


def unbroken(tests: list[str], trees: list[Path]) -> dict[str, float]:
    """Run each test without any mutant; return the clock's seconds of those that pass, name the others."""
    print(f"{len(tests)} tests, unbroken first ...", flush=True)
    seconds = {}
    for test, outcome in zip(tests, run_all([Job(test, LIMIT) for test in tests], trees)):
        if outcome.code == 0:
            seconds[test] = outcome.clock
        else:
            print(f"{outcome.output[-3000:]}\nfails without any mutant: {test}", flush=True)
    return seconds


def verdict(outcome: Outcome) -> str:
    """Return what became of a mutant; codes 2 to 5 mean that pytest could not run the test."""
    if outcome.code is None:
        return "hangs"
    if outcome.code > 1:
        return "NOT RUN"
    return "dies" if outcome.code else "SURVIVES"


def try_all(mutants: list[Mutant], seconds: dict[str, float], trees: list[Path]) -> bool:
    """Try the mutants, print each verdict and a summary; return whether a test noticed every one."""
    jobs = []
    for m in mutants:
        text = broken(m, (trees[0] / m.file).read_text(encoding="utf-8"))
        jobs.append(Job(m.test, PATIENCE + 10 * seconds[m.test], ((m.file, text),)))
    slowest, died, bad = [], 0, []
    for number, (m, outcome) in enumerate(zip(mutants, run_all(jobs, trees)), start=1):
        said = verdict(outcome)
        line = f"{said:<9}{outcome.seconds:>6.1f} s  {m.name}"
        print(f"{number:>3} of {len(mutants)}  {line}", flush=True)
        slowest.append((outcome.seconds, f"{line}: {m.test}"))
        died += said in ("dies", "hangs")
        if said == "SURVIVES":
            bad.append(f"survives: {m.name}: {m.file} with `{m.new.strip()}` passes {m.test}")
        elif said == "NOT RUN":
            bad.append(f"{outcome.output[-2000:]}\nnot run: {m.name}: {m.test}")
    print("\nThe slowest:", *(line for _, line in sorted(slowest, reverse=True)[:10]), sep="\n  ")
    print(*bad, sep="\n")
    survived = sum(line.startswith("survives") for line in bad)
    not_run = len(bad) - survived
    print(f"{died} died, {survived} survived" + (f", {not_run} not run" if not_run else ""), flush=True)
    return not bad


def main() -> int:
    """Check the tests unbroken, then every mutant; print the survivors and the count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", metavar="TEXT", help="only mutants with this text in name, file or test")
    parser.add_argument(
        "--changed", nargs="?", const="", metavar="REVISION", help="only those of files changed since then"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many side by side")
    options = parser.parse_args()
    only, start = options.only, time.monotonic()
    mutants = [m for m in read_mutants() if not only or any(only in x for x in (m.name, m.file, m.test))]
    if options.changed is not None:
        try:
            mutants = changed_since(options.changed, mutants)
        except ValueError as problem:
            parser.error(str(problem))
        if not mutants:
            print("no mutant's file or test has changed")
            return 0
    wrong = [f"{m.name}: its line stands {places(m)} times in {m.file}" for m in mutants if places(m) != 1]
    if wrong or not mutants:
        print("\n".join(wrong) or f"no mutant matches {only!r}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        trees = [copy_tree(Path(folder).resolve() / f"course{n}", ROOT) for n in range(options.workers)]
        tests = list(dict.fromkeys(m.test for m in mutants))
        warm(trees[0], list(dict.fromkeys(test.partition("::")[0] for test in tests)))
        seconds = unbroken(tests, trees)
        all_noticed = try_all([m for m in mutants if m.test in seconds], seconds, trees)
    used = sum(os.times()[:4])
    print(f"{(time.monotonic() - start) / 60:.1f} minutes, {used / 60:.1f} of processor")
    return 0 if all_noticed and len(seconds) == len(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
