"""`start.py doctor`: a page that a maintainer can read and a person can publish."""

import os
import re
import shutil
import sys

import pytest
from start_helpers import REPOSITORY, assert_one_sentence, load

PARTS = (
    "course system processor memory disk folder environment packages threads GPU kernel fonts store findings "
    "browser text variables"
).split()


def rows(said):
    """{part: words} of a printed page."""
    return {line[:12].strip(): line[13:] for line in said.split("\n\n")[0].splitlines()[1:]}


@pytest.fixture
def erika(tmp_path, monkeypatch):
    """A person, whose name stands in every place where a machine may have it."""
    home = tmp_path / "Erika Mustermann"
    for folder in ("tmp", "läufe"):
        (home / folder).mkdir(parents=True)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("USER", "LOGNAME", "USERNAME", "LNAME"):
        monkeypatch.setenv(name, "erika")
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", str(home / "tmp"))
    monkeypatch.setattr("platform.node", lambda: "mustermann-laptop")
    monkeypatch.setenv("https_proxy", "http://erika:geheim@proxy.example.org:8080")
    monkeypatch.setenv("PIP_INDEX_URL", "https://erika:geheim@pakete.example.org")
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(home / "läufe"))
    monkeypatch.setenv("MPLCONFIGDIR", str(home / "tmp"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return home


def assert_no_person(said):
    assert not re.search("erika|mustermann|geheim|example", said, re.I), said


def test_the_page_of_a_machine_in_order_tells_every_part_and_no_person(erika, capsys):
    (erika / "läufe" / "train-0-0").mkdir()
    (erika / "läufe" / "train-0-0" / "run.json").write_text("{}")  # a run of which nothing can be read
    (erika / "läufe" / "train-1-0.step00000001").mkdir()
    assert load(REPOSITORY).main(["doctor", "--here"]) == 0
    said = capsys.readouterr().out
    found = rows(said)
    assert list(found) == PARTS
    assert not [words for words in found.values() if "could not be told" in words], said
    assert_no_person(said)
    assert re.search(r"\d GB, .* free", found["memory"]) and "GB free" in found["disk"]
    assert f"Python {sys.version.split()[0]}" in found["system"] and "in order" in found["environment"]
    assert re.match(r"torch 2\.[\d.+a-z]+, einops [\d.]+, ", found["packages"])
    assert found["store"].startswith("where DEEPSEEK_COURSE_RUNS says: 1 runs, 1 of them of other code")
    assert "1 unfinished" in found["store"] and found["findings"] == "no lesson has been run"
    assert "OMP_NUM_THREADS=1" in found["variables"] and "https_proxy is set" in found["variables"]
    assert "DejaVu Sans is there" in found["fonts"]
    assert "1 of 1 stored runs are not today's" in said.split("\n\n")[1]


@pytest.fixture
def empty_course(tmp_path):
    """A course in which nothing is installed, in a folder of that person."""
    folder = tmp_path / "Erika Mustermann" / "Dropbox" / "Kurs"
    shutil.copytree(REPOSITORY / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("start.py", "requirements.txt", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder)
    (folder / ".venv").mkdir()
    return folder


def test_where_nothing_is_installed_the_page_comes_too(empty_course, erika, capsys):
    assert load(empty_course).main(["doctor"]) == 0
    said = capsys.readouterr().out
    found = rows(said)
    assert list(found) == PARTS and found["packages"] == "none can be seen"
    assert found["threads"] == found["store"] == "could not be told: the environment does not start"
    assert "is not in order" in said and "dropbox copies elsewhere" in said
    assert_no_person(said)


def test_what_a_program_says_of_the_person_is_left_out(empty_course, erika, monkeypatch, capsys):
    module = load(empty_course)
    tool = module.tool("doctor")

    def fails():
        raise OSError(f"{erika}/x, {empty_course}/y of Erika on MUSTERMANN-laptop")

    monkeypatch.setattr(tool, "processor", fails)
    monkeypatch.setattr(module, "tool", lambda name: tool)
    assert module.main(["doctor"]) == 0
    words = rows(capsys.readouterr().out)["processor"]
    assert words == "could not be told (OSError: HOME/x, COURSE/y of NAME on NAME)"


def test_what_looks_wrong_is_said_with_the_numbers(empty_course, erika, monkeypatch, capsys):
    module = load(empty_course)
    tool = module.tool("doctor")
    monkeypatch.setattr(module, "tool", lambda name: tool)
    monkeypatch.setattr(tool, "memory_bytes", lambda: (8e9, 5e9))
    monkeypatch.setattr(tool, "container_limit", lambda: 2e9)
    monkeypatch.setattr(module, "free_bytes", lambda folder: 0.25e9)
    monkeypatch.setattr(module, "windows_cuts_paths", lambda: True)
    monkeypatch.setattr(module, "DEEPEST", 250)
    monkeypatch.setattr(module, "is_64_bit", lambda: False)
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert module.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert rows(said)["memory"] == "8.0 GB, 5.0 GB of them free; a container's limit is 2.0 GB"
    for part in (
        "2.0 GB of memory are there and 4 GB are asked for",
        "The disk of course has 0.2 GB free",
        f"path has {len(str(empty_course))} letters, and Windows takes 9",
        "this is a 32-bit Python",
        "PYTHONPATH leads Python elsewhere",
    ):
        assert part in said.split("\n\n")[1], said


def test_more_words_are_refused_and_a_python_too_old_for_the_page_gets_its_sentence(
    empty_course, monkeypatch, capsys
):
    module = load(empty_course)
    assert module.main(["doctor", "--verbose"]) == 1
    assert_one_sentence(capsys.readouterr().err, "--verbose")
    monkeypatch.setattr(module, "python_version", lambda: (3, 9))
    assert module.main(["doctor"]) == 1
    assert_one_sentence(capsys.readouterr().err, "Python 3.9 is too old")


@pytest.mark.skipif(os.name == "nt" or not shutil.which("git"), reason="needs git")
def test_changed_code_is_counted(empty_course, erika, monkeypatch, capsys):
    module = load(empty_course)
    tool = module.tool("doctor")
    monkeypatch.setattr(tool, "ROOT", REPOSITORY)
    worries = []
    assert re.match(r"\d+\.\d+\S*, commit [0-9a-f]{7,}, \d+ files changed or added", tool.course(worries))
