"""Measured numbers in an output: shown behind the sign `≈`, and bounded in the same cell."""

from collections.abc import Iterable, Mapping

from lessons_lib.runs.approx import approx

__all__ = ["approx", "within"]

Bounds = tuple[float, float]


def within(table: Mapping[str, float | Iterable[float]], bounds: Mapping[str, Bounds]) -> bool:
    """Return True where every row of `table` lies within its (lowest, highest) of `bounds`.

    A row is a number or several, `Seeds` for example, each of which is bounded. Raises AssertionError,
    naming row, value and bounds, for a value outside or not a number, and for a row without bounds or
    bounds without a row: written as `assert within(...)`, it stops the cell that prints the table.
    """
    if unlike := [str(name) for name in {**table, **bounds} if not (name in table and name in bounds)]:
        raise AssertionError(f"not in both table and bounds: {', '.join(unlike)}")
    for name, row in table.items():
        low, high = bounds[name]
        values = list(row) if isinstance(row, Iterable) else [row]
        if not values:
            raise AssertionError(f"{name}: a row without values is within nothing")
        for value in map(float, values):
            if not low <= value <= high:
                raise AssertionError(f"{name}: {value:.6g} is not within {low:g} to {high:g}")
    return True
