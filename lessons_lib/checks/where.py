"""Say where results are right, where wrong: in which cases, at which numbers, in which extremes."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.compare import numbers
from lessons_lib.checks.exercise import Case, Task
from lessons_lib.checks.features import sizes_and_numbers
from lessons_lib.checks.generic import Hint, Seen

ENOUGH = 8  # single results on either side of a bound: by chance it holds once in thousands


def where_it_is_right(cases: list[Case], right: list[bool]) -> Hint | None:
    """Name what all cases with a right result have in common, and no other has."""
    if min(sum(right), len(right) - sum(right)) < 4:
        return None
    rows = [sizes_and_numbers(case) for case in cases]
    if len({len(row) for row in rows}) > 1:
        return None
    for n, feature in enumerate(rows[0]):
        values = {row[n].value for row, fine in zip(rows, right, strict=True) if fine}
        if len(values) == 1 and all(
            (row[n].value in values) == fine for row, fine in zip(rows, right, strict=True)
        ):
            (value,) = values
            return _conditional(f"{feature.words} is {value:.4g}", right)
    for a, b in combinations(range(len(rows[0])), 2):
        one, other = rows[0][a], rows[0][b]
        if one.whole and other.whole and all(
            (row[a].value == row[b].value) == fine for row, fine in zip(rows, right, strict=True)
        ):  # fmt: skip
            return _conditional(f"{one.words} equals {other.words}", right)
    return None


def _conditional(condition: str, right: list[bool]) -> Hint:
    line = f"Hint: in {len(right)} cases your result was right exactly where {condition}."
    return Hint("condition", (line,))


def beyond(task: Task, seen: list[Seen]) -> Hint | None:
    """Name a bound on one side of which every single number is right, and on the other every one wrong."""
    if task.observe or task.read or isinstance(seen[0].expected, (tuple, list)):
        return None
    parts = [(numbers(s.got), numbers(s.expected)) for s in seen]
    if any(g is None or e is None or g[0].shape != e[0].shape for g, e in parts):
        return None
    pairs = [(g[0], e[0]) for g, e in parts]  # type: ignore[index]
    wrong = torch.cat([_wrong(task, g, e).flatten() for g, e in pairs])
    if min(int(wrong.sum()), int((~wrong).sum())) < ENOUGH / 2:
        return None
    for words, values in _measures(task, seen, [e for _, e in pairs]):
        if len(values) == len(wrong) and bool(values.isfinite().all()):
            for said, x in ((words, values), (f"the size of {words}", values.abs())):
                if sentence := _split(said, x, wrong):
                    return Hint("beyond", (f"Hint: {sentence}.",))
    return None


def _wrong(task: Task, got: Tensor, expected: Tensor) -> Tensor:
    flat = zip(got.flatten(), expected.flatten())
    return torch.tensor([not task.same(g, e) for g, e in flat], dtype=torch.bool).reshape(expected.shape)


def _measures(task: Task, seen: list[Seen], expected: list[Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield (words, one number for each single result): the right one, an argument's beside it."""
    yield f"what {task.returns[0]} should be", torch.cat([e.flatten() for e in expected])
    for name, value in seen[0].case.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            each = [torch.full(e.shape, float(s.case[name])) for s, e in zip(seen, expected)]
            yield name, torch.cat([x.flatten() for x in each]).double()
        elif isinstance(value, Tensor) and all(s.case[name].shape == e.shape for s, e in zip(seen, expected)):
            yield f"its number in {name}", torch.cat([s.case[name].flatten().double() for s in seen])


def _split(words: str, values: Tensor, wrong: Tensor) -> str | None:
    bad, good = values[wrong], values[~wrong]
    for value in (bad[0], good[0]):
        if bool(((values == value) == wrong).all()):
            return f"your result is wrong exactly where {words} is {value.item() + 0.0:.4g}"
        if bool(((values == value) != wrong).all()):
            if value == 0 and words.startswith("what "):
                return "only what should be 0 is right: the rest is off, and not by one factor"
            return f"your result is right only where {words} is {value.item() + 0.0:.4g}"
    if min(len(bad), len(good)) < ENOUGH:
        return None
    if good.max() < bad.min():
        return f"your result is right where {words} is at most {good.max().item():.4g}, and wrong above"
    if bad.max() < good.min():
        return f"your result is right where {words} is at least {good.min().item():.4g}, and wrong below"
    return None


def in_extremes_only(names: list[str], right: list[bool], draws: int) -> Hint:
    """Say that all draws were right, and in which of the extremes the result is not."""
    bad = [name for name, fine in zip(names, right, strict=True) if not fine]
    listed = "; ".join(bad[:3]) + ("; ..." if len(bad) > 3 else "")
    line = f"Hint: {draws} drawn cases came out right. What is special here: {listed}."
    return Hint("extreme", (line,))


def some_parts(task: Task, seen: list[Seen]) -> Hint | None:
    """Name the parts of a result that are right in every case, where others are not."""
    parts = [(numbers(s.got), numbers(s.expected)) for s in seen]
    if task.read or not isinstance(seen[0].expected, tuple):
        return None
    if any(g is None or e is None or len(g) != len(e) for g, e in parts):
        return None
    columns = zip(*(list(zip(g, e)) for g, e in parts))  # type: ignore[arg-type]
    fine = [all(task.same(g, e) for g, e in column) for column in columns]
    right = [name for name, is_right in zip(task.returns, fine) if is_right]
    wrong = [name for name in task.returns if name not in right]
    if not right or not wrong:
        return None
    line = f"Hint: right in every case: {' and '.join(right)}. Wrong: {' and '.join(wrong)}."
    return Hint("part", (line,))


def one_way(task: Task, seen: list[Seen]) -> Hint | None:
    """Say of single numbers that they are never too small, or never too large; or all nearly right."""
    parts = [(numbers(s.got), numbers(s.expected)) for s in seen]
    names = task.returns if task.read is None else (task.read_as,)
    for i, name in enumerate(names):
        column: list[tuple[Any, Any]] = [(g[i], e[i]) for g, e in parts if g and e and len(g) == len(e) > i]
        if len(column) < len(seen) or any(g.shape != e.shape for g, e in column):
            return None
        if all(task.same(g, e) for g, e in column):
            continue
        if not all(bool(((g - e).abs() <= 0.02 * e.abs()).all()) for g, e in column):
            return _sided(task, name, column)
        line = f"Hint: {name} is nearly right, by 2 % or less. What is rounded, added or left out on the way?"
        return Hint("nearly", (line,))
    return None


def _sided(task: Task, name: str, column: list[tuple[Tensor, Tensor]]) -> Hint | None:
    off = torch.cat([torch.where(_wrong(task, g, e), g - e, 0 * e).flatten() for g, e in column])
    if bool(off.isnan().any()) or int((off != 0).sum()) < ENOUGH:
        return None
    large, small = bool((off > 0).any()), bool((off < 0).any())
    if large == small:
        return None
    n, way = int((off != 0).sum()), "large" if large else "small"
    share = "all" if n == len(off) else f"{n} of {len(off)}"
    right = torch.cat([e.flatten() for _, e in column])[off != 0]
    times = 1 + off[off != 0] / right
    much = (
        ""
        if bool((right <= 0).any() or (times < 0).any())
        else f": {_between(times)} times what they should be"
    )
    rest = "" if n == len(off) else "; the others are right"
    return Hint("sided", (f"Hint: {share} numbers of {name} are too {way}{much}{rest}.",))


def _between(x: Tensor) -> str:
    least, most = f"{x.min():.4g}", f"{x.max():.4g}"
    return least if least == most else f"{least} to {most}"
