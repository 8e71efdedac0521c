"""A lesson begins with one command: only new files and the list are touched by hand, and the rules hold.

On a copy of the repository in a temporary folder, with the first lesson that is not written yet.
"""

import os
import re
import shutil
import subprocess
import sys

import new_lesson
import pytest
from house_rules import ROOT
from trials import copy_tree

from lessons_lib.lessons import LESSONS

TO_COME = [lesson for lesson in LESSONS[1:-1] if not lesson.written()]


def run(tree, *command):
    """Run a program of the copy; return its exit code and what it printed."""
    env = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=tree, env=env, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def contents(tree):
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.slow
@pytest.mark.skipif(not TO_COME, reason="every lesson is written: there is none to begin")
def test_a_new_lesson_passes_the_structure_stage_but_for_what_is_named_as_left(tmp_path):
    tree, lesson = copy_tree(tmp_path / "course", ROOT), TO_COME[0]
    for page in [*ROOT.glob("*.md"), ROOT / "LICENSE"]:
        shutil.copy(page, tree)
    before = contents(tree)
    code, said = run(tree, "tests/new_lesson.py", lesson.number)
    assert code == 0, said
    after = contents(tree)
    made = {*new_lesson.files(lesson), f"exercises/{lesson.stem}.ipynb"}
    assert set(after) - set(before) == made
    changed = {name for name in before if after[name] != before[name]}
    assert {"README.md", "notebooks/images/course_map.png"} <= changed  # by the command, not by hand
    assert all(name.startswith(("README", "notebooks/")) for name in changed), changed
    assert "notebooks/glossary.md: a row for each term" in said and "questions.py" in said

    assert run(tree, "tests/new_lesson.py", "--sync") == (0, "All pages say what the list of lessons says.\n")
    code, said = run(tree, "tests/new_lesson.py", lesson.number)
    assert code == 2 and f"lesson {lesson.number} is begun" in said and contents(tree) == after

    for lint in (["check"], ["format", "--check"]):
        code, said = run(tree, "-m", "ruff", *lint, *made)
        assert code == 0, said
    pytest_of = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    _, said = run(tree, *pytest_of, "tests/test_structure.py")
    failed = set(re.findall(r"^FAILED tests/test_structure.py::(\S+)", said, flags=re.MULTILINE))
    marked = "test_lessons_that_are_not_written_are_marked_and_others_are_not"
    named = {f"{marked}[notebooks/{x.stem}.ipynb]" for x in (LESSONS[0], LESSONS[-1])}  # to be run again
    glossary = "test_every_lesson_adds_to_the_glossary"
    assert glossary in failed and failed <= {glossary, *named}, said[-3000:]
    judged = ["tests/test_exercises.py", "tests/test_checks.py", "-k", f"{lesson.number}_ or sample_"]
    code, said = run(tree, *pytest_of, *judged)
    assert code == 0, said[-3000:]


@pytest.mark.parametrize(
    "words, fault",
    [
        (["77"], "no lesson 77: add it there first"),
        ([LESSONS[1].number], "is begun: "),
        ([], "give the number of a lesson, or --sync"),
        (["15", "--sync"], "give the number of a lesson, or --sync"),
    ],
)
def test_what_cannot_be_begun_is_refused_in_one_sentence(words, fault, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["new_lesson.py", *words])
    with pytest.raises(SystemExit):
        new_lesson.main()
    assert fault in capsys.readouterr().err


FAULTS = {
    "a notebook does not run": lambda patch: patch.setattr(new_lesson.refresh, "refresh", lambda path: False),
    "the exercises cannot be released": lambda patch: patch.setattr(
        new_lesson.subprocess, "run", lambda *words, **more: subprocess.CompletedProcess(words, 1)
    ),
    "the disk is full": lambda patch: patch.setattr(new_lesson, "sync", full),
}


def full():
    raise OSError("the disk is full")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lesson_that_fails_half_way_leaves_nothing(fault, tmp_path, monkeypatch, capsys):
    tree = copy_tree(tmp_path / "course", ROOT)
    for page in [*ROOT.glob("*.md"), ROOT / "LICENSE"]:
        shutil.copy(page, tree)
    unwritten = LESSONS[-1]
    for path in [*new_lesson.files(unwritten), f"exercises/{unwritten.stem}.ipynb"]:
        (tree / path).unlink(missing_ok=True)
    monkeypatch.setattr(new_lesson, "ROOT", tree)
    monkeypatch.setattr(new_lesson.refresh, "refresh", lambda path: True)
    monkeypatch.setattr(sys, "argv", ["new_lesson.py", unwritten.number])
    monkeypatch.setattr(
        new_lesson.subprocess, "run", lambda *words, **more: subprocess.CompletedProcess(words, 0)
    )
    FAULTS[fault](monkeypatch)
    before, folders = contents(tree), {path for path in tree.rglob("*") if path.is_dir()}
    assert new_lesson.main() == 1
    said = capsys.readouterr().out
    assert "made notebooks/" in said and said.endswith(f"was not begun: {fault}.\n")
    assert contents(tree) == before
    assert {path for path in tree.rglob("*") if path.is_dir()} == folders


def test_a_lesson_that_is_interrupted_leaves_nothing_either(tmp_path, monkeypatch):
    page, made = tmp_path / "notebooks" / "01.ipynb", tmp_path / "lessons_lib" / "new" / "sample.py"
    page.parent.mkdir()
    page.write_text("as it was")
    (tmp_path / "README.md").write_text("a page")
    monkeypatch.setattr(new_lesson, "ROOT", tmp_path)
    with pytest.raises(KeyboardInterrupt), new_lesson.all_or_nothing([made]):
        made.parent.mkdir(parents=True)
        made.write_text("made")
        page.write_text("changed")
        raise KeyboardInterrupt
    assert page.read_text() == "as it was" and not made.parent.parent.exists()
