"""A class as a lecturer has it: `start.py classroom` makes it, students hand in, it is graded.

The students are those of `submissions.py`, each with the marks that a lecturer would give; in the plain test
four of them, in the deep one all, after the exercises of every lesson were released.
"""

import csv
import importlib.util
import os
import re
import shutil
import sys
import time

import nbformat
import pytest
import submissions
from house_rules import ROOT, solutions

from lessons_lib.checks import registry

LESSON = submissions.LESSON
LINK = re.compile(r"\]\((?:\.\./)+([^)]+)\)")
pytestmark = pytest.mark.filterwarnings("ignore")  # nbgrader's, about its own database


def load():
    spec = importlib.util.spec_from_file_location("classroom", ROOT / "tools" / "classroom.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look
    spec.loader.exec_module(module)
    return module


classroom = load()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Give back what the command sets for nbgrader."""
    for name in ("PATH", "JUPYTER_PATH"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A class's folder with lesson 02 in it; only to be copied."""
    folder = tmp_path_factory.mktemp("Kurs") / "Größe 30"
    assert classroom.main([str(folder), "02"]) == 0
    return folder


@pytest.fixture
def room(made, tmp_path):
    folder = tmp_path / "Größe 30"
    shutil.copytree(made, folder)
    return folder


def hand_in(folder, students):
    """Let each student do to the released notebook what they do, and send it."""
    for name in students:
        student = submissions.SIMULATED[name]
        notebook = nbformat.read(folder / "release" / LESSON / f"{LESSON}.ipynb", as_version=4)
        student.change(notebook)
        path = folder / "handed_in" / name / student.file
        path.parent.mkdir()
        path.write_text(nbformat.writes(notebook), encoding="utf-8", newline=student.ends)


def written_marks(folder):
    with open(folder / "marks.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: (float(row["points"]), float(row["of"])) for row in csv.DictReader(file)}


def feedback(folder, student):
    (page,) = (folder / "feedback" / student / LESSON).glob("*.html")
    return page.read_text(encoding="utf-8")


def assert_graded(folder, students, capsys):
    hand_in(folder, students)
    sent = {path: path.read_bytes() for path in (folder / "handed_in").rglob("*.ipynb")}
    assert classroom.main([str(folder), "--grade", "02"]) == 0
    said = capsys.readouterr().out
    assert f"{LESSON}: {len(students)} graded, 0 were." in said
    wanted = {name: (submissions.SIMULATED[name].marks, 6) for name in students}
    assert written_marks(folder) == wanted
    for name in students:
        assert submissions.SIMULATED[name].says in feedback(folder, name), name
        assert re.search(rf"^  {name} +{wanted[name][0]} of 6$", said, re.M), said
    assert {path: path.read_bytes() for path in sent} == sent


@pytest.mark.slow
def test_four_students_get_the_marks_that_a_lecturer_would_give(room, capsys):
    assert_graded(room, submissions.PLAIN, capsys)
    # the same again grades nobody; another file grades its student, and the one changed last counts
    path = room / "handed_in" / "endless" / "better.ipynb"
    shutil.copy(room / "handed_in" / "right" / f"{LESSON}.ipynb", path)
    os.utime(path, (time.time() + 10,) * 2)
    assert classroom.main([str(room), "--grade", "02"]) == 0
    said = capsys.readouterr().out
    assert f"endless/better.ipynb counts for 02, and not endless/{LESSON}.ipynb, which is older." in said
    assert f"{LESSON}: 1 graded, 3 were." in said and written_marks(room)["endless"] == (6, 6)


@pytest.mark.deep
def test_a_whole_class_gets_the_marks_that_a_lecturer_would_give(tmp_path, capsys):
    folder = tmp_path / "Kurs"
    assert classroom.main([str(folder)]) == 0
    released = sorted(path.stem for path in (folder / "release").glob("*/*.ipynb"))
    assert released == [path.stem for path in solutions()]
    assert_graded(folder, list(submissions.SIMULATED), capsys)


def test_what_is_given_out_is_the_exercise_of_the_course_and_its_next_command_is_told(made, capsys):
    given = nbformat.read(made / "release" / LESSON / f"{LESSON}.ipynb", as_version=4)
    ours = nbformat.read(ROOT / "exercises" / f"{LESSON}.ipynb", as_version=4)
    for one, other in zip(given.cells, ours.cells, strict=True):  # but for links, one folder apart
        assert one.metadata == other.metadata
        assert LINK.sub(r"](\1)", one.source) == LINK.sub(r"](\1)", other.source)
    written = (made / "source" / LESSON / f"{LESSON}.ipynb").read_bytes()
    changed = made / "source" / LESSON / f"{LESSON}.ipynb"
    changed.write_bytes(written + b"\n")  # a lecturer's own change stays
    assert classroom.main([str(made), "02"]) == 0
    said = capsys.readouterr().out
    assert changed.read_bytes() == written + b"\n"
    changed.write_bytes(written)
    assert said.splitlines()[-1] == f'python start.py classroom "{made}" --grade 02'


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_what_cannot_be_graded_is_named_and_stops_nothing(room, monkeypatch, capsys):
    blank = (ROOT / "exercises" / f"{LESSON}.ipynb").read_text(encoding="utf-8")
    inbox = room / "handed_in"
    write(inbox / "anna.ipynb", blank)
    write(inbox / "ben" / "photo.jpg", "")
    write(inbox / "clara" / "02.ipynb", '{"cells": [')
    write(inbox / "dora" / "big.ipynb", " " * 21_000_000)
    write(inbox / "emil" / "own.ipynb", nbformat.writes(nbformat.v4.new_notebook()))
    write(inbox / "fritz [1]" / "a.ipynb", blank)
    write(inbox / "fritz _1_" / "b.ipynb", blank)
    monkeypatch.setattr(
        classroom.NbGraderAPI, "autograde", lambda *_: {"success": False, "log": "ValueError: odd"}
    )
    assert classroom.main([str(room), "--grade", "02"]) == 1
    said = capsys.readouterr().out
    for sentence in (
        "handed_in/anna.ipynb lies in no student's folder: put it into handed_in/NAME.",
        "handed_in/ben/photo.jpg is no notebook, and left out.",
        "handed_in/clara/02.ipynb cannot be read (NotJSONError): ask for it again.",
        "handed_in/dora/big.ipynb has 21 MB, and 20 are allowed.",
        "handed_in/emil/own.ipynb has none of this course's exercises in it.",
        "handed_in/fritz _1_ and handed_in/fritz [1] are one name to nbgrader: rename one.",
        "fritz _1_, 02: not graded (ValueError: odd).",
    ):
        assert sentence + "\n" in said, said
    assert written_marks(room) == {}


def test_a_notebook_without_marks_in_it_is_known_by_its_functions(tmp_path):
    (path,) = (ROOT / "exercises").glob("09_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
    write(tmp_path / "x.ipynb", nbformat.writes(notebook))
    assert classroom.recognise(tmp_path / "x.ipynb", "anna/x.ipynb").stem == path.stem


def test_a_stop_that_nbgrader_keeps_to_itself_stops(room, monkeypatch, capsys):
    write(room / "handed_in" / "a" / "a.ipynb", (ROOT / "exercises" / f"{LESSON}.ipynb").read_text("utf-8"))
    stopped = {"success": False, "error": "Traceback\nKeyboardInterrupt"}
    monkeypatch.setattr(classroom.NbGraderAPI, "autograde", lambda *_: stopped)
    assert classroom.main([str(room), "--grade", "02"]) == 130
    assert capsys.readouterr().err.startswith("start.py: stopped; what was graded is kept")


@pytest.mark.parametrize(
    "words, part",
    [
        (["."], "lies in the course's own folder"),
        (["exercises"], "lies in the course's own folder"),
        (["{full}"], "holds other things (1)"),
        (["{new}", "00"], "lesson 00 has no exercises: there are those of 01 to "),
        (["{new}", "--grade", "02"], "is no class's folder"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(words, part, tmp_path, monkeypatch, capsys):
    write(tmp_path / "full" / "letter.txt", "")
    monkeypatch.chdir(ROOT)
    words = [word.format(full=tmp_path / "full", new=tmp_path / "new") for word in words]
    assert classroom.main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("start.py: ") and said.count("\n") == 1 and part in said, said
    assert not (tmp_path / "new").exists() and os.listdir(tmp_path / "full") == ["letter.txt"]


def test_every_lesson_with_exercises_can_be_given_out():
    assert {stem[:2] for stem in classroom.chosen([])} == {e.lesson for e in registry.exercises().values()}
