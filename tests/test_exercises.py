"""The exercise notebooks: blanks in step with their sources, harmless untouched, graded as they should be.

That every solution is right is checked by comparing the sources' committed outputs (`tests/run.py`); here
it is only checked that those outputs say so.
"""

import importlib.util
import os
import re

import nbformat
import pytest
import submissions
from house_rules import ROOT, blanks, solutions
from nbclient import NotebookClient

from lessons_lib.checks import registry
from lessons_lib.lessons import BY_NUMBER

# {lesson: the names of its exercises}
EXERCISES: dict[str, list[str]] = {}
for exercise in registry.exercises().values():
    EXERCISES.setdefault(exercise.lesson, []).append(exercise.name)


def load_release():
    """Import exercises/release.py, which is a script and not a package."""
    spec = importlib.util.spec_from_file_location("release", ROOT / "exercises" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = load_release()


def name(path):
    return path.stem


def checks_and_outputs(notebook):
    """Return {exercise: what its check cell printed}."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and (match := re.fullmatch(r"check_(\w+)\(\1\)", cell.source)):
            found[match[1]] = "".join(output.get("text", "<no text>") for output in cell.outputs)
    return found


def run(notebook, folder, monkeypatch):
    """Execute all cells of a notebook as Run All does: the first error stops it and fails the test."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    return notebook


def test_every_source_has_its_blank_and_every_lesson_with_exercises_a_source():
    assert [p.name for p in blanks()] == [p.name for p in solutions()]
    assert [p.stem for p in solutions()] == [BY_NUMBER[lesson].stem for lesson in EXERCISES]


@pytest.mark.parametrize("source", solutions(), ids=name)
def test_blank_is_what_nbgrader_releases_from_the_source(source):
    blank = ROOT / "exercises" / source.name
    in_step = release.release(source) == blank.read_text(encoding="utf-8")
    assert in_step, f"run `python exercises/release.py {source.name}`"


@pytest.mark.parametrize("source", solutions(), ids=name)
def test_source_has_every_exercise_checked_and_graded_and_its_outputs_say_correct(source):
    notebook = nbformat.read(source, as_version=4)
    names = EXERCISES[source.name[:2]]
    assert checks_and_outputs(notebook) == {n: f"{n}: correct\n" for n in names}
    graded = {
        c.metadata.nbgrader.grade_id: c for c in notebook.cells if "points" in c.metadata.get("nbgrader", {})
    }
    for exercise in names:
        cell = graded[f"{exercise}_points"]
        assert cell.metadata.nbgrader.points == 1
        assert f"### BEGIN HIDDEN TESTS\nfrom lessons_lib.checks import passes_{exercise}\n" in cell.source
        assert f"assert passes_{exercise}({exercise})\n### END HIDDEN TESTS" in cell.source


@pytest.mark.parametrize("blank", blanks(), ids=name)
def test_blank_gives_nothing_away(blank):
    text = blank.read_text(encoding="utf-8")
    assert "SOLUTION" not in text and "HIDDEN" not in text and "passes_" not in text
    assert text.count(submissions.STUB.replace('"', '\\"')) == len(EXERCISES[blank.name[:2]])


@pytest.mark.parametrize("blank", blanks(), ids=name)
def test_untouched_blank_runs_to_its_end_and_every_check_says_not_started(blank, monkeypatch):
    notebook = run(nbformat.read(blank, as_version=4), blank.parent, monkeypatch)
    names = EXERCISES[blank.name[:2]]
    assert checks_and_outputs(notebook) == {n: f"{n}: not started\n" for n in names}
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


def test_blank_full_of_mistakes_runs_to_its_end_too(monkeypatch):
    """In a real kernel: errors quote the reader's line, an endless loop ends, nothing is on stderr."""
    notebook = nbformat.read(ROOT / "exercises" / "02_sharing_keys_and_values.ipynb", as_version=4)
    submissions.answer(notebook, "split_heads", "while True:\n        pass")
    submissions.answer(notebook, "append_to_cache", "return new.no_such_thing")
    submissions.answer(notebook, "cached_step", "print('hello')\n    return q, k, v")
    submissions.answer(notebook, "share_heads", "exit()")
    submissions.answer(notebook, "cache_bytes", "raise KeyboardInterrupt")
    printed = checks_and_outputs(run(notebook, ROOT / "exercises", monkeypatch))
    assert "split_heads: too slow" in printed["split_heads"] and "of split_heads:" in printed["split_heads"]
    crash = printed["append_to_cache"]
    assert "AttributeError" in crash and "in line 7 of append_to_cache:  return new.no_such_thing" in crash
    assert printed["cached_step"].startswith("Your function printed:\n  hello\n")
    assert "share_heads: " in printed["share_heads"] and "cache_bytes: crashed" in printed["cache_bytes"]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
