"""`start.py update` on repositories of its own: the new version comes, and nothing that a reader made goes.

A small course is published in a folder, a reader has a clone of it, the course goes on, the reader updates.
"""

import json
import os
import shutil
import subprocess

import pytest
from start_helpers import REPOSITORY, assert_one_sentence, load

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
LESSON = "notebooks/01_größe.ipynb"


@pytest.fixture(autouse=True)
def own_git(monkeypatch, tmp_path):
    """git as on a machine where nobody has set anything; other settings must change nothing."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.org")


def git(folder, *words):
    return subprocess.run(
        ["git", "-C", folder, *words],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    ).stdout


def notebook(*sources, output="", **metadata):
    """The text of a notebook with these code cells, and an output under each."""
    cells = [
        {
            "cell_type": "code",
            "source": source.splitlines(keepends=True),
            "metadata": metadata,
            "execution_count": 7 if output else None,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": [output]}] if output else [],
        }
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def write(folder, **files):
    """Write texts to a folder; a name has / for __ and . for the last _."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def publish(course, files, *gone, words="the course goes on"):
    write(course, **files)
    for name in gone:
        (course / name).unlink()
    git(course, "add", "--all")
    git(course, "commit", "--quiet", "-m", words)


@pytest.fixture
def course(tmp_path):
    """The published course."""
    folder = tmp_path / "veröffentlicht"
    shutil.copytree(REPOSITORY / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "start.py", folder)
    shutil.copy(REPOSITORY / ".gitattributes", folder)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    first = {
        LESSON: notebook("a = 1", "print(a)", output="1"),
        "notebooks/02_b.ipynb": notebook("b = 1"),
        "library/rope.py": "x = 1\n",
        "pyproject.toml": 'version = "1.0"\n',
        ".gitignore": ".runs/\n__pycache__/\n",
    }
    publish(folder, first, words="first")
    return folder


@pytest.fixture
def reader(course, tmp_path):
    """A reader's clone of it, with runs in it."""
    folder = tmp_path / "mein Kurs"
    git(tmp_path, "clone", "--quiet", course, folder)
    write(folder, **{".runs/reader.json": "mine"})
    return folder


def update(folder):
    return load(folder).main(["update"])


def text(folder, name):
    return (folder / name).read_text(encoding="utf-8")


NEW = {LESSON: notebook("a = 2", "print(a)", output="2"), "library/rope.py": "x = 2\n"}
NEW["pyproject.toml"] = 'version = "2.0"\n'


def assert_new(reader, course, *but):
    """The reader's folder is at the course's newest version, in all files but these."""
    assert git(reader, "rev-parse", "HEAD") == git(course, "rev-parse", "HEAD")
    assert {line[3:] for line in git(reader, "status", "-z").split("\0") if line} == set(but)
    assert text(reader, ".runs/reader.json") == "mine"


def test_a_folder_that_nobody_touched_is_brought_to_the_newest_version(reader, course, capsys):
    publish(course, {**NEW, "notebooks/03_new.ipynb": notebook("c")}, "notebooks/02_b.ipynb")
    assert update(reader) == 0
    assert_new(reader, course)
    said = capsys.readouterr()
    assert "From 1.0, " in said.out and " to 2.0, " in said.out and "5 files of the course" in said.out
    assert update(reader) == 0 and "This is the newest version (2.0, " in capsys.readouterr().out


def test_a_notebook_that_was_only_executed_gets_the_new_version(reader, course, capsys):
    ran = notebook("a = 1", "print(a)\n", output="1, in 3 s", collapsed=True)
    write(reader, **{LESSON: ran, "notebooks/02_b.ipynb": notebook("b = 1", output="3")})
    publish(course, NEW)
    assert update(reader) == 0
    assert_new(reader, course, "notebooks/02_b.ipynb")  # which the new version did not change: as it was
    assert "1 notebook that you had executed, not edited" in capsys.readouterr().out


def test_a_notebook_that_both_changed_ends_in_two_files_and_both_are_named(reader, course, capsys):
    mine = notebook("a = 1", "print(a)", "my own thoughts", output="1")
    write(reader, **{LESSON: mine})
    publish(course, NEW)
    assert update(reader) == 0
    beside = "notebooks/new_01_größe.ipynb"
    assert_new(reader, course, LESSON, beside)
    assert (text(reader, LESSON), text(reader, beside)) == (mine, NEW[LESSON])
    assert f"{LESSON} is as you left it; the new version is {beside}\n" in capsys.readouterr().out


