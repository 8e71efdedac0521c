"""What a host or a lecturer reads before the course: citation, changelog, security, issue forms, hooks."""

import re
import sys
import tomllib

import pytest
import yaml
from house_rules import ROOT, lessons

from lessons_lib.lessons import LESSONS

sys.path.insert(0, str(ROOT))
import start

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
FORMS = [path for path in FORMS if path.stem != "config"]
KINDS = {"markdown", "input", "textarea", "dropdown", "checkboxes"}


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def project():
    return tomllib.loads(read("pyproject.toml"))["project"]


def test_the_citation_says_what_it_must_and_no_version_of_its_own():
    cited = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["title"] == read("README.md").splitlines()[0].removeprefix("# ")
    assert cited["license"] == project()["license"]
    assert str(len(lessons())) in cited["abstract"]
    assert "version" not in cited  # it stands in pyproject.toml alone


def test_the_newest_release_in_the_changelog_is_this_version():
    headings = re.findall(r"^## (\S+?):", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0] == project()["version"]
    assert project()["version"] in headings


def test_new_lessons_in_the_changelog_have_their_number_and_name():
    names = {lesson.number: lesson.name.rstrip("?").lower() for lesson in LESSONS}
    told = re.findall(r"^- (\d\d), ([^:\n0-9]+):", read("CHANGELOG.md"), re.MULTILINE)
    assert len(told) > 4 and all(names[number] == name for number, name in told)


def test_the_licence_covers_text_and_figures_and_says_so():
    part = read("README.md").split("## Licence")[1]
    assert re.search(r"code,\s+text\s+and\s+figures", part) and "CITATION.cff" in part


def test_there_is_a_form_for_a_wrong_fact_a_failing_cell_and_an_idea():
    assert [path.stem for path in FORMS] == ["failing_cell", "idea", "wrong_fact"]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one_that_the_host_can_show_and_asks_for_the_doctor(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form["name"] and form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in form["body"]} <= KINDS and fields
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)
    for field in fields:  # YAML reads a bare yes as true, which a form refuses
        assert all(isinstance(option, str) for option in field["attributes"].get("options", []))
    doctor = next(field for field in fields if field["id"] == "doctor")
    assert "`python start.py doctor`" in doctor["attributes"]["label"]
    assert doctor["validations"]["required"] is (path.stem == "failing_cell")


def test_hooks_run_ruff_in_the_tests_version_and_programs_that_exist():
    hooks = [
        hook for group in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"] for hook in group["hooks"]
    ]
    pinned = re.search(r"^ruff==\S+$", read("requirements-dev.txt"), re.MULTILINE)[0]
    ruff = [hook for hook in hooks if hook["language"] == "python"]
    assert ruff and all(hook["additional_dependencies"] == [pinned] for hook in ruff)
    for hook in hooks:
        program, *words = hook["entry"].split()
        if program == "python":
            assert (ROOT / words[0]).is_file()
        if words[:1] == ["start.py"]:
            assert f"start.py {words[1]}" in start.__doc__


def test_security_speaks_of_a_submission_and_of_where_to_grade():
    text = read("SECURITY.md")
    assert "submission" in text and "container" in text and "exercises/README.md" in text


def test_links_of_these_pages_lead_to_files():
    for page in ("SECURITY.md", "CHANGELOG.md", "README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(page)):
            assert target.startswith("https://") or (ROOT / target).exists(), (page, target)
