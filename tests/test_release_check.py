"""`start.py release-check` says no where something is missing, and each of its lines can."""

import json
import subprocess

import pytest
import release_check
import run
from house_rules import ROOT

from lessons_lib.lessons import LESSONS


@pytest.fixture
def clone(tmp_path):
    """A repository with one commit; what is asked of git is asked there."""
    folder = tmp_path / "clone"
    name = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    folder.mkdir()
    (folder / "README.md").write_text("# The course")
    for words in (["init", "-q"], ["add", "README.md"], [*name, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", folder, *words], check=True, timeout=60)
    return folder


def test_readme_counts_right_today():
    assert release_check.counts() == []


@pytest.mark.parametrize(
    "text, part",
    [
        (f"a course of {len(LESSONS) + 1} lessons", f"and there are {len(LESSONS)}"),
        ("Nine parts", "tells of Nine parts, and there are 5"),
        ("1,000 exercises", "1,000 exercises, and there are "),
        ("7 GB of disk", "and there are 3"),
        ("Python 3.11 to 3.13", "Python 3.11 to 3.13, and start.py of 3.11 to 3.14"),
    ],
)
def test_a_wrong_count_is_noticed(text, part):
    (fault,) = release_check.counts(text)
    assert part in fault


def test_right_counts_and_other_numbers_pass():
    assert (
        release_check.counts(f"Its {len(LESSONS)} lessons, five parts, 12 laptops, Python 3.11 to 3.14.")
        == []
    )


def test_a_version_is_the_changelogs_and_no_other_commits(monkeypatch):
    now = release_check.version()
    assert release_check.one_version(f"# Changelog\n\n## {now}: words\n") == []
    (fault,) = release_check.one_version("## Unreleased: words\n\n## 0.0.1: older\n")
    assert f"begins with Unreleased, and not with {now}" in fault
    monkeypatch.setattr(release_check, "version", lambda: "1.0")
    assert "MAJOR.MINOR.PATCH" in release_check.one_version("## 1.0: words")[0]
    monkeypatch.setattr(release_check, "version", lambda: now)
    monkeypatch.setattr(
        release_check, "git", lambda *words: "0" * 40 if f"v{now}^{{commit}}" in words else "1" * 40
    )
    assert release_check.one_version(f"## {now}: x") == [
        f"v{now} is 0000000 already: this one needs the next number"
    ]


def test_what_is_not_committed_is_named(monkeypatch):
    monkeypatch.setattr(release_check, "git", lambda *words: " M README.md\n?? own.py")
    assert release_check.clean_tree() == ["2 files are changed or not committed, README.md among them"]


def options(*words):
    return run.read_options(list(words))


def test_a_test_that_passed_is_noted_with_its_commit_and_asked_for(clone, tmp_path, monkeypatch):
    file = tmp_path / "passed.json"
    monkeypatch.setattr(release_check, "ROOT", clone)
    here = release_check.git("rev-parse", "HEAD")
    assert len(release_check.tests_passed(file)) == 2 and not file.exists()
    for words in (["06"], ["--only", "lint"], ["--portable"]):
        run.note_passed(options(*words), file, clone)
    assert not file.exists()
    run.note_passed(options("--warm"), file, clone)
    assert json.loads(file.read_text()) == {"whole": here}
    (fault,) = release_check.tests_passed(file)
    assert fault == "`start.py test --deep` has not passed on this commit, nor on another"
    run.note_passed(options("--deep"), file, clone)
    assert release_check.tests_passed(file) == []
    monkeypatch.setattr(release_check, "git", lambda *_: "1" * 40)
    assert release_check.tests_passed(file)[0].endswith(f"the last time on {here[:7]}")
    (clone / "README.md").write_text("changed")
    run.note_passed(options(), file, clone)
    assert json.loads(file.read_text())["whole"] == ""


def test_exceptions_are_named(monkeypatch):
    monkeypatch.setattr(release_check.exceptions, "NOT_YET", {"03": {"b", "a"}})
    assert release_check.lessons_gone_through() == ["lesson 03 is excepted from a, b"]


def test_every_package_that_is_pinned_is_listed_with_a_licence():
    text = release_check.dependencies()
    for name in ("torch", "numpy", "nbgrader", "sphinx"):
        assert f"\n| {name} | " in text
    assert " | ? |" not in text
    assert (ROOT / release_check.DEPENDENCIES).is_file()


def test_a_licence_is_the_packages_own_words():
    class About(dict):
        def get_all(self, name):
            return self.get(name)

    assert release_check.licence(About({"License-Expression": "MIT"})) == "MIT"
    kinds = ["License :: OSI Approved :: BSD License", "Topic :: Text"]
    assert release_check.licence(About({"Classifier": kinds, "License": "long\ntext"})) == "BSD License"
    assert release_check.licence(About({"License": "Apache 2.0\nwhole text"})) == "Apache 2.0"
    assert release_check.licence(About()) == "?"


def test_what_could_not_be_built_is_told_with_the_last_line(monkeypatch):
    def run_it(words, **_):
        return subprocess.CompletedProcess(words, 1, "", "much\nstart.py: no package server answers.")

    monkeypatch.setattr(release_check.subprocess, "run", run_it)
    assert release_check.stick() == [
        "the folder of packages was not built (start.py: no package server answers.)"
    ]
    assert release_check.site()[0].startswith("the site was not built (")


def test_the_last_line_says_whether_it_is_ready(monkeypatch, capsys):
    monkeypatch.setattr(release_check, "CHECKS", {"this": lambda: [], "that": lambda: ["a is b"]})
    assert release_check.main([]) == 1
    said = capsys.readouterr().out
    assert said.splitlines()[:3] == ["yes  this", "no   that", "     a is b."] and "1 of these say no" in said
    monkeypatch.setattr(release_check, "CHECKS", {"this": lambda: [], "slow": release_check.site})
    assert release_check.main(["--quick"]) == 0
    assert "is ready, but for what --quick left out: `git tag v" in capsys.readouterr().out