def test_the_new_version_of_an_earlier_update_is_replaced_unless_the_reader_wrote_into_it(reader, course):
    write(reader, **{LESSON: notebook("mine")})
    publish(course, NEW)
    assert update(reader) == 0
    publish(course, {LESSON: notebook("a = 3")})
    assert update(reader) == 0
    beside = "notebooks/new_01_größe.ipynb"
    assert text(reader, beside) == notebook("a = 3") and text(reader, LESSON) == notebook("mine")
    write(reader, **{beside: notebook("a = 3", "mine, too")})
    publish(course, {LESSON: notebook("a = 4")})
    assert update(reader) == 0
    second = "notebooks/new_01_größe-2.ipynb"
    assert_new(reader, course, LESSON, beside, second)
    assert text(reader, second) == notebook("a = 4") and "mine, too" in text(reader, beside)


def test_code_that_both_changed_is_the_courses_and_the_readers_lies_beside_it(reader, course, capsys):
    write(reader, **{"library/rope.py": "x = 'mine'\n"})
    git(reader, "add", "library/rope.py")  # staged, too
    publish(course, NEW)
    assert update(reader) == 0
    assert_new(reader, course, "library/rope.py.yours")
    assert text(reader, "library/rope.py.yours") == "x = 'mine'\n"
    line = "library/rope.py is the new version; yours is library/rope.py.yours\n"
    assert line in capsys.readouterr().out


def test_what_only_the_reader_changed_or_made_is_left_alone(reader, course):
    mine = {"notebooks/02_b.ipynb": notebook("mine"), "notes.md": "mine", "library/own.py": "mine"}
    write(reader, **mine)
    git(reader, "add", "library/own.py")
    (reader / "library" / "rope.py").unlink()  # and comes back with the new version
    publish(course, NEW)
    assert update(reader) == 0
    assert_new(reader, course, *mine)
    assert {name: text(reader, name) for name in mine} == mine


def test_a_file_of_the_readers_under_a_new_files_name_is_kept(reader, course):
    write(reader, **{"notebooks/03_c.ipynb": notebook("mine"), "same.md": "same\n", "notes.md": "mine\n"})
    git(reader, "add", "notes.md")
    new = {"notebooks/03_c.ipynb": notebook("c"), "same.md": "same\n", "notes.md": "theirs\n"}
    publish(course, new)
    assert update(reader) == 0
    assert_new(reader, course, "notebooks/03_c.ipynb", "notebooks/new_03_c.ipynb", "notes.md.yours")
    assert text(reader, "notebooks/03_c.ipynb") == notebook("mine")
    assert text(reader, "notes.md.yours") == "mine\n"


def test_a_changed_notebook_that_is_renamed_or_dropped_stays(reader, course, capsys):
    write(reader, **{"notebooks/02_b.ipynb": notebook("mine")})
    publish(course, {"notebooks/02_renamed.ipynb": notebook("b = 1")}, "notebooks/02_b.ipynb")
    assert update(reader) == 0
    assert_new(reader, course, "notebooks/02_b.ipynb")
    assert text(reader, "notebooks/02_b.ipynb") == notebook("mine")
    assert "02_b.ipynb is no part of the course any more; yours stays" in capsys.readouterr().out


def test_what_is_no_notebook_inside_is_compared_as_it_is_and_kept(reader, course):
    write(reader, **{LESSON: '{"cells": [{"sou'})
    publish(course, NEW)
    assert update(reader) == 0
    assert text(reader, LESSON) == '{"cells": [{"sou'


def test_other_line_ends_are_no_change(reader, course):
    path = reader / "library" / "rope.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    publish(course, NEW)
    assert update(reader) == 0
    assert_new(reader, course)


def test_a_course_whose_history_was_written_anew_comes_too(reader, course):
    write(reader, **{LESSON: notebook("mine")})
    write(course, **NEW)
    git(course, "commit", "--quiet", "--all", "--amend", "-m", "anew")
    assert update(reader) == 0
    assert_new(reader, course, LESSON, "notebooks/new_01_größe.ipynb")


