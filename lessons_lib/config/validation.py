"""The check that all configurations share."""


def require_positive(owner: object, *names: str) -> None:
    """Raise ValueError if one of the named whole numbers is below 1; None means "not there"."""
    for name in names:
        value = getattr(owner, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} must be a whole number, got {value!r}")
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
