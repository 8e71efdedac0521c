"""Check what a public function is handed, before it computes: a wrong shape must not give a wrong number.

Two ideas:
  letters  a tensor's axes are named, as in the docstrings; a name that stands twice has one size:
           @takes(q="float batch heads query width", k="float batch heads key width")
           refuses keys of another width than the queries', and says which width each has;
  once     the check stands in front of the function, not in its lines, and reads shapes only: about a
           microsecond a tensor, nothing beside the arithmetic.

An axis is a name, a number (exactly that size), `_` (any size), or `...` in front (any number of axes). A
kind may come first: float, whole (integers), bool, mask (bool, or 0 and 1 of any type), number (float or
whole). None passes where it is the parameter's default.
"""

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")

KINDS: dict[str, tuple[str, Callable[[torch.dtype], bool]]] = {
    "float": ("floating-point numbers", lambda dtype: dtype.is_floating_point),
    "whole": ("whole numbers", lambda dtype: not _inexact(dtype) and dtype != torch.bool),
    "bool": ("True or False", lambda dtype: dtype == torch.bool),
    "number": ("real numbers", lambda dtype: not dtype.is_complex and dtype != torch.bool),
    "mask": ("True or False, or 1 and 0", lambda dtype: not dtype.is_complex),
}
_MISSING = object()


def takes(**specs: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that refuses tensors which do not fit `specs`: {parameter: "kind axis axis ..."}.

    Raises TypeError for what is no tensor or holds numbers of another kind, ValueError for a shape.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters
        places = {name: place for place, name in enumerate(parameters)}
        rules = [
            (places[name], name, parameters[name].default is None, *_parsed(spec))
            for name, spec in specs.items()
        ]

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            sizes: dict[str, tuple[int, str]] = {}
            for place, name, optional, kind, open_ended, axes in rules:
                value: Any = args[place] if place < len(args) else kwargs.get(name, _MISSING)
                if value is _MISSING or (value is None and optional):
                    continue
                if not isinstance(value, Tensor):
                    raise TypeError(
                        f"{function.__name__}: {name} must be a tensor{_axes(open_ended, axes)}, "
                        f"got {type(value).__name__} {value!r:.60}"
                    )
                if kind and not KINDS[kind][1](value.dtype):
                    raise TypeError(
                        f"{function.__name__}: {name} must hold {KINDS[kind][0]}, got {_dtype(value)}"
                    )
                _fit(function.__name__, name, value.shape, open_ended, axes, sizes)
            return function(*args, **kwargs)

        return checked

    return decorate


def _parsed(spec: str) -> tuple[str, bool, tuple[str, ...]]:
    """Return kind ("" for any), whether leading axes are free, and the names of the axes."""
    words = spec.split()
    kind = words.pop(0) if words and words[0] in KINDS else ""
    open_ended = bool(words) and words[0] == "..."
    return kind, open_ended, tuple(words[1:] if open_ended else words)


def _fit(
    function: str,
    name: str,
    shape: torch.Size,
    open_ended: bool,
    axes: tuple[str, ...],
    sizes: dict[str, tuple[int, str]],
) -> None:
    """Raise ValueError unless `shape` has these axes; note the size and owner of each in `sizes`."""
    n_free = len(shape) - len(axes)
    if n_free < 0 or (n_free and not open_ended):
        raise ValueError(f"{function}: {name} must have shape{_axes(open_ended, axes)}, got {tuple(shape)}")
    for axis, size in zip(axes, shape[n_free:] if n_free else shape):
        if axis == "_":
            continue
        known = (int(axis), "") if axis.isdecimal() else sizes.setdefault(axis, (size, name))
        if known[0] != size:
            where = f" in {known[1]}" if known[1] else ""
            raise ValueError(
                f"{function}: {name} of shape {tuple(shape)}, which is{_axes(open_ended, axes)}, has "
                f"{axis if where else 'an axis of'} {size}, but it is {known[0]}{where}"
            )


def _axes(open_ended: bool, axes: tuple[str, ...]) -> str:
    """Return ` (batch, heads, width)`, as docstrings write it."""
    names = (["..."] if open_ended else []) + list(axes)
    return f" ({', '.join(names)}{',' if len(names) == 1 else ''})"


def _inexact(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point or dtype.is_complex


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def whole(least: int = 1, most: int | None = None, **named: Any) -> None:
    """Refuse a named value that is no whole number, or not between `least` and `most`."""
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, got {value!r}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
        if most is not None and value > most:
            raise ValueError(f"{name} must be at most {most}, got {value}")


def number(
    least: float = -math.inf, most: float = math.inf, *, above: float | None = None, **named: Any
) -> None:
    """Refuse a named value that is no finite number between `least` and `most`, and above `above`."""
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{name} must be a number, got {value!r}")
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
        if above is not None and value <= above:
            raise ValueError(f"{name} must be above {above:g}, got {value}")
        if not least <= value <= most:
            side = f"at least {least:g}" if value < least else f"at most {most:g}"
            raise ValueError(f"{name} must be {side}, got {value}")


def choice(known: Iterable[str], **named: Any) -> None:
    """Refuse a named value that is not among `known`, which the message lists."""
    known = tuple(known)
    for name, value in named.items():
        if value not in known:
            raise ValueError(f"{name} must be {listed(known)}, got {value!r}")


def listed(choices: Iterable[str]) -> str:
    """Return `"a", "b" or "c"`."""
    *first, last = (f'"{choice}"' for choice in choices)
    return f"{', '.join(first)} or {last}" if first else last
