"""Compare what a reader's function returned with what it should have returned.

Type first, then shape, then values, as a person would debug. A value passes when it lies within the
tolerance; the test is written so that NaN, which is within nothing, fails.
"""

from typing import Any

import torch
from torch import Tensor

# Cases hold numbers of about 1 in float32, whose rounding, summed over a dozen terms, stays below
# 1e-5. The mistakes that we look for move some value by more than 1e-2 (`Exercise.margin`).
TOLERANCE = 1e-4


def find_type_fault(got: Any, expected: Any, names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return (kind, one sentence) if `got` has not the type and shape of `expected`, or None.

    `expected` is a tensor, a whole number, or a tuple of them, whose parts are called `names`.
    """
    if isinstance(expected, tuple):
        wanted = f"{_listed(names)} (in this order)"
        if not isinstance(got, (tuple, list)):
            return "wrong type", f"It should return {wanted}, and returned {_kind(got)}"
        if len(got) != len(expected):
            return "wrong type", f"It should return {wanted}, and returned {len(got)} things"
    for kind, find in (("wrong type", _type_fault), ("wrong shape", _shape_fault)):
        for one, wanted, name in _parts(got, expected, names):
            sentence = find(one, wanted, name)
            if sentence:
                return kind, sentence
    return None


def find_value_fault(
    got: Any, expected: Any, names: tuple[str, ...], tolerance: float = TOLERANCE
) -> tuple[str, str] | None:
    """Return ("wrong value", one sentence with both numbers) for the first that differs, or None."""
    for one, wanted, name in _parts(got, expected, names):
        theirs, ours = _as_float64(one), _as_float64(wanted)
        if theirs is None or ours is None:
            raise TypeError(f"{name} is compared with something that is no number")  # types come before
        bound = tolerance * (1 + ours.abs()) if isinstance(wanted, Tensor) else 0.5
        wrong = ~((theirs - ours).abs() <= bound)  # this way round, so that NaN is wrong
        if wrong.any():
            where = tuple(wrong.nonzero()[0].tolist())  # () for a single number
            place = f"{name}[{', '.join(map(str, where))}]" if where else name
            digits = ".4g" if isinstance(wanted, Tensor) else ".15g"
            if f"{theirs[where]:{digits}}" == f"{ours[where]:{digits}}":
                digits = ".10g"
            sentence = f"{place} is {theirs[where]:{digits}}, and should be {ours[where]:{digits}}"
            return "wrong value", sentence
    return None


def same(got: Any, expected: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two results agree in shape and values; here NaN equals NaN."""
    if isinstance(expected, tuple):
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            return False
        return all(same(g, e, tolerance) for g, e in zip(got, expected, strict=True))
    theirs, ours = _as_float64(got), _as_float64(expected)
    if theirs is None or ours is None or theirs.shape != ours.shape:
        return False
    return torch.allclose(theirs, ours, rtol=tolerance, atol=tolerance, equal_nan=True)


def _parts(got: Any, expected: Any, names: tuple[str, ...]) -> list[tuple[Any, Any, str]]:
    if not isinstance(expected, tuple):
        got, expected = (got,), (expected,)
    return list(zip(got, expected, names, strict=True))


def _type_fault(got: Any, expected: Any, name: str) -> str | None:
    if isinstance(expected, int):
        fine = _as_float64(got) is not None and not isinstance(got, bool)
        return None if fine else f"{name} should be a whole number, and is {_kind(got)}"
    if not isinstance(got, Tensor):
        return f"{name} should be a tensor, and is {_kind(got)}"
    if expected.is_floating_point():
        wanted, fine = "torch.float32 or torch.float64", got.dtype in (torch.float32, torch.float64)
    else:
        wanted, fine = "torch.int64", got.dtype in (torch.int64, torch.int32)
    if fine and _as_float64(got) is None:
        return f"{name} should be an ordinary tensor, with its numbers in memory"
    return None if fine else f"{name} should hold {wanted}, and holds {got.dtype}"


def _shape_fault(got: Any, expected: Any, name: str) -> str | None:
    wanted, shape = (tuple(x.shape) if isinstance(x, Tensor) else () for x in (expected, got))
    if shape == wanted:
        return None
    return f"{name} should have the shape {wanted}, and has {shape}"


def _as_float64(value: Any) -> Tensor | None:
    """Return numbers as an ordinary float64 tensor, None for what is not (real) numbers."""
    try:
        if isinstance(value, Tensor):
            return None if value.is_complex() else value.detach().to("cpu", torch.float64).to_dense()
        if hasattr(value, "__float__"):
            return torch.tensor(float(value), dtype=torch.float64)
    except (RuntimeError, NotImplementedError, TypeError, ValueError):  # meta tensors, odd types
        pass
    return None


def _kind(value: Any) -> str:
    """Name a value's type as a reader would: "None", "a list", "a numpy.ndarray"."""
    if value is None:
        return "None (is a return missing?)"
    kind = type(value)
    module = "" if kind.__module__ in ("builtins", "__main__") else kind.__module__ + "."
    name = "torch.Tensor" if kind is Tensor else module + kind.__qualname__
    more = "; torch.from_numpy makes a tensor of it" if name == "numpy.ndarray" else ""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}{more}"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]])
