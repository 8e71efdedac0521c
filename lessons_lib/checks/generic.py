"""What can be said of wrong results without knowing the mistake: exchanged parts, a factor, one row right."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.amounts import by_a_factor, by_an_amount
from lessons_lib.checks.compare import numbers
from lessons_lib.checks.exercise import Case, Task
from lessons_lib.checks.shapes import Column, cut, gathered, moved, one_sided, placed
from lessons_lib.precision import cast_e4m3


@dataclass(frozen=True)
class Seen:
    """One case, what the attempt gave (as it was read), and what is right."""

    case: Case
    got: Any
    expected: Any


@dataclass(frozen=True)
class Hint:
    """`sort` is "known", "two at once", or a generic one; `names` the misconceptions."""

    sort: str
    lines: tuple[str, ...]
    names: tuple[str, ...] = ()


def generic(task: Task, seen: list[Seen]) -> Hint | None:
    """Return what is true of all wrong results: exchanged, transposed, off by a factor or an amount, ..."""
    parts = [(numbers(s.got), numbers(s.expected)) for s in seen]
    if any(got is None or expected is None or len(got) != len(expected) for got, expected in parts):
        return None
    names = task.returns if task.read is None else (task.read_as,)
    columns = [[(g[i], e[i]) for g, e in parts] for i in range(len(parts[0][1]))]  # type: ignore[index,arg-type]
    swapped = _swapped(task, columns, names)
    if swapped:
        return swapped
    wrong = [i for i, column in enumerate(columns) if not all(task.same(g, e) for g, e in column)]
    if not wrong or any(i >= len(names) for i in wrong):
        return None
    values = [i for i in wrong if not names[i].endswith(".grad")]
    if not values and all((g == 0).all() for i in wrong for g, _ in columns[i]):
        return _gradient_alone([columns[i] for i in wrong], [names[i] for i in wrong])
    if len(values or wrong) == 1:
        (at,) = values or wrong
        if hint := _of_a_part(task, columns[at], names[at], seen):
            return hint
    if not values:
        return _gradient_alone([columns[i] for i in wrong], [names[i] for i in wrong])
    if verdicts := _verdicts(task, [columns[i] for i in values], [names[i] for i in values], seen):
        return verdicts
    orders = [moved(columns[i], task.same) for i in values]
    if all(orders) and len(set(orders)) == 1:
        listed = " and ".join(names[i] for i in values)
        return Hint("order", (f"Hint: the numbers of {listed} are right, but {orders[0]}.",))
    each = [hint for i in values if (hint := _of_a_part(task, columns[i], names[i], seen))]
    return Hint(each[0].sort, tuple(line for hint in each for line in hint.lines)) if each else None


def _of_a_part(task: Task, column: Column, name: str, seen: list[Seen]) -> Hint | None:
    finders = (_moved, _measured, _always, _elementwise, _gathered)
    return next((hint for find in finders if (hint := find(task, column, name, seen))), None)


def _swapped(task: Task, columns: list[Column], names: tuple[str, ...]) -> Hint | None:
    for i, j in combinations(range(min(len(columns), len(names))), 2):
        rest = [c for k, c in enumerate(columns) if k not in (i, j)]
        crossed = zip(columns[i], columns[j], strict=True)
        if all(task.same(a[0], b[1]) and task.same(b[0], a[1]) for a, b in crossed) and all(
            task.same(g, e) for column in rest for g, e in column
        ):
            return in_each_others_place(names[i], names[j])
    return None


def in_each_others_place(one: str, other: str) -> Hint:
    """Return the hint on two results that are exchanged."""
    line = f"Hint: {one} and {other} are both right, and stand in each other's place."
    return Hint("swapped", (line,))


def _moved(task: Task, column: Column, name: str, seen: list[Seen]) -> Hint | None:
    words = moved(column, task.same)
    sort = "transposed" if words and "axes" in words or words == "it is transposed" else "order"
    return Hint(sort, (f"Hint: the numbers of {name} are right, but {words}.",)) if words else None


def _measured(task: Task, column: Column, name: str, seen: list[Seen]) -> Hint | None:
    cases = [s.case for s in seen]
    for sort, find in (("factor", by_a_factor), ("amount", by_an_amount)):
        if words := find(task, column, name, cases):
            return Hint("sign" if "wrong sign" in words else sort, (f"Hint: {words}",))
    return None


def _gathered(task: Task, column: Column, name: str, seen: list[Seen]) -> Hint | None:
    for find in (gathered, cut, placed):
        if words := find(column, task.same, name):
            return Hint("place", (f"Hint: {words}",))
    return None


def _elementwise(task: Task, column: Column, name: str, seen: list[Seen]) -> Hint | None:
    """Name a function of which the results are the right ones' values: a root, a logarithm, ..."""
    if name.endswith(".grad") or any(g.shape != e.shape for g, e in column):
        return None
    for words, function in FUNCTIONS.items():
        if ("axis" in words or "place" in words) and any(e.ndim < 1 for _, e in column):
            continue
        if all(task.same(g, function(e)) for g, e in column if e.numel()):
            return Hint("function", (f"Hint: in every case {name} is {words} what it should be.",))
    return None


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "the whole number nearest to": torch.round,
    "the number of E4M3 nearest to": lambda x: cast_e4m3(x.float()).double(),
    "the number of BF16 nearest to": lambda x: x.bfloat16().double(),
    "softmax over the last axis of": lambda x: x.softmax(-1),
    "the sum up to each place of": lambda x: x.cumsum(-1),
    "2 to the power of": lambda x: 2**x,
    "the logarithm to base 2 of": lambda x: x.log2(),
    "the share, within the last axis, of": lambda x: x / x.sum(-1, keepdim=True),
    "1 minus": lambda x: 1 - x,
    "1 divided by": lambda x: 1 / x,
    "the root of": lambda x: x.sqrt(),
    "the square of": lambda x: x.square(),
    "e to the power of": lambda x: x.exp(),
    "the logarithm of": lambda x: x.log(),
}


