"""The bank: what readers really write, right and wrong, for every exercise.

A wrong answer names the misconception whose hint it must get; a right one must be accepted however it is
written. To add one, write the function as a reader would, under `@wrong` or `@right`, in the file of its
subject, which is named as the folder in `lessons_lib/checks`. Every misconception has two wrong answers or
more, every exercise two right ones or more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lessons_lib.checks.checker import Exercise


@dataclass(frozen=True)
class Entry:
    exercise: Exercise
    attempt: Callable
    misconception: str | None  # None: the answer is right

    def __str__(self) -> str:
        return "-".join([self.exercise.name, self.misconception or "right", self.attempt.__name__])


BANK: list[Entry] = []


def wrong(exercise: Exercise, misconception: str) -> Callable[[Callable], Callable]:
    """Keep the decorated function as one that has this misconception."""
    return lambda attempt: _keep(Entry(exercise, attempt, misconception))


def right(exercise: Exercise) -> Callable[[Callable], Callable]:
    """Keep the decorated function as a right answer."""
    return lambda attempt: _keep(Entry(exercise, attempt, None))


def _keep(entry: Entry) -> Callable:
    BANK.append(entry)
    return entry.attempt
