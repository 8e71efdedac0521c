"""The sign `≈`: a measured number, which differs from one processor to the next."""

import math


def approx(value: float, spec: str = ".3f", unit: str = "") -> str:
    """Return `value` behind the sign `≈`, as "≈0.843" or, with a unit, "≈-0.10 nats".

    The comparison of notebooks ignores the digits behind the sign, so an assert in the same cell bounds
    them. `nan` and `inf` come without it, because that they appear must not be ignored.
    """
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError
        value = float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise TypeError(f"a measured value is one number, got a {type(value).__name__}") from None
    for name, text in (("spec", spec), ("unit", unit)):
        if not isinstance(text, str):
            raise TypeError(f"{name} must be text, got {type(text).__name__}")
    try:
        f"{0.5:{spec}}"
    except ValueError:
        raise ValueError(f'spec must be a format of numbers, such as ".3f", got {spec!r:.40}') from None
    sign = "≈" if math.isfinite(value) else ""
    return f"{sign}{value:{spec}}" + (f" {unit}" if unit else "")
