"""The checks that all configurations share; each raises ValueError that names the field and its value."""

import math
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from lessons_lib.arguments import listed
from lessons_lib.axes import text


def require_whole(owner: object, *names: str, least: int = 1) -> None:
    """Refuse a named field that is not a whole number of at least `least`; None means "not there"."""
    for name in names:
        value = getattr(owner, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} must be a whole number, got {text(value)}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def require_choices(owner: Any) -> None:
    """Refuse a value that its field's `Literal` does not list; a tuple's values are checked one by one."""
    for field in fields(owner):
        choices = _choices(field.type)
        value = getattr(owner, field.name)
        if not choices or (value is None and NoneType in get_args(field.type)):
            continue
        for given in value if isinstance(value, tuple) else (value,):
            if not isinstance(given, str) or given not in choices:
                raise ValueError(f"{field.name} must be {listed(choices)}, got {text(given)}")


def require_types(owner: Any) -> None:
    """Refuse a value of another type than its field's annotation has; then what `require_choices` refuses.

    Numbers are left to the checks that know their range, and a whole number serves as any number.
    """
    for field in fields(owner):
        value = getattr(owner, field.name)
        if not _fits(value, field.type):
            raise ValueError(f"{field.name} must be {_named(field.type)}, got {text(value)}")
    require_choices(owner)


def _fits(value: Any, annotation: Any) -> bool:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        each = parts[:1] * len(value) if isinstance(value, tuple) and parts[-1] is ... else parts
        return isinstance(value, tuple) and len(value) == len(each) and all(map(_fits, value, each))
    if annotation in (int, float):
        return value is not None  # its range is checked elsewhere, and its type there
    return origin is Literal or isinstance(value, annotation)


def _named(annotation: Any) -> str:
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_named(part) for part in get_args(annotation))
    if get_origin(annotation) is tuple:
        first, *others = get_args(annotation)
        many = "" if others == [...] else f"{len(others) + 1} "
        each = _named(first).removeprefix("a ")
        return f"a tuple of {many}{each.replace('tuple', 'tuples') if 'tuple' in each else f'{each}s'}"
    if annotation is NoneType:
        return "None"
    plain = {bool: "True or False", int: "a whole number", float: "a number"}
    return plain.get(annotation) or f"a {getattr(annotation, '__name__', annotation)}"


def _choices(annotation: Any) -> tuple[str, ...]:
    """Return what the `Literal` in an annotation lists, which may stand in a union or a tuple."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(choice for part in get_args(annotation) for choice in _choices(part))


def require_above_zero(owner: object, *names: str, bound: float = 0) -> None:
    """Refuse a named number that is not above 0, or another bound, or not finite."""
    for name in names:
        if not bound < _number(owner, name) < math.inf:
            raise ValueError(f"{name} must be above {bound} and finite, got {getattr(owner, name)}")


def require_not_negative(owner: object, *names: str) -> None:
    """Refuse a named number that is below 0, or not finite."""
    for name in names:
        if not 0 <= _number(owner, name) < math.inf:
            raise ValueError(f"{name} must be 0 or above and finite, got {getattr(owner, name)}")


def require_at_least(owner: object, least: float, *names: str) -> None:
    """Refuse a named number that is below `least`, or not finite; None means "not there"."""
    for name in names:
        if getattr(owner, name) is not None and not least <= _number(owner, name) < math.inf:
            raise ValueError(f"{name} must be at least {least} and finite, got {getattr(owner, name)}")


def require_shares(owner: object, *names: str) -> None:
    """Refuse a named number that is not between 0 and 1."""
    for name in names:
        if not 0 <= _number(owner, name) <= 1:
            raise ValueError(f"{name} must be between 0 and 1, got {getattr(owner, name)}")


def require_finite(owner: object, *names: str) -> None:
    """Refuse a named number that is infinite or not a number."""
    for name in names:
        if not math.isfinite(_number(owner, name)):
            raise ValueError(f"{name} must be finite, got {getattr(owner, name)}")


def require_some(owner: object, *names: str) -> None:
    """Refuse a named tuple that is empty, or anything else in its place; None means "not there"."""
    for name in names:
        value = getattr(owner, name)
        if value is not None and not (isinstance(value, tuple) and value):
            raise ValueError(f"{name} must be a tuple of one or more, got {text(value)}")


def _number(owner: object, name: str) -> float:
    value = getattr(owner, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, got {text(value)}")
    return value
