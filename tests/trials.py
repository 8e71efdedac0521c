"""Run single tests on copies of the course, side by side, without importing torch for each of them.

`warm` imports into this process what the tests need from elsewhere and nothing of the course: torch takes
longer to import than most tests to run. Each trial is then a fork, in which the copy comes first on the
path, so that the library and the tests are imported afresh, from there. Where a system cannot fork
(Windows), a trial is a new process that imports everything itself: slower, the verdict is the same.
"""

import ast
import compileall
import contextlib
import gc
import importlib
import importlib.metadata
import multiprocessing
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from py_compile import PycInvalidationMode

TESTS = Path(__file__).resolve().parent
COPIED = ("lessons_lib", "tests", "tools", "exercises", "notebooks", "pyproject.toml", "start.py")
COPIED += ("requirements.txt", "README.md", ".gitattributes")
CAN_FORK = "fork" in multiprocessing.get_all_start_methods()
CONTEXT = multiprocessing.get_context("fork" if CAN_FORK else "spawn")
# One torch thread: a process in which no other runs is safe to fork, and two trials don't stall each other.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Job:
    """A test (a pytest id), the seconds it may take, and files of the tree with other contents meanwhile."""

    test: str
    limit: float
    changed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a trial came to: `code` is pytest's, negative after a signal, None when stopped at its limit.

    `seconds` are the processor's where the system counts them for us, else those of `clock`.
    """

    code: int | None
    seconds: float
    clock: float
    output: str


def copy_tree(target: Path, root: Path) -> Path:
    """Copy what tests need, without anybody's caches, and return `target`."""
    target.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.egg-info")
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, target / name, ignore=ignored)
        elif (root / name).exists():
            shutil.copy(root / name, target / name)
    # Bytecode that goes by the source's hash: a changed line is compiled again however fast it came.
    compileall.compile_dir(target, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    return target


def warm(tree: Path, tests: list[str]) -> None:
    """Import here what the library, the tests in the files `tests` and their helpers need from elsewhere."""
    os.environ.update(ONE_THREAD)
    if not CAN_FORK:
        return
    files = [*tree.glob("lessons_lib/**/*.py"), *(tree / test for test in tests)]
    files += [p for p in tree.glob("tests/**/*.py") if not p.name.startswith("test_")]
    own = {"lessons_lib", "start", *(p.stem for p in tree.glob("tests/*"))}
    wanted: dict[str, set[str]] = {}
    for node in (n for path in files for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            wanted |= {alias.name: wanted.get(alias.name, set()) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            wanted.setdefault(node.module, set()).update(alias.name for alias in node.names)
    if "torch" in wanted:
        wanted["torch._dynamo"] = set()  # which torch's optimizers import, late
    for plugin in importlib.metadata.entry_points(group="pytest11"):
        plugin.load()
    for module, names in wanted.items():
        if module.split(".")[0] not in own:
            with contextlib.suppress(Exception):  # optional, or another system's: the test will say
                loaded = importlib.import_module(module)
                for name in names:  # transformers imports its models when they are asked for
                    getattr(loaded, name, None)
    gc.freeze()  # pytest collects garbage twice: without this, each time through all that stands here


def run_all(jobs: list[Job], trees: list[Path]) -> Iterator[Outcome]:
    """Yield the outcomes of `jobs` in their order; as many run side by side as there are trees."""
    free, doing, done, started = list(trees), [], {}, 0
    try:
        for number in range(len(jobs)):
            while number not in done:
                while free and started < len(jobs):
                    doing.append(_Trial(started, jobs[started], free.pop()))
                    started += 1
                overdue = min(trial.deadline for trial in doing) - time.monotonic()
                wait([trial.process.sentinel for trial in doing], timeout=max(0.0, overdue))
                for trial in [t for t in doing if t.is_over()]:
                    doing.remove(trial)
                    done[trial.number] = trial.end()
                    free.append(trial.tree)
            yield done.pop(number)
    finally:
        for trial in doing:
            trial.end()


class _Trial:
    """One job under way in its tree."""

    def __init__(self, number: int, job: Job, tree: Path):
        self.number, self.job, self.tree = number, job, tree
        self.originals = [(tree / file, (tree / file).read_text(encoding="utf-8")) for file, _ in job.changed]
        for (path, _), (_, text) in zip(self.originals, job.changed):
            path.write_text(text, encoding="utf-8")
        self.log = tree.parent / f"{tree.name}.log"
        self.process = CONTEXT.Process(target=_run_test, args=(job.test, tree, self.log))
        self.start = time.monotonic()
        self.deadline = self.start + job.limit
        self.process.start()

    def is_over(self) -> bool:
        return time.monotonic() >= self.deadline or bool(wait([self.process.sentinel], timeout=0))

    def end(self) -> Outcome:
        """Stop what still runs, put the tree in order and say what came of it."""
        stopped = not wait([self.process.sentinel], timeout=0)
        if stopped and CAN_FORK:  # with all that it started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        before = os.times()
        self.process.join()
        after = os.times()
        seconds = after.children_user + after.children_system - before.children_user - before.children_system
        for path, text in self.originals:
            path.write_text(text, encoding="utf-8")
        shutil.rmtree(self.tree / "runs", ignore_errors=True)
        output = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        clock = time.monotonic() - self.start
        code = None if stopped else self.process.exitcode
        return Outcome(code, seconds if CAN_FORK else clock, clock, output)


def _run_test(test: str, tree: Path, log: Path) -> None:
    """In the new process: run one test of the copy and end with pytest's exit code."""
    code = 3  # pytest's "internal error": what happens here is not the test's verdict
    try:
        if CAN_FORK:
            os.setsid()  # a group that can be ended whole, and doesn't hear the terminal's Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)  # `&` in a shell makes deaf; tests interrupt
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(tree)
        # The copy comes before the checkout that an editable install points to; subprocesses look there too.
        os.environ.update(ONE_THREAD, PYTHONPATH=str(tree), DEEPSEEK_COURSE_RUNS=str(tree / "runs"))
        sys.path[:] = [str(tree), *(p for p in sys.path if p and Path(p).resolve() != TESTS)]
        for name in [n for n, m in sys.modules.items() if _is_ours(n, m)]:
            del sys.modules[name]
        sys.dont_write_bytecode = True
        temporary = f"--basetemp={tree.parent / f'{tree.name}.tmp'}"
        # this process is forked from one that has imported the plugins: no news, and in front of what is
        quiet = "-Wignore::pytest.PytestAssertRewriteWarning"
        sys.argv = ["pytest", "-x", "-q", "-p", "no:cacheprovider", quiet, temporary, test]

        import pytest

        code = int(pytest.main(sys.argv[1:]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _is_ours(name: str, module: object) -> bool:
    """Is a module one of the course's, which the copy has as well?"""
    file = getattr(module, "__file__", None)
    return name != "__main__" and bool(file) and TESTS in Path(file).resolve().parents
