"""Check what else a public function is handed: whole numbers, numbers, choices, things of a class.

Each function takes the values by their names, which stand in the sentence: `whole(k=k)`,
`number(0, 1, share=x)`. Of tensors the axes are checked, by `takes` (`axes.py`).
"""

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.axes import shown, takes, takes_late, text

__all__ = ["choice", "instance", "listed", "number", "takes", "takes_late", "whole", "whole_ids"]

WORDS: dict[Any, str] = {
    int: "a whole number",
    bool: "True or False",
    type(None): "None",
    Callable: "a function",
}


def whole(least: int = 1, most: int | None = None, **named: Any) -> None:
    """Refuse a named value that is no whole number, or not between `least` and `most`."""
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, got {text(value)}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
        if most is not None and value > most:
            raise ValueError(f"{name} must be at most {most}, got {text(value)}")
        if value >= 2**63:
            raise ValueError(f"{name} must be below 2**63, got a number of {value.bit_length()} bits")


def number(
    least: float = -math.inf, most: float = math.inf, *, above: float | None = None, **named: Any
) -> None:
    """Refuse a named value that is no finite number between `least` and `most`, and above `above`."""
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{name} must be a number, got {text(value)}")
        if isinstance(value, int) and abs(value) > 10**300:
            raise ValueError(f"{name} must be below 1e300 in size, got a number of {value.bit_length()} bits")
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
        if above is not None and value <= above:
            raise ValueError(f"{name} must be above {above:g}, got {value}")
        if not least <= value <= most:
            side = f"at least {least:g}" if value < least else f"at most {most:g}"
            raise ValueError(f"{name} must be {side}, got {value}")


def instance(kind: Any, **named: Any) -> None:
    """Refuse a named value that is not of this class, or of one of these."""
    for name, value in named.items():
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            known = " or ".join(WORDS.get(one) or f"a {one.__name__}" for one in kinds)
            raise TypeError(f"{name} must be {known}, got {shown(value)}")


def choice(known: Iterable[str], **named: Any) -> None:
    """Refuse a named value that is not among `known`, which the message lists."""
    known = tuple(known)
    for name, value in named.items():
        if not (isinstance(value, str) and value in known):
            raise ValueError(f"{name} must be {listed(known)}, got {text(value)}")


def listed(choices: Iterable[str]) -> str:
    """Return `"a", "b" or "c"`."""
    *first, last = (f'"{choice}"' for choice in choices)
    return f"{', '.join(first)} or {last}" if first else last


def whole_ids(ids: Iterable[Any], below: int, of: str) -> list[int]:
    """Return whole numbers from 0 to `below` - 1, of a list or a 1-D tensor, as a list.

    `of` says whose they are, for example "this vocabulary". A number with a fraction is refused, not cut off.
    """
    if isinstance(ids, Tensor):
        if ids.ndim != 1 or ids.dtype.is_floating_point or ids.dtype in (torch.bool, torch.complex64):
            raise TypeError(
                f"ids must be whole numbers in one row, got {ids.dtype} of shape {tuple(ids.shape)}"
            )
        ids = ids.tolist()
    if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable):
        raise TypeError(f"ids must be a list or a 1-D tensor of whole numbers, got {ids!r:.60}")
    found = []
    for position, given in enumerate(ids):
        try:
            number = operator.index(given)
        except (TypeError, ValueError):
            number = None
        if number is None or isinstance(given, bool):
            raise TypeError(f"id {given!r:.60} at position {position} is no whole number")
        if not 0 <= number < below:
            raise ValueError(f"id {number} at position {position} is outside {of} of {below} tokens")
        found.append(number)
    return found
