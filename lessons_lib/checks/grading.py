"""Mark a notebook that was handed in: for each exercise, whether it is right and what is said of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lessons_lib.checks import handed_in, registry
from lessons_lib.checks.checker import GRADE_SECONDS


@dataclass(frozen=True)
class Mark:
    """Whether an answer is right, and what its check says, line by line."""

    right: bool
    lines: tuple[str, ...]


def mark(cells: Sequence[str], exercise: str) -> Mark:
    """Judge one exercise on the text of a notebook's code cells; nothing of them runs in this process.

    KeyError if there is no such exercise.
    """
    task = registry.exercises()[exercise]
    attempt = handed_in.find(cells, exercise)
    verdict, lines = task.told(attempt, GRADE_SECONDS)
    if attempt.trouble and attempt.pieces:
        lines = (*lines, f"(Of several cells with {exercise} one was left out: {attempt.trouble}.)")
    return Mark(verdict.kind == "correct", lines)
