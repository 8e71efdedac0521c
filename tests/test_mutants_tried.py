"""The runner of mutants on a tiny course: it finds what dies, survives, hangs, crashes and cannot be run.

Its copies of the two scripts stand in a folder of their own, as `start.py mutants` runs them in the course.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import mutants
import pytest

TESTS = Path(__file__).resolve().parent
LIBRARY = """
import os

def add(a, b):
    return a + b

def double(a):
    return 2 * a

PLACE = __file__
"""
TESTED = """
import os
import subprocess
import sys

from lessons_lib.sums import PLACE, add, double

def test_adds():
    assert add(2, 2) == 4

def test_doubles_carelessly():
    assert double(0) == 0

def test_a_process_of_its_own_adds(tmp_path):
    code = "import os; from lessons_lib.sums import add; os._exit(add(2, 2))"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 4

def test_the_store_starts_empty():
    store = os.environ["DEEPSEEK_COURSE_RUNS"]
    assert store == os.path.join(os.path.dirname(os.path.dirname(PLACE)), "runs")
    os.mkdir(store)
    assert (double(2), add(2, 1)) == (4, 3)

def test_fails_unbroken():
    assert add(1, 1) == 3
"""
SUMS, TEST = "lessons_lib/sums.py", "tests/test_sums.py"
# name: file, old line, new line, test, and what is said of it
LISTED = {
    "hangs": (SUMS, "return a + b", "while True: pass", "test_adds", "hangs"),
    "minus": (SUMS, "return a + b", "return a - b", "test_adds", "dies"),
    "times": (SUMS, "return a + b", "return a * b", "test_adds", "SURVIVES"),
    "three": (SUMS, "return 2 * a", "return 3 * a", "test_doubles_carelessly", "SURVIVES"),
    "crashes": (SUMS, "return 2 * a", "os.abort()", "test_doubles_carelessly", "dies"),
    "cannot be imported": (SUMS, "import os", "import nothing_of_this_name", "test_adds", "NOT RUN"),
    "in a process": (SUMS, "return a + b", "return a + b + 1", "test_a_process_of_its_own_adds", "dies"),
    "in a store": (SUMS, "return 2 * a", "return a + 3", "test_the_store_starts_empty", "dies"),
    "in a test": (TEST, "assert add(2, 2) == 4", "assert add(2, 2) == 5", "test_adds", "dies"),
}


def listed(rows):
    """A list of mutants as mutants.toml has it."""
    text = ""
    for name, (file, old, new, test, *_) in rows.items():
        fields = {"name": name, "file": file, "old": old, "new": new, "test": f"{TEST}::{test}"}
        text += "[[mutant]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in fields.items())
    return text


@pytest.fixture
def course(tmp_path):
    """A course of one module and five tests, in a folder with a space."""
    root = tmp_path / "a course"
    for name in ("lessons_lib", "tests"):
        (root / name).mkdir(parents=True)
    for name in ("mutants.py", "trials.py"):
        shutil.copy(TESTS / name, root / "tests" / name)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (root / "lessons_lib" / "__init__.py").touch()
    (root / "lessons_lib" / "sums.py").write_text(LIBRARY)
    (root / "tests" / "test_sums.py").write_text(TESTED)
    return root


def run(course, text, workers=2, patience=60):
    """Try the mutants listed in `text` on the tiny course; return the exit code and the lines said."""
    (course / "tests" / "mutants.toml").write_text(text)
    code = f"import mutants, sys; mutants.PATIENCE = {patience}; sys.exit(mutants.main())"
    command = [sys.executable, "-c", code, "--workers", str(workers)]
    done = subprocess.run(command, cwd=course / "tests", capture_output=True, text=True, timeout=300)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_every_kind_of_mutant_is_told_apart_and_results_stand_in_the_order_of_the_list(course):
    before = {path: path.read_bytes() for path in course.rglob("*.py")}
    code, lines = run(course, listed(LISTED), patience=5)
    said = [line.partition(" of 9  ")[2] for line in lines if " of 9  " in line]
    verdicts = [(line[:9].strip(), line.partition(" s  ")[2]) for line in said]
    assert verdicts == [(kind, name) for name, (*_, kind) in LISTED.items()]
    assert code == 1 and "6 died, 2 survived, 1 not run" in lines
    assert any("nothing_of_this_name" in line for line in lines)
    survivors = [line.split(": ")[1] for line in lines if line.startswith("survives: ")]
    assert survivors == ["times", "three"]
    slowest = lines[lines.index("The slowest:") + 1 :][: len(LISTED)]
    seconds = [float(line.split(" s ")[0].split()[-1]) for line in slowest]
    assert len(seconds) == 9 and seconds == sorted(seconds, reverse=True)
    assert before == {path: path.read_bytes() for path in course.rglob("*.py")}


def test_a_test_that_fails_unbroken_is_named_and_its_mutants_prove_nothing(course):
    rows = {"minus": LISTED["minus"], "a": (SUMS, "return a + b", "return 2", "test_fails_unbroken")}
    code, lines = run(course, listed(rows))
    assert code == 1 and "fails without any mutant: tests/test_sums.py::test_fails_unbroken" in lines
    assert "1 died, 0 survived" in lines


def test_all_noticed_is_success(course):
    code, lines = run(course, listed({"minus": LISTED["minus"]}))
    assert code == 0 and "1 died, 0 survived" in lines


def test_every_trial_begins_with_the_tree_as_it_was(course):
    same = {
        "test": (TEST, "assert add(2, 2) == 4", "assert add(2, 1) == 3", "test_adds"),
        "store": (SUMS, "return a + b", "return b + a", "test_the_store_starts_empty"),
    }
    rows = {name: LISTED[name] for name in ("in a store", "minus")} | same
    code, lines = run(course, listed(rows), workers=1)
    survivors = [line.split(": ")[1] for line in lines if line.startswith("survives: ")]
    assert survivors == ["test", "store"] and "2 died, 2 survived" in lines


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git here")
def test_changed_are_new_mutants_and_those_whose_file_or_test_file_changed(course, monkeypatch):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=course, check=True, capture_output=True, timeout=300)

    def names(revision=""):
        return [m.name for m in mutants.changed_since(revision, mutants.read_mutants())]

    monkeypatch.setattr(mutants, "ROOT", course)
    monkeypatch.setattr(mutants, "LIST", course / "tests" / "mutants.toml")
    elsewhere = ("tests/test_x.py", "x = 1", "x = 2", "test_adds")
    rows = {"minus": LISTED["minus"], "elsewhere": elsewhere}
    (course / "tests" / "mutants.toml").write_text(listed(rows))
    git("init", "-q", "-b", "main")
    for message in ("first", "second"):
        git("add", ".")
        git("commit", "-q", "--allow-empty", "-m", message)
    assert names() == [] == names("HEAD")
    with pytest.raises(ValueError, match="no commit 'nowhere'"):
        names("nowhere")

    (course / "tests" / "test_x.py").write_text("x = 1\n")  # new, not committed
    assert names() == ["elsewhere"]
    git("checkout", "-q", "-b", "branch")
    git("add", ".")
    git("commit", "-q", "-m", "third")
    (course / "lessons_lib" / "sums.py").write_text(LIBRARY + "\n")  # not committed
    assert names() == ["minus", "elsewhere"] and names("HEAD") == ["minus"]
    (course / "lessons_lib" / "sums.py").write_text(LIBRARY)
    (course / "tests" / "test_sums.py").write_text(TESTED + "\n")
    assert names("HEAD") == ["minus", "elsewhere"]
    (course / "tests" / "test_sums.py").write_text(TESTED)
    with (course / "tests" / "mutants.toml").open("a") as file:
        file.write(listed({"added": LISTED["times"]}))
    assert names("HEAD") == ["added"]
