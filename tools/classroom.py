"""A class's exercises with nbgrader, given out, collected and graded: `python start.py classroom FOLDER`.

    python start.py classroom FOLDER              make a course of nbgrader's there, all exercises released
    python start.py classroom FOLDER 02 05        the same with the exercises of these lessons only
    python start.py classroom FOLDER --grade 02   collect what lies in FOLDER/handed_in and grade lesson 02

What comes back goes into `handed_in/NAME/`, a folder for each student, under whatever file name: the cells
say which lesson a notebook is of. Of two files of one student for one lesson the one changed last counts.
Nothing in `handed_in` is ever changed. What is graded lies in `submitted`, as nbgrader wants it, marks in
`gradebook.db` and `marks.csv`, and a page for each student, which says why, in `feedback`. A lesson is graded
again for whoever hands in another file.

Answers run in processes of their own (exercises/README.md). A submission that nothing can be made of is named
with the reason, and the next one is graded.
"""

import argparse
import csv
import os
import re
import shutil
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.utils import rmtree
from traitlets.config import PyFileConfigLoader

from lessons_lib.checks import registry
from lessons_lib.lessons import BY_NUMBER

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "exercises" / "solutions"
CONFIG = "nbgrader_config.py"
LARGEST_MB = 20  # of a notebook that is handed in; ours have a tenth of one


class Trouble(Exception):
    """What ends the command, told in one sentence."""


def main(arguments: list[str] | None = None) -> int:
    """Make a class's folder, or grade in it; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="start.py classroom", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the class's folder, outside of the course's own")
    parser.add_argument("lessons", nargs="*", metavar="NN", help="only the exercises of these lessons")
    parser.add_argument("--grade", action="store_true", help="collect, grade and write feedback")
    options = parser.parse_intermixed_args(arguments)
    try:
        folder = options.folder.expanduser().resolve()
        stems = chosen(options.lessons)
        prepare_environment()
        return grade_all(folder, stems) if options.grade else make(folder, stems)
    except (Trouble, OSError) as trouble:
        print(f"start.py: {str(trouble).rstrip('.')}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("start.py: stopped; what was graded is kept, and the next call goes on.", file=sys.stderr)
        return 130


def chosen(numbers: list[str]) -> list[str]:
    """Return the notebooks' names of these lessons, all that have exercises where none is named."""
    known = {path.name[:2]: path.stem for path in sorted(SOURCES.glob("[0-9][0-9]_*.ipynb"))}
    for number in numbers:
        if number not in known:
            raise Trouble(
                f"lesson {number} has no exercises: there are those of {min(known)} to {max(known)}"
            )
    return [known[number] for number in sorted(set(numbers) or known)]


def prepare_environment() -> None:
    """Let nbgrader find what it calls by name, and its templates, which lie beside this Python."""
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    os.environ["JUPYTER_PATH"] = os.path.join(sys.prefix, "share", "jupyter")


def api_of(folder: Path) -> NbGraderAPI:
    """Return nbgrader's functions for a class's folder, with the configuration that lies in it."""
    config = PyFileConfigLoader(CONFIG, path=str(folder)).load_config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = database(folder)
    return NbGraderAPI(config=config)


def database(folder: Path) -> str:
    return f"sqlite:///{folder / 'gradebook.db'}"


def carried_out(result: dict[str, Any]) -> str:
    """Return what went wrong in a call of nbgrader's, in a line; empty where nothing did."""
    if result["success"]:
        return ""
    lines = (result.get("error") or result.get("log") or "nbgrader says nothing").strip().splitlines()
    if "KeyboardInterrupt" in lines[-1]:  # which nbgrader keeps to itself
        raise KeyboardInterrupt
    told = [
        line for line in (result.get("log") or "").splitlines() if re.match(r"\w*(Error|Exception)\b", line)
    ]
    return (told or lines)[-1][:200].rstrip(".")


# ---- Making a class.


def make(folder: Path, stems: list[str]) -> int:
    """Make the folder, or add to one that was made before, and release what is not released yet."""
    if folder == ROOT or ROOT in folder.parents:
        raise Trouble(
            f"{folder} lies in the course's own folder: name one outside, as your students' work is private"
        )
    others = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if others and CONFIG not in others:
        raise Trouble(f"{folder} is no class's folder and holds other things ({len(others)}): name a new one")
    for name in ("source", "handed_in"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not (folder / CONFIG).exists():
        shutil.copyfile(ROOT / "exercises" / CONFIG, folder / CONFIG)
    api, begun = api_of(folder), time.monotonic()
    for stem in stems:
        source = folder / "source" / stem / f"{stem}.ipynb"
        if not source.exists():
            source.parent.mkdir(exist_ok=True)
            shutil.copyfile(SOURCES / source.name, source)
        if not (folder / "release" / stem / source.name).exists():
            fault = carried_out(api.generate_assignment(stem))
            if fault:
                raise Trouble(f"{stem} could not be released ({fault})")
            print(f"  {stem}", flush=True)
    print(f"{len(stems)} assignments are ready in {folder}, after {time.monotonic() - begun:.0f} s.")
    print(f"Give out {folder / 'release'}, or let everybody work in the course's own folder exercises.")
    print(f"Put what comes back into {folder / 'handed_in'}, a folder for each student, and grade a lesson:")
    print(f'python start.py classroom "{folder}" --grade {stems[0][:2]}')
    return 0


# ---- Collecting: from handed_in/NAME/whatever.ipynb to submitted/NAME/LESSON/LESSON.ipynb.


@dataclass(frozen=True)
class HandedIn:
    """A notebook of a student, and the lesson that its exercises are of."""

    student: str
    stem: str
    path: Path


def collect(folder: Path) -> Iterator[str]:
    """Put what was handed in where nbgrader looks for it; yield a sentence for what cannot be used."""
    found: dict[tuple[str, str], HandedIn] = {}
    whose: dict[str, str] = {}  # a student's name for nbgrader, and the folder that it stands for
    inbox = folder / "handed_in"
    for path in sorted(inbox.rglob("*"), key=lambda path: (path.stat().st_mtime, path.name)):
        shown = path.relative_to(inbox).as_posix()
        if path.is_dir() or ".ipynb_checkpoints" in path.parts or path.name.startswith("."):
            continue
        try:
            one = recognise(path, shown)
        except Trouble as trouble:
            yield f"{trouble}."
            continue
        name = shown.split("/")[0]
        if whose.setdefault(one.student, name) != name:
            yield f"handed_in/{name} and handed_in/{whose[one.student]} are one name to nbgrader: rename one."
            continue
        earlier = found.get((one.student, one.stem))
        if earlier:
            former = earlier.path.relative_to(inbox).as_posix()
            yield f"{shown} counts for {one.stem[:2]}, and not {former}, which is older."
        found[one.student, one.stem] = one
    for one in found.values():
        target = folder / "submitted" / one.student / one.stem / f"{one.stem}.ipynb"
        if not target.exists() or target.read_bytes() != one.path.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one.path, target)
            graded = folder / "autograded" / one.student / one.stem
            if graded.is_dir():
                rmtree(str(graded))


