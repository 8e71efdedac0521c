"""The checks that all configurations share; each raises ValueError that names the field and its value."""

import math
from dataclasses import fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from lessons_lib.arguments import listed


def require_whole(owner: object, *names: str, least: int = 1) -> None:
    """Refuse a named field that is not a whole number of at least `least`; None means "not there"."""
    for name in names:
        value = getattr(owner, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} must be a whole number, got {value!r}")
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
            if given not in choices:
                raise ValueError(f"{field.name} must be {listed(choices)}, got {given!r}")


def _choices(annotation: Any) -> tuple[str, ...]:
    """Return what the `Literal` in an annotation lists, which may stand in a union or a tuple."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(choice for part in get_args(annotation) for choice in _choices(part))


def require_above_zero(owner: object, *names: str) -> None:
    """Refuse a named number that is not above 0, or not finite."""
    for name in names:
        if not 0 < _number(owner, name) < math.inf:
            raise ValueError(f"{name} must be above 0 and finite, got {getattr(owner, name)}")


def require_not_negative(owner: object, *names: str) -> None:
    """Refuse a named number that is below 0, or not finite."""
    for name in names:
        if not 0 <= _number(owner, name) < math.inf:
            raise ValueError(f"{name} must be 0 or above and finite, got {getattr(owner, name)}")


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
            raise ValueError(f"{name} must be a tuple of one or more, got {value!r}")


def _number(owner: object, name: str) -> float:
    value = getattr(owner, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return value
