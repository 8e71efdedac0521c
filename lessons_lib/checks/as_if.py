"""Recognise results that are right for other arguments: one more, the first row alone, two exchanged.

Whoever takes `window` for `window + 1`, or one width for another, computes the right thing of the wrong
numbers. So the reference is asked what is right for arguments changed as such slips change them.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercise import Case, Task, value_of
from lessons_lib.checks.generic import Hint, Seen
from lessons_lib.checks.limits import run_limited

SECONDS = (
    1.0  # for all of it: a reference may take long, or for ever, with arguments that it was not made for
)
Change = Callable[[Case], Case | None]  # None where this case has no such change

NUMBERS: dict[str, Callable[[Any], Any]] = {
    "{0} + 1": lambda n: n + 1,
    "{0} - 1": lambda n: n - 1,
    "2 * {0}": lambda n: 2 * n,
    "{0} / 2": lambda n: n // 2 if isinstance(n, int) else n / 2,
    "1 / {0}": lambda n: 1 / n,
    "-{0}": lambda n: -n,
    "{0} squared": lambda n: n * n,
    "the root of {0}": lambda n: n**0.5,
    "1": lambda n: type(n)(1),
    "0": lambda n: type(n)(0),
}
ORDER: dict[str, Callable[[Tensor], Tensor]] = {
    "{0} sorted along the last axis": lambda x: x.sort(-1).values,
    "{0} in reverse order along the last axis": lambda x: x.flip(-1),
    "the rows of {0} in reverse order": lambda x: x.flip(0),
    "the first row of {0} for every row": lambda x: _of_rows(x)[:1].expand_as(x).clone(),
    "the last row of {0} for every row": lambda x: _of_rows(x)[-1:].expand_as(x).clone(),
    "the first of axis 1 of {0} for all of it": lambda x: _of_rows(x)[:, :1].expand_as(x).clone(),
    "{0} moved on by one place along the last axis": lambda x: x.roll(1, -1),
    "{0} moved back by one place along the last axis": lambda x: x.roll(-1, -1),
    "{0} transposed": lambda x: x.transpose(-1, -2),
}
ARITHMETIC: dict[str, Callable[[Tensor], Tensor]] = {
    "-{0}": lambda x: -x,
    "2 * {0}": lambda x: 2 * x,
    "{0} / 2": lambda x: x / 2,
    "{0} times the root of its width": lambda x: x * x.shape[-1] ** 0.5,
    "{0} divided by the root of its width": lambda x: x / x.shape[-1] ** 0.5,
    "the numbers of {0} without their signs": lambda x: x.abs(),
    "{0} + 1": lambda x: x + 1,
    "{0} - 1": lambda x: x - 1,
    "1 - {0}": lambda x: 1 - x,
    "1 / {0}": lambda x: 1 / x,
    "the root of {0}": lambda x: x.sqrt(),
    "the square of {0}": lambda x: x.square(),
    "e to the power of {0}": lambda x: x.exp(),
    "the logarithm of {0}": lambda x: x.log(),
    "the softmax of {0} over the last axis": lambda x: x.softmax(-1),
    "the log-softmax of {0} over the last axis": lambda x: x.log_softmax(-1),
    "{0} divided by its sum over the last axis": lambda x: x / x.sum(-1, keepdim=True),
    "{0} less its mean over the last axis": lambda x: x - x.mean(-1, keepdim=True),
    "{0} / {0}.shape[1]": lambda x: x / x.shape[1],
    "{0} * {0}.shape[1]": lambda x: x * x.shape[1],
    "the mean of {0} over its last axis in every place": lambda x: x.mean(-1, keepdim=True).expand_as(x),
    "zeros": torch.zeros_like,
    "ones": torch.ones_like,
}
MASKS: dict[str, Callable[[Tensor], Tensor]] = {
    "a mask that is true everywhere": torch.ones_like,
    "a mask that is nowhere true": torch.zeros_like,
    "a mask that is true where {0} is false": lambda x: ~x,
}
TEXTS: dict[str, Callable[[str], str]] = {
    "{0} in small letters": str.lower,
    "{0} without the blanks around each": str.strip,
    "{0} without any blanks": lambda text: "".join(text.split()),
    "{0} with one blank for several": lambda text: " ".join(text.split()),
}


def as_if(task: Task, seen: list[Seen]) -> Hint | None:
    """Say for which other arguments all results are right; nothing for fewer than three wrong ones."""
    fine = [task.same(s.got, s.expected) for s in seen]
    if fine.count(False) < 3:
        return None
    ordered = [seen[i] for i in sorted(range(len(seen)), key=fine.__getitem__)]  # most end at the first

    def find() -> str | None:
        for sentence, change in _changes(seen[0].case):
            if all(_fits(task, change, s) for s in ordered):
                return sentence
        return None

    sentence = run_limited(find, SECONDS).value
    return Hint("as if", (f"Hint: {sentence}.",)) if sentence else None


def _fits(task: Task, change: Change, s: Seen) -> bool:
    try:
        other = change(s.case)
    except (RuntimeError, IndexError, ArithmeticError, TypeError, ValueError):  # no root, no such axis
        return False
    if other is None:
        return False
    right = value_of(task.oracle, other)
    return right is not None and task.same(s.got, right)


def _changes(case: Case) -> Iterator[tuple[str, Change]]:
    """Yield (sentence, change) for all that can be tried on arguments like these, the plainest first."""
    for a, b in combinations(case, 2):
        if _alike(case[a], case[b]):
            for one, other in ((a, b), (b, a)):
                yield f"your result would be right with {other} in place of {one}", _copy(one, other)
            yield f"your result would be right if {a} and {b} changed places", _exchange(a, b)
    for name, value in case.items():
        for words, function in _ways(value).items():
            yield (
                f"your result would be right with {words.format(name)} in place of {name}",
                _apply(name, function),
            )
        for other, rows in case.items():
            if type(value) is int and isinstance(rows, Tensor) and rows.ndim:
                quotient = f"len({other}) / {name}"
                yield f"your result would be right with {quotient} in place of {name}", _divide(other, name)


def _ways(value: Any) -> dict[str, Callable[[Any], Any]]:
    if isinstance(value, bool) or value is None:
        return {}
    if isinstance(value, (int, float)):
        return NUMBERS
    if isinstance(value, Tensor):
        if value.dtype == torch.bool:
            return MASKS
        return ARITHMETIC | ORDER if value.is_floating_point() else ORDER  # nobody doubles an id
    if isinstance(value, tuple) and value and all(isinstance(text, str) for text in value):
        return {words: _each(function) for words, function in TEXTS.items()}
    return {}


def _of_rows(x: Tensor) -> Tensor:
    if x.ndim < 2:
        raise ValueError("single numbers are no rows")
    return x


def _each(function: Callable[[str], str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    return lambda texts: tuple(map(function, texts))


def _apply(name: str, function: Callable[[Any], Any]) -> Change:
    return lambda case: case | {name: function(case[name])}


def _copy(one: str, other: str) -> Change:
    return lambda case: case | {one: case[other]} if _alike(case[one], case[other]) else None


def _exchange(a: str, b: str) -> Change:
    return lambda case: case | {a: case[b], b: case[a]} if _alike(case[a], case[b]) else None


def _divide(rows: str, name: str) -> Change:
    return lambda case: case | {name: len(case[rows]) // case[name]}


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and one.dtype == other.dtype
    return type(one) is type(other) and isinstance(one, (int, float)) and not isinstance(one, bool)
