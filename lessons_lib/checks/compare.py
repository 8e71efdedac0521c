"""Compare what a reader's function returned with what it should have returned.

Type first, then shape, then values, as a person would debug. A value passes when it lies within the
tolerance; the test is written so that NaN, which is within nothing, fails. Where one number is asked for,
a number of Python, a tensor of shape () and one of shape (1,) are all the same.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Cases hold numbers of about 1 in float32, whose rounding, summed over a dozen terms, stays below
# 1e-5. The mistakes that we look for move some value by more than 1e-2 (`Task.margin`).
TOLERANCE = 1e-4
SMALLEST = 0.05  # a result all of whose numbers are smaller is compared as if its largest were this large


@dataclass(frozen=True)
class Foreign:
    """Stands for a result that could not be brought here; `kind` names its type."""

    kind: str


def as_asked(got: Any, expected: Any, tensors: bool = False) -> Any:
    """Return `got` with one number in place of every form in which one number can be returned.

    With `tensors` only tensors: a number of Python has no gradient.
    """
    if isinstance(expected, tuple):
        if isinstance(got, Tensor) and got.ndim == 1 and all(isinstance(e, int) for e in expected):
            got = got.unbind()  # several whole numbers in one tensor
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            return got
        return tuple(as_asked(g, e, tensors) for g, e in zip(got, expected, strict=True))
    if isinstance(expected, Tensor) and expected.shape != ():
        return got
    if isinstance(got, Tensor):
        return got.reshape(()) if got.shape == (1,) else got
    if tensors:
        return got
    single = hasattr(got, "__float__") and getattr(got, "shape", ()) == ()
    if isinstance(expected, Tensor) and single and not isinstance(got, bool):
        number = _as_float64(got)  # a float, an int, a numpy number
        exact = number is not None and not expected.is_floating_point() and number == number.round()
        return got if number is None else number.long() if exact else number
    return got


def find_type_fault(got: Any, expected: Any, names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return (kind, one sentence) if `got` has not the type and shape of `expected`, or None.

    `expected` is a tensor, a whole number, or a tuple of them, whose parts are called `names`.
    """
    if isinstance(expected, tuple):
        wanted = f"{_listed(names)} (in this order)"
        if not isinstance(got, (tuple, list)):
            return "wrong type", f"It should return {wanted}, and returned {kind_of(got)}"
        if len(got) != len(expected):
            return "wrong type", f"It should return {wanted}, and returned {len(got)} things"
    for kind, find in (("wrong type", _type_fault), ("wrong shape", _shape_fault)):
        for one, wanted, name in _parts(got, expected, names):
            sentence = find(one, wanted, name)
            if sentence:
                return kind, sentence
    return None


def find_value_fault(
    got: Any,
    expected: Any,
    names: tuple[str, ...],
    tolerance: float = TOLERANCE,
    absolute: float | None = None,
) -> tuple[str, str] | None:
    """Return ("wrong value", one sentence with both numbers) for the first that differs, or None."""
    absolute = _size(expected) if absolute is None else absolute
    for one, wanted, name in _parts(got, expected, names):
        theirs, ours = _as_float64(one), _as_float64(wanted)
        if theirs is None or ours is None:
            raise TypeError(f"{name} is compared with something that is no number")  # types come before
        exact = not isinstance(wanted, Tensor)
        wrong = (theirs - ours).abs() > 0.5 if exact else ~_close(theirs, ours, tolerance, absolute)
        if wrong.any():
            where = tuple(wrong.nonzero()[0].tolist())  # () for a single number
            place = f"{name}[{', '.join(map(str, where))}]" if where else name
            digits = ".15g" if exact else ".4g"
            if f"{theirs[where]:{digits}}" == f"{ours[where]:{digits}}":
                digits = ".10g"
            sentence = f"{place} is {theirs[where]:{digits}}, and should be {ours[where]:{digits}}"
            return "wrong value", sentence
    return None


def same(got: Any, expected: Any, tolerance: float = TOLERANCE, absolute: float | None = None) -> bool:
    """Whether two results agree in shape and values; here NaN equals NaN."""
    absolute = _size(expected) if absolute is None else absolute
    if isinstance(expected, tuple):
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            return False
        return all(same(g, e, tolerance, absolute) for g, e in zip(got, expected, strict=True))
    theirs, ours = _as_float64(got), _as_float64(expected)
    if theirs is None or ours is None or theirs.shape != ours.shape:
        return False
    close = _close(theirs, ours, tolerance, absolute) | (theirs.isnan() & ours.isnan())
    return bool(close.all())


def numbers(result: Any) -> tuple[Tensor, ...] | None:
    """Return all parts of a result as float64 tensors, None if some part is no number."""
    parts = tuple(map(_as_float64, result if isinstance(result, (tuple, list)) else (result,)))
    return None if any(part is None for part in parts) else parts  # type: ignore[return-value]


def kind_of(value: Any) -> str:
    """Name a value's type as a reader would: "None", "a list", "a numpy.ndarray"."""
    if value is None:
        return "None (is a return missing?)"
    if isinstance(value, Foreign):
        return value.kind
    kind = type(value)
    module = "" if kind.__module__ in ("builtins", "__main__") else kind.__module__ + "."
    name = "torch.Tensor" if kind is Tensor else module + kind.__qualname__
    more = "; torch.from_numpy makes a tensor of it" if name == "numpy.ndarray" else ""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}{more}"


def _size(expected: Any) -> float:
    """Return a result's largest number, 1 at most: small results are not measured by the size of 1."""
    sizes = [part.abs() for part in numbers(expected) or ()]
    largest = [size[size.isfinite()].max().item() for size in sizes if size.isfinite().any()]
    return min(1.0, max(SMALLEST, *largest)) if largest else 1.0


def _close(theirs: Tensor, ours: Tensor, tolerance: float, absolute: float) -> Tensor:
    sizes = ours.abs()
    return ((theirs - ours).abs() <= tolerance * (absolute + sizes)) & sizes.isfinite() | (theirs == ours)


def _parts(got: Any, expected: Any, names: tuple[str, ...]) -> list[tuple[Any, Any, str]]:
    if not isinstance(expected, tuple):
        got, expected = (got,), (expected,)
    return list(zip(got, expected, names, strict=True))


def _type_fault(got: Any, expected: Any, name: str) -> str | None:
    if isinstance(expected, int):
        fine = _as_float64(got) is not None and not isinstance(got, bool)
        return None if fine else f"{name} should be a whole number, and is {kind_of(got)}"
    if not isinstance(got, Tensor):
        return f"{name} should be a tensor, and is {kind_of(got)}"
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
    alike = [n for n in wanted if n != 1] == [n for n in shape if n != 1]
    ones = f": an axis of size 1 too {'many' if len(shape) > len(wanted) else 'few'}" if alike else ""
    return f"{name} should have the shape {wanted}, and has {shape}{ones}"


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


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]])
