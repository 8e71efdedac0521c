"""Judge more of a function than what it returns: a gradient, the cache that it leaves, how often it asked.

An exercise's `observe(function)` returns a function that gives (what was returned, what else was seen, ...).
What was returned may be a tuple itself; the oracle gives all parts in one.
"""

from collections.abc import Callable
from typing import Any

from lessons_lib.checks.compare import as_asked, find_type_fault

Observe = Callable[[Callable[..., Any]], Callable[..., tuple[Any, ...]]]


def all_parts(observe: Observe, function: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    """Return a function that gives in one tuple what `function` returns and what is observed of it."""
    observed = observe(function)
    return lambda *arguments: in_one(observed(*arguments))


def in_one(result: tuple[Any, ...]) -> tuple[Any, ...]:
    """Put what was returned and what was seen into one tuple."""
    returned, *seen = result
    return (*returned, *seen) if isinstance(returned, (tuple, list)) else (returned, *seen)


def find_returned_fault(
    result: tuple[Any, ...], expected: tuple[Any, ...], names: tuple[str, ...]
) -> tuple[str, str] | None:
    """Find a wrong type or shape of what was returned: the rest is nothing that a reader should return."""
    returned, *seen = result
    n = len(expected) - len(seen)
    returned = as_asked(returned, expected[:n] if n > 1 else expected[0], tensors=True)
    return find_type_fault(returned, expected[:n] if n > 1 else expected[0], names[:n])
