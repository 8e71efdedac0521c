"""Check the tensors that a public function is handed: a wrong shape must not give a wrong number.

Two ideas:
  letters  a tensor's axes are named, as in the docstrings; a name that stands twice has one size:
           @takes(q="float batch heads query width", k="float batch heads key width")
           refuses keys of another width than the queries', and says which width each has;
  once     the check stands in front of the function, not in its lines, and reads shapes only. Shapes and
           types that fitted before are looked up: half a microsecond a tensor, nothing beside the arithmetic.

An axis is a name, a number (exactly that size), `self.NAME` (the size that a method's object has), `_` (any
size), or `...` in front (any number of axes). A kind may come first: float, whole (integers), bool, mask
(bool, or 0 and 1 of any type), number (float or whole). None passes where it is the parameter's default.
What torch itself refuses since types or devices differ is told in a sentence, too: whose they are.
"""

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")
Rule = tuple[str, bool, tuple[str, ...]]  # kind, whether leading axes are free, names of the axes

WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
KINDS: dict[str, tuple[str, Callable[[torch.dtype], bool]]] = {
    "float": ("floating-point numbers", lambda dtype: dtype.is_floating_point),
    "whole": ("whole numbers", lambda dtype: dtype in WHOLE),
    "bool": ("True or False", lambda dtype: dtype == torch.bool),
    "number": ("real numbers", lambda dtype: not dtype.is_complex and dtype != torch.bool),
    "mask": ("True or False, or 1 and 0", lambda dtype: not dtype.is_complex),
}
REMEMBERED = 4096  # combinations of shapes that a function keeps in mind
_MISSING = object()