def recognise(path: Path, shown: str) -> HandedIn:
    """Say whose a file is and of which lesson; Trouble where it is no notebook of ours."""
    if "/" not in shown:
        raise Trouble(f"handed_in/{shown} lies in no student's folder: put it into handed_in/NAME")
    if path.suffix != ".ipynb":
        raise Trouble(f"handed_in/{shown} is no notebook, and left out")
    if path.stat().st_size > LARGEST_MB * 1e6:
        raise Trouble(
            f"handed_in/{shown} has {path.stat().st_size / 1e6:.0f} MB, and {LARGEST_MB} are allowed"
        )
    try:
        notebook = nbformat.read(path, as_version=4)
        cells = [(cell.source, cell.metadata.get("nbgrader", {})) for cell in notebook.cells]
        names = [marks["grade_id"].removesuffix("_points") for _, marks in cells if marks.get("grade_id")]
        names += re.findall(r"^def (\w+)\(", "\n".join(source for source, _ in cells), re.M)
    except Exception as error:  # whatever a file can be that calls itself a notebook
        raise Trouble(
            f"handed_in/{shown} cannot be read ({type(error).__name__}): ask for it again"
        ) from None
    exercises = registry.exercises()
    lessons = [exercises[name].lesson for name in names if name in exercises]
    if not lessons:
        raise Trouble(f"handed_in/{shown} has none of this course's exercises in it")
    student = re.sub(r"[^\w .@-]", "_", shown.split("/")[0]).strip()
    return HandedIn(student, BY_NUMBER[max(sorted(set(lessons)), key=lessons.count)].stem, path)


# ---- Grading.


def grade_all(folder: Path, stems: list[str]) -> int:
    """Collect, grade what is new, write feedback and marks; return 1 where something could not be graded."""
    if not (folder / CONFIG).exists():
        raise Trouble(f'{folder} is no class\'s folder: make one by `python start.py classroom "{folder}"`')
    for sentence in collect(folder):
        print(sentence)
    api, failed = api_of(folder), 0
    for stem in stems:
        there = sorted(path.name for path in (folder / "submitted").glob("*") if (path / stem).is_dir())
        new = [name for name in there if not (folder / "autograded" / name / stem).is_dir()]
        if there and not (folder / "release" / stem).is_dir():
            raise Trouble(f'{stem} is not released here: `python start.py classroom "{folder}" {stem[:2]}`')
        for student in new:
            fault = carried_out(api.autograde(stem, student))
            fault = fault or carried_out(api.generate_feedback(stem, student))
            failed += bool(fault)
            if fault:
                print(f"{student}, {stem[:2]}: not graded ({fault}).", flush=True)
        if there:
            print(f"{stem}: {len(new)} graded, {len(there) - len(new)} were.", flush=True)
            for student, points, of in marks(folder, stem):
                print(f"  {student:<30}{points:>5.4g} of {of:g}")
        elif len(stems) < 3:
            print(f"{stem}: nothing was handed in.")
    write_marks(folder)
    print(f"Feedback for each student: {folder / 'feedback'}. All marks: {folder / 'marks.csv'}.")
    return 1 if failed else 0


def marks(folder: Path, stem: str) -> list[tuple[str, float, float]]:
    """Return (student, points, points there are) for a lesson that was handed in."""
    with Gradebook(database(folder)) as gradebook:
        found = gradebook.assignment_submissions(stem)
        graded = [one for one in found if (folder / "autograded" / one.student.id / stem).is_dir()]
        return sorted((one.student.id, one.score, one.max_score) for one in graded)


def write_marks(folder: Path) -> None:
    """Write all marks as a table that a spreadsheet opens."""
    stems = sorted(path.name for path in (folder / "release").glob("*") if path.is_dir())
    partial = folder / "marks.csv.new"
    with open(partial, "w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["student", "lesson", "points", "of"])
        table.writerows(
            (student, stem, points, of) for stem in stems for student, points, of in marks(folder, stem)
        )
    os.replace(partial, folder / "marks.csv")


if __name__ == "__main__":
    sys.exit(main())
