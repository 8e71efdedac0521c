"""The repository keeps its own rules; `house_rules/` has them, one function each, with their
reasons.

A failing test lists every complaint at once, so that one round of edits is enough.
"""

import ast
import json
import subprocess
import sys

import course_pages
import pytest
from house_rules import (
    ROOT,
    blanks,
    course,
    exceptions,
    lessons,
    library,
    links,
    measured,
    notebook,
    solutions,
)

PAGES = [
    *lessons(),
    *solutions(),
    *blanks(),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.md")),
    *sorted((ROOT / "exercises").glob("*.md")),
]


def load(path):
    """Read a notebook as plain JSON, its lists of lines joined."""
    content = json.loads(path.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        cell["source"] = "".join(cell["source"])
    return content


def name(value):
    """Return how a test's parameter is shown: a path from the root, or a rule's name."""
    return value.__name__ if callable(value) else str(value.relative_to(ROOT))


def complain(complaints):
    """Fail with all complaints, one a line."""
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.mark.parametrize("rule", library.RULES, ids=name)
def test_library_keeps_its_rules(rule):
    complain(rule(ROOT / "lessons_lib"))


def test_importing_the_library_leaves_random_numbers_and_threads_alone():
    """What the syntax tree can't show: a seed set two calls deep. In a process of its own."""
    names = [
        "lessons_lib." + module.removesuffix(".__init__")
        for module, _, _ in library.modules(ROOT / "lessons_lib")
        if module != "__init__" and module.split(".")[0] in library.ROOMS
    ]
    code = (
        "import importlib, random, torch\n"
        "before = random.getstate(), torch.get_rng_state(), torch.get_num_threads()\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert random.getstate() == before[0], 'the seed of random changed'\n"
        "assert torch.equal(torch.get_rng_state(), before[1]), 'the seed of torch changed'\n"
        "assert torch.get_num_threads() == before[2], 'the number of threads changed'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr


def test_no_test_waits_for_a_process_without_end():
    waits = []
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "subprocess.run":
                if "timeout" not in [keyword.arg for keyword in node.keywords]:
                    waits.append(f"{path.name}:{node.lineno}")
    assert not waits, "subprocess.run without timeout=..."


def test_there_are_lessons_to_check():
    assert len(lessons()) >= 3, "lessons 00 to 02 belong to notebooks/"


@pytest.mark.parametrize("rule", [*notebook.RULES, *measured.RULES, *measured.RULES_FOR_LESSONS], ids=name)
@pytest.mark.parametrize("path", lessons(), ids=name)
def test_lesson_keeps_the_rules_but_for_its_exceptions(path, rule):
    complain(exceptions.judge(path.name[:2], rule.__name__, rule(load(path))))


def test_exceptions_are_of_lessons_and_rules_that_exist():
    rules = {rule.__name__ for rule in [*notebook.RULES, *measured.RULES, *measured.RULES_FOR_LESSONS]}
    assert set(exceptions.NOT_YET) <= {path.name[:2] for path in lessons()}
    assert all(broken and broken <= rules for broken in exceptions.NOT_YET.values())


@pytest.mark.parametrize("rule", [*notebook.RULES, *measured.RULES], ids=name)
@pytest.mark.parametrize("path", solutions(), ids=name)
def test_solution_keeps_the_rules(path, rule):
    complain(rule(load(path)))


@pytest.mark.parametrize("rule", notebook.RULES_FOR_BLANKS, ids=name)
@pytest.mark.parametrize("path", blanks(), ids=name)
def test_blank_exercise_keeps_its_rules(path, rule):
    complain(rule(load(path)))


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_somewhere(path):
    complain(links.links_resolve(path, ROOT))


@pytest.mark.parametrize("path", [p for p in PAGES if p.name != "CONTRIBUTING.md"], ids=name)
def test_lessons_that_are_not_written_are_marked_and_others_are_not(path):
    complain(links.marks_of_unwritten_lessons(path, {int(p.name[:2]) for p in lessons()}))


def test_pages_repeat_what_the_list_of_lessons_says():
    """README's table, each lesson's heading and its links to neighbours: nothing of it is typed twice."""
    late = [str(path.relative_to(ROOT)) for path in course_pages.out_of_date(ROOT)]
    complain([f"{path}: run `python start.py new-lesson --sync`" for path in late])


@pytest.mark.parametrize("path", lessons(), ids=name)
def test_lesson_imports_nothing_that_a_later_one_builds(path):
    complain(course.nothing_before_its_lesson(path))


def test_glossary_names_the_lesson_of_each_first_use():
    complain(course.glossary_in_order(course.read_glossary(ROOT / "notebooks" / "glossary.md"), lessons()))


def test_every_lesson_adds_to_the_glossary():
    covered = {term.lesson for term in course.read_glossary(ROOT / "notebooks" / "glossary.md")}
    missing = [path.name for path in lessons() if int(path.name[:2]) not in covered]
    assert not missing, f"no term in notebooks/glossary.md belongs to {', '.join(missing)}"
