"""The lessons of the course, as `lessons.toml` lists them: the one place that knows their names.

Every room may use this module, which uses none. Adding a lesson means a row there; what each field
means stands at the top of that file.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("lessons.toml")
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@dataclass(frozen=True)
class Lesson:
    """One notebook; `part` is a key of PARTS, or empty for the first lesson."""

    stem: str  # the file's name without .ipynb
    part: str
    short: str  # a name that fits a box of the map, lines and all
    question: str  # that opens it
    seconds: int  # of its cells on two cores, from an empty run store
    introduces: tuple[str, ...] = ()  # modules and names that no earlier lesson may import
    former: tuple[str, ...] = ()  # stems that it had before
    after: tuple[str, ...] = ()  # numbers of the lessons whose runs it loads
    alone: bool = False  # whether it starts as many processes as there are cores

    @property
    def number(self) -> str:
        return self.stem[:2]

    @property
    def name(self) -> str:
        """The short name on one line, as links have it."""
        return self.short.replace("\n", " ")

    def written(self, folder: Path = NOTEBOOKS) -> bool:
        return (folder / f"{self.stem}.ipynb").is_file()


def read_lessons(path: Path = LIST) -> tuple[dict[str, str], tuple[Lesson, ...]]:
    """Return ({part: its name}, lessons in order); ValueError in one sentence where the list is at fault."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    parts, lessons = content["parts"], tuple(_lesson(row, path.name) for row in content["lesson"])
    if fault := _fault(parts, lessons):
        raise ValueError(f"{path.name}: {fault}")
    return parts, lessons


def _lesson(row: dict[str, Any], file: str) -> Lesson:
    known = {field.name for field in fields(Lesson)}
    lists, optional = ("introduces", "former", "after"), {"introduces", "former", "after", "alone"}
    odd = [*sorted(set(row) - known), *sorted(known - set(row) - optional)]
    if odd:
        verb = "has an unknown" if odd[0] in row else "lacks the"
        raise ValueError(f"{file}: {row.get('stem', 'a lesson')!r} {verb} field {odd[0]!r}")
    several = {key: tuple(row.get(key, ())) for key in lists}
    return Lesson(**{**row, **several, "short": row["short"].replace("|", "\n")})


def _fault(parts: dict[str, str], lessons: tuple[Lesson, ...]) -> str | None:
    """Return what is wrong with the list, or None."""
    stems = [lesson.stem for lesson in lessons]
    order = ["", *parts]
    for place, lesson in enumerate(lessons):
        if not re.fullmatch(r"\d\d_[a-z0-9_]+", lesson.stem):
            return f"{lesson.stem!r} is not a stem like '05_mixture_of_experts'"
        if lesson.number in {stem[:2] for stem in stems[:place]}:
            return f"the number {lesson.number} stands twice"
        if int(lesson.number) != place:
            return f"{lesson.stem} stands where lesson {place:02d} should"
        if lesson.part not in order or (not lesson.part and place > 0):
            return f"{lesson.stem} belongs to part {lesson.part!r}; there are {', '.join(parts)}"
        if place and order.index(lesson.part) < order.index(lessons[place - 1].part):
            return f"{lesson.stem} belongs to part {lesson.part}, which is over before it"
    for place, lesson in enumerate(lessons):
        for number in lesson.after:
            if number not in {earlier.number for earlier in lessons[:place]}:
                return f"{lesson.stem} loads runs of {number!r}, which is no earlier lesson"
    former = [name for lesson in lessons for name in lesson.former]
    for name in former:
        if former.count(name) > 1 or name in stems:
            return f"the former name {name!r} leads to more than one lesson"
    return None


PARTS, LESSONS = read_lessons()
BY_NUMBER = {lesson.number: lesson for lesson in LESSONS}
_NOW = {name: lesson.stem for lesson in LESSONS for name in lesson.former}


def current(stem: str) -> str:
    """Return the stem that a lesson has today; one that is nobody's former name comes back as it is."""
    return _NOW.get(stem, stem)
