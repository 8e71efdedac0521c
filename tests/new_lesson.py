"""Begin a lesson, or write again what is made from the list of lessons. `start.py new-lesson` runs this.

  python start.py new-lesson 15       make notebook, exercises, check, figures of lesson 15 from a template
  python start.py new-lesson --sync   write map, README's table, headings and links of the lessons again

The lesson must be in lessons_lib/lessons.toml and not be written. What is made keeps the house rules, both
notebooks are run, and what is left to do is printed. Nothing that is there is written over, and where it
fails half way nothing is left.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from string import Template

import course_pages
import lesson_template
import nbformat
import refresh

from lessons_lib.lessons import BY_NUMBER, LESSONS, Lesson

ROOT = Path(__file__).resolve().parent.parent
NBGRADER = {"schema_version": 3, "task": False}
MARKS = {  # metadata of a cell, by its kind in the template
    "folded": lambda name: {"jupyter": {"source_hidden": True}},
    "solution": lambda name: {
        "nbgrader": {**NBGRADER, "grade": False, "grade_id": name, "locked": False, "solution": True}
    },
    "graded": lambda name: {
        "nbgrader": {
            **NBGRADER,
            "grade": True,
            "grade_id": f"{name}_points",
            "locked": True,
            "points": 1,
            "solution": False,
        }
    },
}


def fill(text: str, lesson: Lesson) -> str:
    """Return a template's text with the lesson's names in it."""
    subject = lesson.stem[3:]
    return Template(text).substitute(
        number=lesson.number,
        stem=lesson.stem,
        subject=subject,
        topic=subject.replace("_", " "),
        name=lesson.name,
        exercise=f"sample_{lesson.number}",
        first=LESSONS[0].stem,
        last=LESSONS[-1].stem,
    )


def notebook(cells: list[tuple[str, str, str]], lesson: Lesson) -> str:
    """Return the text of a notebook, not run yet, made of a template's cells."""
    made = []
    for cell_id, kind, source in cells:
        make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        metadata = MARKS[kind](f"sample_{lesson.number}") if kind in MARKS else {}
        made.append(make(fill(source, lesson), id=cell_id, metadata=metadata))
    made[0].source = made[0].source.strip()
    return nbformat.writes(nbformat.v4.new_notebook(cells=made)).rstrip() + "\n"


def files(lesson: Lesson) -> dict[str, str]:
    """Return {path from the root: text} of all that a lesson begins with."""
    subject = lesson.stem[3:]
    checks = f"lessons_lib/checks/{subject}"
    return {
        f"lessons_lib/show/figures/{subject}.py": fill(lesson_template.FIGURE, lesson),
        f"{checks}/__init__.py": fill(lesson_template.CHECKS, lesson),
        f"{checks}/sample.py": fill(lesson_template.CHECK, lesson),
        f"tests/wrong_answers/{subject}.py": fill(lesson_template.BANK, lesson),
        f"notebooks/{lesson.stem}.ipynb": notebook(lesson_template.LESSON, lesson),
        f"exercises/solutions/{lesson.stem}.ipynb": notebook(lesson_template.EXERCISES, lesson),
    }


class Unfinished(Exception):
    """A lesson could not be begun; the message says where it failed."""


@contextlib.contextmanager
def all_or_nothing(made: list[Path]) -> Iterator[None]:
    """Where the block fails, remove the files `made` with their folders, and put changed pages back."""
    pages = {page: page.read_bytes() for page in [ROOT / "README.md", *(ROOT / "notebooks").rglob("*.*")]}
    there = {folder for path in made for folder in path.parents if folder.exists()}
    try:
        yield
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder not in there:
                    shutil.rmtree(folder, ignore_errors=True)
        for page, content in pages.items():
            if page.read_bytes() != content:
                page.write_bytes(content)
        print("What was made is removed again.", flush=True)
        raise


def begin(lesson: Lesson) -> None:
    """Write the files of a lesson, run its notebooks, release its exercises: all of it or nothing."""
    made = [*files(lesson), f"exercises/{lesson.stem}.ipynb"]
    with all_or_nothing([ROOT / name for name in made]):
        _begin(lesson)
    print(fill(lesson_template.LEFT, lesson))


def _begin(lesson: Lesson) -> None:
    texts = files(lesson)
    for name, text in texts.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"made {name}", flush=True)
    course_pages.write(ROOT)  # the heading first: it is part of what is run
    with tempfile.TemporaryDirectory() as store:
        os.environ |= {"OMP_NUM_THREADS": "1", "DEEPSEEK_COURSE_RUNS": store}
        runs = [refresh.refresh(ROOT / name) for name in texts if name.endswith(".ipynb")]
    release = [sys.executable, str(ROOT / "exercises" / "release.py"), f"{lesson.stem}.ipynb"]
    if not all(runs):
        raise Unfinished("a notebook does not run")
    if subprocess.run(release, cwd=ROOT).returncode:
        raise Unfinished("the exercises cannot be released")
    sync()


def sync() -> None:
    """Write again what pages repeat of the list, and the map; say which files changed."""
    from lessons_lib import show  # not above: it takes seconds

    images = ROOT / "notebooks" / "images"
    pictures = [images / "course_map.png", images / "it_learns_to_search.png"]
    before = [picture.read_bytes() if picture.exists() else b"" for picture in pictures]
    changed = course_pages.write(ROOT)
    show.save_course_map(pictures[0])
    pictures[1].write_bytes(course_pages.moment(ROOT / "notebooks"))
    changed += [picture for picture, old in zip(pictures, before) if picture.read_bytes() != old]
    for path in changed:
        print(f"written: {path.relative_to(ROOT).as_posix()}")
    if not changed:
        print("All pages say what the list of lessons says.")


def main() -> int:
    """Read the command line; refuse a lesson that is unknown or there."""
    parser = argparse.ArgumentParser(
        prog="start.py new-lesson", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("number", nargs="?", help="of a lesson in the list that is not written")
    parser.add_argument("--sync", action="store_true", help="only write again what is made from the list")
    options = parser.parse_args()
    if options.sync == (options.number is not None):
        parser.error("give the number of a lesson, or --sync")
    if options.sync:
        sync()
        return 0
    lesson = BY_NUMBER.get(options.number)
    if lesson is None:
        parser.error(f"lessons_lib/lessons.toml has no lesson {options.number}: add it there first")
    there = [name for name in files(lesson) if (ROOT / name).exists()]
    if there:
        parser.error(f"lesson {lesson.number} is begun: {', '.join(there)}")
    try:
        begin(lesson)
    except (Unfinished, OSError) as error:
        print(f"Lesson {lesson.number} was not begun: {error}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
