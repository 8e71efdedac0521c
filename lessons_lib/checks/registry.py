"""Every exercise of the course by its name: an exercise puts itself here when it is made.

Nobody keeps a list. Whoever asks for the exercises has every module of this room imported first, so a new
exercise is a new file.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from lessons_lib.lessons import BY_NUMBER

if TYPE_CHECKING:
    from lessons_lib.checks.checker import Exercise

_MADE: dict[str, Exercise] = {}


def register(exercise: Exercise) -> None:
    """Keep an exercise. ValueError if there is no such lesson, or another exercise has the name."""
    if exercise.lesson not in BY_NUMBER:
        raise ValueError(f"{exercise.name}: there is no lesson {exercise.lesson!r} in lessons.toml")
    other = _MADE.get(exercise.name)
    if other and _origin(other) != _origin(exercise):
        here, there = _origin(exercise)[0], _origin(other)[0]
        raise ValueError(f"{here} calls an exercise {exercise.name!r}, as {there} does: names must differ")
    _MADE[exercise.name] = exercise


def exercises() -> dict[str, Exercise]:
    """Return all exercises by name, those of one lesson together, in the order of the lessons."""
    _import_all()
    return dict(sorted(_MADE.items(), key=lambda item: item[1].lesson or ""))


@functools.cache
def _import_all() -> None:
    for module in pkgutil.walk_packages([str(Path(__file__).parent)], f"{__package__}."):
        importlib.import_module(module.name)


def _origin(exercise: Exercise) -> tuple[str, str]:
    """Where it comes from: a module that is loaded anew makes its exercises anew, and may."""
    return exercise.draw.__module__, exercise.draw.__qualname__
