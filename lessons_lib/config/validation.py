"""The checks that all configurations share; each raises ValueError that names the field and its value."""

import math


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


def require_above_zero(owner: object, *names: str) -> None:
    """Refuse a named number that is not above 0, or not finite."""
    for name in names:
        if not 0 < _number(owner, name) < math.inf:
            raise ValueError(f"{name} must be above 0 and finite, got {getattr(owner, name)}")


def require_not_negative(owner: object, *names: str) -> None:
    """Refuse a named number that is below 0, or not finite."""
    for name in names:
        if not 0 <= _number(owner, name) < math.inf:
            raise ValueError(f"{name} must be 0 or above, and finite, got {getattr(owner, name)}")


def require_shares(owner: object, *names: str) -> None:
    """Refuse a named number that is not between 0 and 1."""
    for name in names:
        if not 0 <= _number(owner, name) <= 1:
            raise ValueError(f"{name} must be between 0 and 1, got {getattr(owner, name)}")


def _number(owner: object, name: str) -> float:
    value = getattr(owner, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return value
