"""Say of wrong numbers by which factor, or by which amount, they are too large, and what that is made of."""

from collections.abc import Iterator
from itertools import combinations

import torch
from torch import Tensor

from lessons_lib.checks.exercise import Case, Task
from lessons_lib.checks.features import Feature, sizes_and_numbers, with_counts
from lessons_lib.checks.shapes import Column

FACTORS = (1, 2, 3, 4, 6)  # that stand before a product of arguments


def by_a_factor(task: Task, column: Column, name: str, cases: list[Case]) -> str | None:
    """Name one factor of all results, a number or a size or the root or the quotient of sizes."""
    if any(g.shape != e.shape for g, e in column):
        return None
    factors = [_ratio(g, e) for g, e in column]
    known = [f for f in factors if f is not None]
    if len(known) < len(column) / 2 or not all(
        task.same(g, e * f) if f is not None else task.same(g, e)
        for (g, e), f in zip(column, factors, strict=True)
    ):
        return None
    first = known[0]
    if all(abs(f - first) <= 10 * task.tolerance * abs(first) for f in known):
        if abs(first) <= 1e-12 or abs(first - 1) <= 10 * task.tolerance:
            return None
        if abs(first + 1) <= 10 * task.tolerance:
            return f"{name} has the right size and the wrong sign, in every case."
        return f"in every case {name} is {first:.4g} times what it should be. Which factor is that?"
    rows = [with_counts(case) for case in cases]
    if len({len(row) for row in rows}) > 1:
        return None
    pairs = [(f, row) for f, row in zip(factors, rows, strict=True) if f is not None]
    for n, feature in enumerate(rows[0]):
        for words, power in (("", 1.0), ("the root of ", 0.5), ("the square of ", 2.0)):
            for way, sign in (("large", 1), ("small", -1)):
                if all(_is(f, row[n].value, sign * power, task.tolerance) for f, row in pairs):
                    return f"in every case {name} is too {way} by a factor: {words}{feature.words}."
    for a, b in combinations(range(len(rows[0])), 2):
        for one, other in ((a, b), (b, a)):
            if all(_is_quotient(f, row[one].value, row[other].value, task.tolerance) for f, row in pairs):
                what = f"{rows[0][one].words} / {rows[0][other].words}"
                return f"in every case {name} is what it should be times {what}."
    return None


def _is(ratio: float, value: float, power: float, tolerance: float) -> bool:
    return value > 0 and abs(ratio - value**power) <= 10 * tolerance * value**power


def _is_quotient(ratio: float, one: float, other: float, tolerance: float) -> bool:
    return other > 0 and _is(ratio, one / other, 1.0, tolerance)


def _ratio(got: Tensor, expected: Tensor) -> float | None:
    """Return got / expected where expected is largest; None where all of it is nothing."""
    if not expected.numel() or not expected.abs().max() > 1e-9:
        return None
    at = expected.abs().flatten().argmax()
    return (got.flatten()[at] / expected.flatten()[at]).item()


def by_an_amount(task: Task, column: Column, name: str, cases: list[Case]) -> str | None:
    """Name what was added to all results, or left out: a number, an argument, a product of arguments."""
    if any(g.shape != e.shape or not g.numel() for g, e in column):
        return None
    amounts = [(g - e).flatten()[0] for g, e in column]
    if not all(a.isfinite() for a in amounts):
        return None
    if all(task.same(g, e + a) for (g, e), a in zip(column, amounts)):
        first = amounts[0]
        if all(task.same(g, e + first) for g, e in column):
            way = "large" if first > 0 else "small"
            return f"every number of {name} is too {way} by {first.abs().item():.4g}."
        if words := _product(column, name, [a.item() for a in amounts], cases):
            return words
    rest = [(g + e).flatten()[0] for g, e in column]
    if all(task.same(g, r - e) for (g, e), r in zip(column, rest)):
        rows = [sizes_and_numbers(case) for case in cases]
        for n, feature in enumerate(rows[0]):
            if all(len(row) > n and abs(row[n].value - r) <= 1e-6 for row, r in zip(rows, rest)):
                return f"in every case {name} is {feature.words} less what it should be."
    for argument, value in cases[0].items():
        if not isinstance(value, Tensor) or any(
            c[argument].shape != e.shape for c, (_, e) in zip(cases, column)
        ):
            continue
        for sign, way in ((1, "large"), (-1, "small")):
            if all(task.same(g, e + sign * c[argument].double()) for c, (g, e) in zip(cases, column)):
                return f"{name} is too {way} by {argument} in every case."
    return None


def _product(column: Column, name: str, amounts: list[float], cases: list[Case]) -> str | None:
    """Name a product of up to four arguments, perhaps with a small whole factor, that is the difference."""
    rows = [[f for f in sizes_and_numbers(case) if "shape" not in f.words] for case in cases]
    if len({len(row) for row in rows}) > 1:
        return None
    sizes = [float(torch.maximum(g.abs().max(), e.abs().max())) for g, e in column]
    for places in _subsets(rows[0]):
        products = [1.0] * len(rows)
        for i, row in enumerate(rows):
            for n in places:
                products[i] *= row[n].value
        for factor in FACTORS:
            for sign, way in ((1, "large"), (-1, "small")):
                if all(
                    abs(a - sign * factor * p) <= 1e-9 * size + 1e-6 * abs(a)
                    for a, p, size in zip(amounts, products, sizes)
                ):
                    words = " * ".join([str(factor)] * (factor > 1) + [rows[0][n].words for n in places])
                    return f"in every case {name} is too {way} by {words}."
    return None


def _subsets(features: list[Feature]) -> Iterator[tuple[int, ...]]:
    for size in range(1, 5):
        yield from combinations(range(len(features)), size)