def takes(**specs: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that refuses tensors which do not fit `specs`: {parameter: "kind axis axis ..."}.

    Raises TypeError for what is no tensor or holds numbers of another kind, ValueError for a shape.
    """
    return _decorator(specs, late=False)


def takes_late(**specs: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the same, which looks only once the function has failed: for one that surely fails of itself."""
    return _decorator(specs, late=True)


def _decorator(specs: dict[str, str], late: bool) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters
        places = [(list(parameters).index(name), name) for name in specs]
        optional = {name for name in specs if parameters[name].default is None}
        rules = {name: _parsed(spec) for name, spec in specs.items()}
        own = {axis for _, _, axes in rules.values() for axis in axes if axis.startswith("self.")}
        sizes_of = operator.attrgetter(*sorted(axis[5:] for axis in own)) if own else None
        title = function.__qualname__.rpartition("<locals>.")[2].strip("_")
        fitted: set[Any] = set()  # what has passed: shapes, types, sizes of the object

        def check(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            sizes = {axis: (operator.attrgetter(axis[5:])(args[0]), "") for axis in own}
            for place, name in places:
                value: Any = args[place] if place < len(args) else kwargs.get(name, _MISSING)
                if value is _MISSING or (value is None and name in optional):
                    continue
                kind, open_ended, axes = rules[name]
                if not isinstance(value, Tensor):
                    shape = _axes(open_ended, axes)
                    raise TypeError(f"{title}: {name} must be a tensor{shape}, got {shown(value)}")
                if kind and not KINDS[kind][1](value.dtype):
                    raise TypeError(f"{title}: {name} must hold {KINDS[kind][0]}, got {_dtype(value)}")
                _fit(title, name, value.shape, rules[name], sizes)

        @functools.wraps(function)
        def checked_late(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except (RuntimeError, AttributeError, IndexError, TypeError) as error:
                check(args, kwargs)
                _explain(title, dict(zip(parameters, args)) | kwargs, error)
                raise

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            given: list[Any] = [sizes_of(args[0])] if sizes_of else []
            for place, name in places:
                value: Any = args[place] if place < len(args) else kwargs.get(name, _MISSING)
                is_tensor = isinstance(value, Tensor)
                given += (value.shape, value.dtype) if is_tensor else (value is None, value is _MISSING)
            key = tuple(given)
            if key not in fitted:
                check(args, kwargs)
                if len(fitted) >= REMEMBERED:
                    fitted.clear()
                fitted.add(key)
            try:
                return function(*args, **kwargs)
            except (RuntimeError, IndexError) as error:
                _explain(title, dict(zip(parameters, args)) | kwargs, error)
                raise

        return checked_late if late else checked

    return decorate


def _explain(title: str, given: dict[str, Any], error: Exception) -> None:
    """Raise TypeError for a tensor that is no ordinary one, or if types or devices are several."""
    for name, value in given.items():
        if isinstance(value, Tensor) and (odd := _odd(value)):
            raise TypeError(f"{title}: {name} must be an ordinary tensor, got {odd}") from error
    if not any(words in str(error) for words in ("dtype", "scalar type", "same device", "same type")):
        return
    tensors = {n: t for n, t in given.items() if isinstance(t, Tensor) and t.is_floating_point()}
    if isinstance(layer := given.get("self"), torch.nn.Module):
        tensors |= {f"its {name}": weight for name, weight in layer.named_parameters()}
    for what in ("dtype", "device"):
        found = {str(getattr(t, what)).removeprefix("torch."): name for name, t in tensors.items()}
        if len(found) > 1:
            whose = ", ".join(f"{name} has {value}" for value, name in found.items())
            raise TypeError(f"{title}: one {what} is needed for all, but {whose}") from error


def _odd(x: Tensor) -> str:
    """Say in words what is unusual about a tensor, as much as hardly anything can be computed of it."""
    if x.layout != torch.strided:
        return "a sparse one"
    if x.is_meta:
        return "one without numbers, on the device meta"
    return f"whole numbers of few bits, {_dtype(x)}" if x.dtype in WHOLE[2:] else ""


def _parsed(spec: str) -> Rule:
    """Return kind ("" for any), whether leading axes are free, and the names of the axes."""
    words = spec.split()
    kind = words.pop(0) if words and words[0] in KINDS else ""
    open_ended = bool(words) and words[0] == "..."
    return kind, open_ended, tuple(words[1:] if open_ended else words)


def _fit(title: str, name: str, shape: torch.Size, rule: Rule, sizes: dict[str, tuple[int, str]]) -> None:
    """Raise ValueError unless `shape` has these axes; note the size and owner of each in `sizes`."""
    _, open_ended, axes = rule
    n_free = len(shape) - len(axes)
    if n_free < 0 or (n_free and not open_ended):
        raise ValueError(f"{title}: {name} must have shape{_axes(open_ended, axes)}, got {tuple(shape)}")
    for axis, size in zip(axes, shape[n_free:] if n_free else shape):
        if axis == "_":
            continue
        known = (int(axis), "") if axis.isdecimal() else sizes.setdefault(axis, (size, name))
        if known[0] != size:
            named = not axis.isdecimal()
            where = f" in {known[1] or 'the object called'}" if named else ""
            raise ValueError(
                f"{title}: {name} of shape {tuple(shape)}, which is{_axes(open_ended, axes)}, has "
                f"{axis.removeprefix('self.') if named else 'an axis of'} {size}, but it is {known[0]}{where}"
            )


def _axes(open_ended: bool, axes: tuple[str, ...]) -> str:
    """Return ` (batch, heads, width)`, as docstrings write it."""
    names = (["..."] if open_ended else []) + [axis.removeprefix("self.") for axis in axes]
    return f" ({', '.join(names)}{',' if len(names) == 1 else ''})"


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def shown(value: Any) -> str:
    """Return a value's type and the beginning of its text, in one line."""
    return f"{type(value).__name__} {text(value)}"


def text(value: Any) -> str:
    """Return the beginning of what `repr` says of a value, in one line."""
    return f"{' '.join(repr(value).split()):.60}"
