"""`start.py run`: lessons run ahead into the store, those that are fresh skipped, nobody's file changed."""

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap

import nbformat
import pytest
import torch
from house_rules import ROOT

from lessons_lib.lessons import BY_NUMBER
from lessons_lib.runs import run_store

STEM = BY_NUMBER["03"].stem
TRAINS = """
import sys
sys.path.insert(0, {tests!r})
from training_helpers import TINY
from lessons_lib.training import train
run = train(TINY, 0)
from lessons_lib.runs import run_store
run_store.record_finding({stem!r}, "loss", 1.0, "nats", "measured")
"""


def load():
    spec = importlib.util.spec_from_file_location("run_ahead", ROOT / "tools" / "run_ahead.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run_ahead = load()


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    return tmp_path / "runs"


@pytest.fixture
def lessons(tmp_path):
    """A folder with a lesson 03 that trains for a blink, and 04 whose second cell fails."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    write(folder, STEM, TRAINS.format(tests=str(ROOT / "tests"), stem=STEM))
    write(folder, BY_NUMBER["04"].stem, "1 + 1", "raise ValueError('no such thing')", "open('x', 'w')")
    return folder


def write(folder, stem, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, folder / f"{stem}.ipynb")


def run(folder, *numbers):
    return run_ahead.run_all([BY_NUMBER[number] for number in numbers], folder)


def fresh(folder):
    return run_ahead.is_fresh(BY_NUMBER["03"], folder)


def test_a_lesson_that_was_run_is_skipped_until_something_about_it_changes(
    store, lessons, tmp_path, monkeypatch, capsys
):
    path = lessons / f"{STEM}.ipynb"
    before = path.read_bytes()
    assert not fresh(lessons)
    assert run(lessons, "03") == 0
    said = capsys.readouterr().out
    assert f"{STEM}: " in said and "1 runs in the store" in said and "1 run in" in said
    assert path.read_bytes() == before and run_store.finding(STEM, "loss").value == 1.0

    assert run(lessons, "03") == 0
    said = capsys.readouterr().out
    assert "Ready, and skipped: 03." in said and "0 run in" in said

    # copied to another machine, whose torch is another build of the same version: as good there
    there = tmp_path / "kopiert"
    shutil.copytree(store, there)
    with monkeypatch.context() as patch:
        patch.setenv("DEEPSEEK_COURSE_RUNS", str(there))
        patch.setattr(torch, "__version__", torch.__version__.split("+")[0] + "+other")
        assert fresh(lessons)
        patch.setattr(torch, "__version__", "2.99.0")
        assert not fresh(lessons)

    # no longer: without the finding, without the run, with another cell
    with monkeypatch.context() as patch:
        patch.setenv("DEEPSEEK_COURSE_RUNS", str(there))
        run_store.record_findings(STEM, [])
        assert not fresh(lessons)
    (entry,) = store.glob("train-*")
    entry.rename(tmp_path / "away")
    assert not fresh(lessons)
    (tmp_path / "away").rename(entry)
    assert fresh(lessons)
    write(lessons, STEM, "1 + 1")
    assert not fresh(lessons)


def test_a_lesson_that_stops_is_named_and_the_others_run(store, lessons, capsys):
    write(lessons, STEM, "1 + 1")
    assert run(lessons, "04", "03") == 1
    said = capsys.readouterr().out
    assert f"{BY_NUMBER['04'].stem}: a cell stopped with ValueError: no such thing\n" in said
    assert "1 run in" in said and "Not run to the end: 04." in said and f"{STEM}: " in said
    assert not (lessons / "x").exists()
    assert not run_ahead.is_fresh(BY_NUMBER["04"], lessons) and fresh(lessons)


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_a_stop_reaches_the_training_and_one_sentence_says_so(store, lessons):
    cell = """
        import time
        try:
            open("began", "w").close()
            time.sleep(60)
        except KeyboardInterrupt:
            open("kept", "w").close()
            raise
    """
    write(lessons, STEM, textwrap.dedent(cell))
    code = textwrap.dedent(f"""
        import signal, sys, threading, time
        from pathlib import Path
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path.insert(0, {str(ROOT / "tools")!r})
        import run_ahead
        folder = Path({str(lessons)!r})
        real = run_ahead.run_all
        run_ahead.run_all = lambda lessons: real(lessons, folder)

        def press():
            while not (folder / "began").exists():
                time.sleep(0.1)
            signal.raise_signal(signal.SIGINT)

        threading.Thread(target=press, daemon=True).start()
        sys.exit(run_ahead.main(["03"]))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 130, done
    assert done.stderr.splitlines()[-1].startswith("start.py: stopped; what was trained is kept")
    assert (lessons / "kept").exists()


@pytest.mark.parametrize(
    "words, numbers",
    [
        (["03"], "03"),
        (["3"], "03"),
        (["01-03"], "01 02 03"),
        (["09", "01-02", "2"], "01 02 09"),
        (["all"], " ".join(BY_NUMBER)),
    ],
)
def test_lessons_are_named_by_numbers_and_ranges(words, numbers):
    assert [lesson.number for lesson in run_ahead.asked(words)] == numbers.split()


@pytest.mark.parametrize(
    "words, part",
    [
        ([], "run needs lessons"),
        (["7-3"], "7-3 runs backwards: it is 03-07"),
        (["40"], "there is no lesson 40: there are 00 to "),
        (["01-99"], "there is no lesson 99"),
        (["latent"], "not 'latent'"),
        (["01,02"], "not '01,02'"),
        (["--from", "nowhere"], "'nowhere' is none"),
        (["--from", "."], "holds no runs"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(words, part, store, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_ahead.main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("start.py: ") and said.count("\n") == 1 and part in said, said


def test_runs_of_another_machine_are_taken_over_from_its_store_or_its_course(store, tmp_path, capsys):
    source = tmp_path / "stick" / ".runs"
    source.mkdir(parents=True)
    (source / "train-0-0").mkdir()
    (source / "train-0-0" / "run.json").write_text("{}")
    for folder in (source, source.parent):
        assert run_ahead.main(["--from", str(folder)]) == 0
        assert capsys.readouterr().out.startswith("0 runs taken over, 0 were here already, 1 of other code")
    assert run_ahead.main(["--from", str(store)]) == 1
    assert "own store" in capsys.readouterr().err
