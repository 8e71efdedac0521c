"""In which order hints are looked for, and that what may have come by chance is tried on fresh cases."""

from lessons_lib.checks import cases
from lessons_lib.checks.as_if import as_if
from lessons_lib.checks.compare import same
from lessons_lib.checks.diagnosis import diagnose
from lessons_lib.checks.exercise import Task
from lessons_lib.checks.generic import Hint, Seen, in_each_others_place, strict_or_generous
from lessons_lib.checks.probing import Ask, probe
from lessons_lib.checks.where import beyond, in_extremes_only, one_way, some_parts, where_it_is_right


def of_draws(task: Task, kind: str, seen: list[Seen], right: list[bool], ask: Ask) -> Hint | None:
    """Return a hint on results of drawn cases, the most telling one that is true; None if there is none."""
    if kind == "wrong type":
        return _exchanged(task, seen)
    first = seen[: cases.FOR_HINTS]
    return (
        diagnose(task, first)
        or _condition(task, seen, right, ask)
        or as_if(task, first)
        or (None if task.read else probe(task, first, ask))
        or beyond(task, seen)
        or strict_or_generous(task, seen)
        or some_parts(task, seen)
        or one_way(task, seen)
    )


def of_extremes(task: Task, seen: list[Seen], right: list[bool], names: list[str]) -> Hint | None:
    """Return a hint on a function whose results were right in all draws, and are not in some extreme."""
    where = in_extremes_only(names, right, task.draws)
    sided = strict_or_generous(task, seen)
    return Hint(sided.sort, (*sided.lines, *where.lines)) if sided else where


def _condition(task: Task, seen: list[Seen], right: list[bool], ask: Ask) -> Hint | None:
    tried = [s.case for s in seen]
    hint = where_it_is_right(tried, right)
    if task.read or hint is None:
        return hint
    fresh = cases.draw_cases(task)  # by chance? As many cases again decide
    more = ask(fresh)
    again = [task.same(got, task.oracle(*case.values())) for got, case in zip(more, fresh)]
    return where_it_is_right([*tried, *fresh], right + again) if more else None


def _exchanged(task: Task, seen: list[Seen]) -> Hint | None:
    """Say of results of a wrong type that they are the right ones in another order."""
    pairs = [(s.got, s.expected) for s in seen]
    if not all(isinstance(g, (tuple, list)) and isinstance(e, tuple) and len(g) == len(e) for g, e in pairs):
        return None
    if len(task.returns) != 2 or not all(same(tuple(g)[::-1], e, task.tolerance) for g, e in pairs):
        return None
    return in_each_others_place(*task.returns)
