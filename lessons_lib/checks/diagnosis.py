"""Say why results are wrong: a known mistake, two of them, or what all the wrong results have in common.

Everything said is true of all the cases tried, about twenty; where nothing is, nothing is said.
"""

from functools import partial
from itertools import combinations
from typing import Any

from lessons_lib.checks.exercise import Task, value_of
from lessons_lib.checks.generic import Hint, Seen, generic


def diagnose(task: Task, seen: list[Seen]) -> Hint | None:
    """Return the first hint that fits all the cases, None if none does."""
    fitting = [m for m in task.misconceptions if any(_fits(task, f, seen) for f in task.ways(m))]
    if len(fitting) == 1:
        return Hint("known", (f"Hint: {fitting[0].hint}",), (fitting[0].name,))
    if fitting:
        return None
    return _two_at_once(task, seen) or generic(task, seen)


def _fits(task: Task, answer: Any, seen: list[Seen]) -> bool:
    return all(task.same(s.got, value_of(answer, s.case)) for s in seen)


def _two_at_once(task: Task, seen: list[Seen]) -> Hint | None:
    """Try all pairs of known mistakes in one function, and each with its sign turned; one must fit alone."""
    found = []
    for one, other in combinations(task.misconceptions, 2):
        both = [f for a in one.answers for b in other.answers if (f := _merged(a, b)) is not None]
        if any(_fits(task, task.observed(f), seen) for f in both):
            found.append((one, other))
    if len(found) != 1:
        return None
    one, other = found[0]
    lines = ("Hint: two things at once, it seems.", f"  1. {one.hint}", f"  2. {other.hint}")
    return Hint("two at once", lines, (one.name, other.name))


def _merged(one: Any, other: Any) -> Any:
    """Return a function that makes both mistakes, if both are settings of one function."""
    if not isinstance(one, partial) or not isinstance(other, partial) or one.func is not other.func:
        return None
    if one.args != other.args or set(one.keywords) & set(other.keywords):
        return None
    return partial(one.func, *one.args, **one.keywords, **other.keywords)
