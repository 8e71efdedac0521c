"""The bank: what readers really write, right and wrong, for every exercise.

A wrong answer names the misconception whose hint it must get; a right one must be accepted however it is
written; one that is refused for another reason than a known mistake names words that its reader must see. To
add one, write the function as a reader would, under `@wrong`, `@right` or `@refused`, in the file of its
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
    misconception: str | None  # None: the answer is right, or refused
    words: str | None = None  # of the verdict, where an answer is refused without a known mistake

    def __str__(self) -> str:
        what = self.misconception or ("right" if self.words is None else "refused")
        return "-".join([self.exercise.name, what, self.attempt.__name__])


BANK: list[Entry] = []


def wrong(exercise: Exercise, misconception: str) -> Callable[[Callable], Callable]:
    """Keep the decorated function as one that has this misconception."""
    return lambda attempt: _keep(Entry(exercise, attempt, misconception))


def right(exercise: Exercise) -> Callable[[Callable], Callable]:
    """Keep the decorated function as a right answer."""
    return lambda attempt: _keep(Entry(exercise, attempt, None))


def refused(exercise: Exercise, words: str) -> Callable[[Callable], Callable]:
    """Keep the decorated function as one that is refused, with these words and no known mistake's hint."""
    return lambda attempt: _keep(Entry(exercise, attempt, None, words))


def _keep(entry: Entry) -> Callable:
    BANK.append(entry)
    return entry.attempt
