"""The sign `≈`: a measured number, which differs from one processor to the next."""

import math


def approx(value: float, spec: str = ".3f", unit: str = "") -> str:
    """Return `value` behind the sign `≈`, as "≈0.843" or, with a unit, "≈-0.10 nats".

    The comparison of notebooks ignores the digits behind the sign, so an assert in the same cell bounds
    them. `nan` and `inf` come without it, because that they appear must not be ignored.
    """
    value = float(value)
    sign = "≈" if math.isfinite(value) else ""
    return f"{sign}{value:{spec}}" + (f" {unit}" if unit else "")