def test_where_git_stops_halfway_everything_is_as_it_was(reader, course, monkeypatch, capsys):
    mine = {LESSON: notebook("mine"), "library/rope.py": "mine\n"}
    write(reader, **mine)
    publish(course, NEW)
    module, before = load(reader), git(reader, "rev-parse", "HEAD")
    tool = module.tool("update")
    real = tool.git

    def fails(*words, **more):
        if "--keep" in words:
            raise module.Trouble("git could not reset (No space left on device).")
        return real(*words, **more)

    monkeypatch.setattr(tool, "git", fails)
    monkeypatch.setattr(module, "tool", lambda name: tool)
    assert module.main(["update"]) == 1
    assert_one_sentence(capsys.readouterr().err, "No space left")
    assert git(reader, "rev-parse", "HEAD") == before
    assert {name: text(reader, name) for name in mine} == mine
    assert sorted(line[3:] for line in git(reader, "status", "-z").split("\0") if line) == sorted(mine)


def test_a_stop_before_the_names_are_settled_leaves_the_readers_beside(reader, course, monkeypatch):
    write(reader, **{LESSON: notebook("mine")})
    publish(course, NEW)
    module = load(reader)
    tool = module.tool("update")

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tool, "settle", stopped)
    monkeypatch.setattr(module, "tool", lambda name: tool)
    assert module.main(["update"]) == 130
    assert text(reader, LESSON + ".yours") == notebook("mine")


# ---- One sentence, and nothing changed


def without_git(reader, course, monkeypatch):
    shutil.rmtree(reader / ".git")
    return "no git clone", ".runs"


def inside_another_repository(reader, course, monkeypatch):
    shutil.rmtree(reader / ".git")
    git(reader.parent, "init", "--quiet")
    return ("no git clone",)


def without_the_program(reader, course, monkeypatch):
    monkeypatch.setenv("PATH", str(reader))
    return ("git is not installed",)


def with_own_commits(reader, course, monkeypatch):
    publish(reader, {"notes.md": "mine"})
    publish(reader, {"notes.md": "mine still"})
    return "2 commits of your own", "git merge"


def in_a_merge(reader, course, monkeypatch):
    (reader / ".git" / "MERGE_HEAD").write_text(git(reader, "rev-parse", "HEAD"))
    return ("under way here (MERGE_HEAD)",)


def on_no_branch(reader, course, monkeypatch):
    git(reader, "checkout", "--quiet", "--detach")
    return "no branch", "git switch main"


def on_a_branch_of_their_own(reader, course, monkeypatch):
    git(reader, "checkout", "--quiet", "-b", "mine")
    return ("the branch mine follows no other",)


def without_a_server(reader, course, monkeypatch):
    shutil.move(course, course.with_name("moved"))
    return "git could not fetch (", "does not appear to be a git repository"


def with_a_folder_in_the_way(reader, course, monkeypatch):
    write(reader, **{"notes.md/mine.txt": "mine", "library/rope.py": "mine\n"})
    publish(course, {"notes.md": "theirs"})
    return "notes.md is in the way", "rename it"


def with_a_file_in_the_way(reader, course, monkeypatch):
    write(reader, **{"docs": "mine"})
    publish(course, {"docs/a.md": "theirs"})
    return "docs is in the way of the new version's docs/a.md", "rename it"


@pytest.mark.parametrize(
    "situation",
    [
        without_git,
        inside_another_repository,
        without_the_program,
        with_own_commits,
        in_a_merge,
        on_no_branch,
        on_a_branch_of_their_own,
        without_a_server,
        with_a_folder_in_the_way,
        with_a_file_in_the_way,
    ],
)
def test_where_an_update_is_not_possible_one_sentence_says_why(
    situation, reader, course, monkeypatch, capsys
):
    publish(course, NEW)
    parts = situation(reader, course, monkeypatch)
    mine = notebook("mine")
    write(reader, **{LESSON: mine})
    assert update(reader) == 1
    assert_one_sentence(capsys.readouterr().err, *parts)
    assert text(reader, LESSON) == mine


def test_more_words_are_refused(reader, capsys):
    assert load(reader).main(["update", "--force"]) == 1
    assert_one_sentence(capsys.readouterr().err, "--force")