def _always(task: Task, column: Column, name: str, seen: list[Seen]) -> Hint | None:
    """Name the one number that every result is made of, whatever was given."""
    numbers = [g.flatten() for g, _ in column if g.numel()]
    if name.endswith(".grad") or not numbers or any((n != numbers[0][0]).any() for n in numbers):
        return None
    line = f"Hint: {name} is {numbers[0][0].item():.4g} in every case, whatever is given."
    return Hint("always", (line,))


def _verdicts(task: Task, columns: list[Column], names: list[str], seen: list[Seen]) -> Hint | None:
    cases = [s.case for s in seen]
    words = [one_sided(column, task.same, name, cases) for column, name in zip(columns, names)]
    lines = tuple(f"Hint: {line}" for line in words if line)
    return Hint("one-sided", lines) if len(lines) == len(columns) else None


def strict_or_generous(task: Task, seen: list[Seen]) -> Hint | None:
    """Say of verdicts on the fixed extremes that only ones, or only zeros, are given wrongly."""
    parts = [(numbers(s.got), numbers(s.expected)) for s in seen]
    if task.read or any(got is None or not expected or len(got) != len(expected) for got, expected in parts):
        return None
    columns = [[(g[i], e[i]) for g, e in parts] for i in range(len(parts[0][1]))]  # type: ignore[index,arg-type]
    wrong = [i for i, column in enumerate(columns) if not all(task.same(g, e) for g, e in column)]
    return _verdicts(task, [columns[i] for i in wrong], [task.returns[i] for i in wrong], seen)


def _gradient_alone(columns: list[Column], names: list[str]) -> Hint | None:
    """Say of a right result that its gradient is none, or another."""
    listed = " and ".join(name.removesuffix(".grad") for name in names)
    if all((g == 0).all() for column in columns for g, _ in column):
        line = f"Hint: the numbers are right, but no gradient comes back to {listed}. Where was it cut off?"
    else:
        line = (
            f"Hint: the numbers are right, but not the gradient of {listed}: something is held fixed that "
            "depends on it, or the other way round."
        )
    return Hint("gradient", (line,))
