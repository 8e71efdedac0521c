"""Ask an attempt more: what an argument does to its result, and what becomes of a row that stands alone."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.compare import numbers
from lessons_lib.checks.exercise import Case, Task, value_of
from lessons_lib.checks.features import mixed_cases
from lessons_lib.checks.generic import Hint, Seen

Ask = Callable[[list[Case]], list[Any]]  # what the attempt gives on more cases; nothing if not on all
TRIED, ENOUGH = 10, 3
POWERS = {-2.0: "becomes a quarter", -1.0: "becomes half", -0.5: "becomes smaller by the root of 2"}
POWERS |= {
    0.0: "stays the same",
    0.5: "grows by the root of 2",
    1.0: "doubles",
    2.0: "becomes 4 times as large",
}


def probe(task: Task, seen: list[Seen], ask: Ask) -> Hint | None:
    """Return the first that is true: an argument without, or with too much, effect; rows mixed; a scale."""
    tried = [s.case for s in seen[:TRIED]]
    # twice, the second time one call later: what takes turns would be in step with one of the two
    again = [*ask(tried), *ask([*tried[:1], *tried])[1:]]
    if not all(task.same(other, s.got) for other, s in zip(again, seen[:TRIED] * 2)):
        line = "Hint: called again with the same arguments, your function gives another result."
        line += " What outlives a call?"
        return Hint("two results", (line,))
    return _effects(task, seen, ask) or _alone(task, seen, ask) or _doubled(task, seen, ask)


def _effects(task: Task, seen: list[Seen], ask: Ask) -> Hint | None:
    mixed = [(*m, value_of(task.oracle, m[2])) for m in mixed_cases([s.case for s in seen])]
    mixed = [m for m in mixed if m[3] is not None]
    idle: dict[str, list] = {}
    busy: dict[str, list] = {}
    for (name, i, _, right), after in zip(mixed, ask([m[2] for m in mixed])):
        matters = not task.same(right, seen[i].expected, task.margin)
        (idle if matters else busy).setdefault(name, []).append((seen[i].got, after))
    return without_effect(task, idle) or _too_much(task, {n: p for n, p in busy.items() if n not in idle})


def without_effect(task: Task, mixed: dict[str, list[tuple[Any, Any]]]) -> Hint | None:
    """Name the arguments whose change never changed the result: pairs are what came before and after it."""
    idle = [
        name
        for name, pairs in mixed.items()
        if len(pairs) >= ENOUGH and all(task.same(after, before, 1e-9) for before, after in pairs)
    ]
    if not idle:
        return None
    listed = " and ".join([", ".join(idle[:-1])] * (len(idle) > 1) + idle[-1:])
    verb = "are" if len(idle) > 1 else "is"
    return Hint("no effect", (f"Hint: your result stays the same whatever {listed} {verb}.",))


def _too_much(task: Task, mixed: dict[str, list[tuple[Any, Any]]]) -> Hint | None:
    """Name an argument that never matters, and that changes the attempt's result again and again."""
    for name, pairs in mixed.items():
        changed = sum(not task.same(after, before, task.margin) for before, after in pairs)
        if changed >= ENOUGH and len(pairs) >= TRIED:
            return Hint("effect", (f"Hint: your result changes with {name}, and the right one does not.",))
    return None


def _alone(task: Task, seen: list[Seen], ask: Ask) -> Hint | None:
    """Say that a row's result is another when the row stands alone, though the right one is the same."""
    rows: list[tuple[Case, Any, Any]] = []
    for s in seen:
        found = list(_rows(task, s))
        if isinstance(s.expected, Tensor) and s.expected.ndim and len(found) < len(s.expected) > 1:
            return None  # here the right result of a row depends on the others, too
        rows += [] if task.same(s.got, s.expected) else found
    rows = rows[: 2 * TRIED]
    if len(rows) < 2 * ENOUGH:
        return None
    given = ask([case for case, _, _ in rows])
    if not given:
        return None
    if all(task.same(alone, right) for alone, (_, right, _) in zip(given, rows)):
        line = (
            "Hint: each row is right when it is given alone. Given several, you let one row change another's."
        )
        return Hint("rows", (line,))
    if sum(not task.same(alone, among, task.margin) for alone, (_, _, among) in zip(given, rows)) >= ENOUGH:
        line = "Hint: your result for a row changes with the other rows, and the right one does not."
        return Hint("rows", (line,))
    return None


def _rows(task: Task, s: Seen) -> Iterator[tuple[Case, Any, Any]]:
    """Yield each row as a case of its own, its right result, and what the attempt gave among the others."""
    if not isinstance(s.expected, Tensor) or not s.expected.ndim or len(s.expected) < 2:
        return
    if not isinstance(s.got, Tensor) or s.got.shape != s.expected.shape:
        return
    n = len(s.expected)
    sliced = [k for k, v in s.case.items() if isinstance(v, Tensor) and v.ndim and len(v) == n]
    for i in range(n):
        case = s.case | {name: s.case[name][i : i + 1] for name in sliced}
        right = value_of(task.oracle, case)
        if sliced and right is not None and task.same(right, s.expected[i : i + 1]):
            yield case, right, s.got[i : i + 1]
        else:
            return


def _doubled(task: Task, seen: list[Seen], ask: Ask) -> Hint | None:
    """Say what doubling an argument does to the right result, if not to the attempt's."""
    for name, value in seen[0].case.items():
        if not isinstance(value, (int, float)) and not (
            isinstance(value, Tensor) and value.is_floating_point()
        ):
            continue
        if isinstance(value, bool):
            continue
        doubled = [s.case | {name: s.case[name] * 2} for s in seen[:TRIED]]
        right = [value_of(task.oracle, case) for case in doubled]
        if any(r is None for r in right):
            continue
        for part in range(len(numbers(right[0]) or ())):
            power = _power(task, [s.expected for s in seen], right, part)
            if power is None or power == 0.0:
                continue
            given = ask(doubled)
            theirs = _power(task, [s.got for s in seen], given, part) if given else power
            if theirs != power:
                does = "does not" if theirs is None else POWERS[theirs]
                what = (task.returns if task.read is None else (task.read_as,))[part]
                line = f"Hint: when {name} is doubled, {what} {POWERS[power]}; yours {does}."
                return Hint("doubled", (line,))
    return None


def _power(task: Task, before: list[Any], after: list[Any], part: int) -> float | None:
    """Return the power of 2 by which one part of all results grows; None if there is none, or all are 0."""
    pairs = []
    for one, other in zip(before, after):
        parts = numbers(one), numbers(other)
        if any(p is None or len(p) <= part for p in parts):
            return None
        pairs.append((parts[0][part], parts[1][part]))  # type: ignore[index]
    if not any(torch.is_nonzero((a != 0).any()) for a, _ in pairs):
        return None
    fits = (p for p in POWERS if all(task.same(b, a * 2**p) for a, b in pairs))
    return next(fits, None)
