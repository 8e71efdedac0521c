"""How one question to the lessons' findings is answered; the questions stand in `questions`.

One `Evidence` is one question to one lesson's findings, in the run store under `names`. Its answer is
decided by a threshold that stands here, fixed for every machine: a run that was trained on another
processor differs in its digits, hardly in its answer. Sentences therefore hold bounds, not measurements.

    for         it came out as the claim, or the paper behind it, says
    against     it came out otherwise
    undecided   the runs can't tell
    run, again  the lesson has kept nothing, or something that can't be read: run it
    to come     the lesson is not written
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons_lib.runs import run_store
from lessons_lib.show.course import BY_NUMBER, NOTEBOOKS

FOR, AGAINST, UNDECIDED = "for", "against", "undecided"
RUN, AGAIN, TO_COME = "run", "again", "to come"
FOUND = (FOR, AGAINST, UNDECIDED)

Findings = Mapping[tuple[str, str], Any]  # (lesson's number, finding's name) -> value


@dataclass(frozen=True)
class Evidence:
    """A question to one lesson; `judge` takes the values of `names` and says yes, no, or None: can't tell."""

    lesson: str  # its number
    names: tuple[str, ...]  # of findings; empty while nobody knows what the lesson will keep
    judge: Callable[..., bool | None]
    yes: str
    no: str
    unclear: str = "The runs can't tell."


def clearly_lower(low: float, high: float, margin: float = 0.0) -> bool | None:
    """Say whether a difference lies below 0 by more than `margin`, or above 0 by more; None: neither.

    It is judged by its interval from `low` to `high` (`runs.Seeds.less`, one rule for all lessons). Where an
    interval may end near 0, a margin keeps the answer the same on every processor.
    """
    return True if high < -margin else False if low > margin else None


def read_findings() -> dict[tuple[str, str], Any]:
    """Return what all lessons kept, by (number, name); a store that is empty or damaged gives {}."""
    return {(str(found.lesson)[:2], found.name): found.value for found in run_store.findings()}


def weigh(evidence: Evidence, found: Findings, folder: Path = NOTEBOOKS) -> tuple[str, str]:
    """Return (state, sentence) of one question, from what was `found` and the lessons in `folder`."""
    lesson = evidence.lesson
    if not BY_NUMBER[lesson].written(folder):
        return TO_COME, f"{lesson} (to come)"
    if not evidence.names:
        kept = any(number == lesson for number, _ in found)
        return (UNDECIDED, "Kept, but not read here yet.") if kept else (RUN, f"run lesson {lesson}")
    values = [found.get((lesson, name)) for name in evidence.names]
    if any(value is None for value in values):
        return RUN, f"run lesson {lesson}"
    try:
        if any(isinstance(value, float) and not math.isfinite(value) for value in values):
            raise ValueError("not a finite number")
        answer = evidence.judge(*values)
    except (TypeError, ValueError, ArithmeticError, AttributeError):  # of a file that was edited or damaged
        return AGAIN, f"what was kept can't be read: run lesson {lesson} again"
    if answer is None:
        return UNDECIDED, evidence.unclear
    return (FOR, evidence.yes) if answer else (AGAINST, evidence.no)


def later(lesson: str) -> Evidence:
    """Return the place of a question to a lesson whose findings have no names yet."""
    return Evidence(lesson, (), lambda: None, "", "")
