"""Measured numbers in an output: shown behind the sign `≈`, and bounded in the same cell."""

from collections.abc import Iterable, Mapping
from typing import Any

from lessons_lib.runs.approx import approx
from lessons_lib.signatures import checked

__all__ = ["approx", "within"]


@checked()
def within(table: Mapping[Any, Any], bounds: Mapping[Any, Any]) -> bool:
    """Return True where every row of `table` lies within its (lowest, highest) of `bounds`.

    A row is a number or several, `Seeds` for example, each of which is bounded. Raises AssertionError,
    naming row, value and bounds, for a value outside or not a number, and for a row without bounds or
    bounds without a row: written as `assert within(...)`, it stops the cell that prints the table.
    """
    if unlike := [str(name) for name in {**table, **bounds} if not (name in table and name in bounds)]:
        raise AssertionError(f"not in both table and bounds: {', '.join(unlike)}")
    for name, row in table.items():
        if not (isinstance(bounds[name], Iterable) and len(list(bounds[name])) == 2):
            raise TypeError(f"{name}: bounds are a lowest and a highest number, got {bounds[name]!r:.60}")
        low, high = map(float, bounds[name])
        values = list(row) if isinstance(row, Iterable) and getattr(row, "shape", (1,)) != () else [row]
        if not values:
            raise AssertionError(f"{name}: a row without values is within nothing")
        for value in map(float, values):
            if not low <= value <= high:
                raise AssertionError(f"{name}: {value:.6g} is not within {low:g} to {high:g}")
    return True
