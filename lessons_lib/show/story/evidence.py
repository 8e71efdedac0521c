"""How one question to the lessons' findings is answered; the questions stand in `questions`.

One `Evidence` is one question to one lesson's findings, in the run store under `names`. Its rule and its
margin stand in the question's own text, fixed for every machine. Differences between seeds are judged by the
one rule of `runs.seeds`, a paired interval of 95 %; an exact figure or a clock by two limits, one for yes and
one for no, with room between them.

    for         it came out as the claim, or the paper behind it, says
    against     it came out otherwise
    undecided   the runs can't tell
    run, again  the lesson has kept nothing, or something that can't be read or judged: run it
    to come     the lesson is not written
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lessons_lib.runs import Seeds, run_store
from lessons_lib.runs.findings import Finding
from lessons_lib.show.course import BY_NUMBER, NOTEBOOKS

FOR, AGAINST, UNDECIDED = "for", "against", "undecided"
RUN, AGAIN, TO_COME = "run", "again", "to come"
FOUND = (FOR, AGAINST, UNDECIDED)

Findings = Mapping[tuple[str, str], Finding]  # (lesson's number, finding's name) -> what was kept
Kind = Literal["measured", "derived", "quoted"]


class NoSeeds(ValueError):
    """A mean without its seeds: nothing says how far chance alone would move it."""


class Answer(NamedTuple):
    """What became of one question: its state, a sentence, and the numbers behind it in words."""

    state: str
    sentence: str
    numbers: str = ""


@dataclass(frozen=True)
class Evidence:
    """A question to one lesson; `judge` takes the values of `names` and says yes, no, or None: can't tell.

    A value is a number, or `Seeds` where the lesson kept them. `numbers` puts the same values into words.
    """

    key: str  # by which sentences point at it
    lesson: str  # its number
    kind: Kind
    ask: str  # the question, with its margin and where that comes from
    names: tuple[str, ...]  # of findings
    judge: Callable[..., bool | None]
    numbers: Callable[..., str]
    yes: str
    no: str
    unclear: str


def interval(
    values: Seeds[float], control: Seeds[float] | None = None, level: float = 0.0
) -> tuple[float, float]:
    """Return the ends of the 95 % interval of `values`, less `control` in pairs or less `level`.

    NoSeeds for a bare mean.
    """
    if not isinstance(values, Seeds) or not isinstance(control, Seeds | None):
        raise NoSeeds("kept without its seeds")
    difference = values.less(Seeds(dict.fromkeys(values.seeds, level)) if control is None else control)
    return difference.low, difference.high


def above(ends: tuple[float, float], margin: float = 0.0) -> bool | None:
    """Say whether an interval lies above `margin`, or below minus that; None: neither, so unclear."""
    low, high = ends
    return True if low > margin else False if high < -margin else None


def below(ends: tuple[float, float], margin: float = 0.0) -> bool | None:
    """Say whether an interval lies below minus `margin`, or above it; None: neither, so unclear."""
    return above((-ends[1], -ends[0]), margin)


def no_worse(ends: tuple[float, float], margin: float) -> bool | None:
    """Say whether what may be lost, an interval, stays under `margin`; False: it is more; None: unclear."""
    return True if ends[1] < margin else False if ends[0] > margin else None


def not_less(ends: tuple[float, float], margin: float) -> bool | None:
    """Say whether a gain, an interval, is over `margin`; False: it is surely less; None: unclear."""
    return no_worse((-ends[1], -ends[0]), -margin)


def limits(value: float, yes: float, no: float) -> bool | None:
    """Say on which side of two limits a value lies: yes at `yes` or beyond, no at `no` or beyond."""
    sign = 1 if yes > no else -1
    return True if sign * value >= sign * yes else False if sign * value <= sign * no else None


def read_findings() -> dict[tuple[str, str], Finding]:
    """Return what all lessons kept, by (number, name); a store that is empty or damaged gives {}."""
    return {(str(found.lesson)[:2], found.name): found for found in run_store.findings()}


def values_of(names: tuple[str, ...], lesson: str, found: Findings) -> list[Any] | None:
    """Return the values kept under `names`, `Seeds` where there are; None where one is missing."""
    kept = [found.get((lesson, name)) for name in names]
    return None if None in kept else [one.seeds or one.value for one in kept if one is not None]


def weigh(evidence: Evidence, found: Findings, folder: Path = NOTEBOOKS) -> Answer:
    """Return the answer to one question, from what was `found` and the lessons in `folder`."""
    lesson = evidence.lesson
    if not BY_NUMBER[lesson].written(folder):
        return Answer(TO_COME, f"not run: lesson {lesson} is to come")
    values = values_of(evidence.names, lesson, found)
    if values is None:
        return Answer(RUN, f"not run: lesson {lesson}")
    try:
        if any(isinstance(value, float) and not math.isfinite(value) for value in values):
            raise ValueError("not a finite number")
        answer, numbers = evidence.judge(*values), evidence.numbers(*values)
    except NoSeeds:
        return Answer(AGAIN, f"kept by an older lesson, without its seeds: run lesson {lesson} again")
    except (TypeError, ValueError, ArithmeticError, AttributeError):  # of a file that was edited or damaged
        return Answer(AGAIN, f"what was kept can't be read: run lesson {lesson} again")
    if answer is None:
        return Answer(UNDECIDED, evidence.unclear, numbers)
    return Answer(FOR, evidence.yes, numbers) if answer else Answer(AGAINST, evidence.no, numbers)
