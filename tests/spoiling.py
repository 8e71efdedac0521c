"""Spoil one argument of a valid call, and judge what comes of it: a refusal of ours, or a fault.

A refusal is a ValueError or TypeError that a line `raise ...` of lessons_lib raised, in one line of text.
Everything else is a fault: torch's or Python's own error, which says nothing about the argument, and worse, a
value.
"""

import linecache
import math
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LIBRARY = "lessons_lib"

# what hardly any argument can mean
SPOILED: dict[str, Any] = {
    "None": None,
    "True": True,
    "-1": -1,
    "-1.5": -1.5,
    "1.5": 1.5,
    "nan": float("nan"),
    "-inf": float("-inf"),
    "1j": 1j,
    "10**400": 10**400,
    "a word": "no such word",
    "bytes": b"a",
    "a number's list": [-7],
    "a mixed list": ["a", None],
    "a dict": {"no": "such"},
    "an object": object(),
    "a function": lambda: None,
    "a class": dict,
    "no tensor": torch.zeros(0),
    "one number": torch.tensor(-2),
    "half": torch.tensor([0.5]),
    "four axes": torch.zeros(2, 3, 4, 5),
    "complex": torch.zeros(2, 3, dtype=torch.complex64),
}


def said_by_us(error: Exception) -> bool:
    """Say whether a line `raise ...` of the library raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    is_raised = linecache.getline(last.filename, last.lineno or 0).strip().startswith("raise ")
    return isinstance(error, ValueError | TypeError) and "lessons_lib" in last.filename and is_raised


@dataclass(frozen=True)
class Call:
    """A valid call. `free` names what may be spoiled without harm, as "argument: way"."""

    function: Callable[..., Any]
    arguments: dict[str, Any]
    free: frozenset[str] = frozenset()

    def run(self, **changed: Any) -> Any:
        return self.function(**self.arguments | changed)


def spoils(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield (way, spoiled value) for an argument, the ways depending on what it is."""
    if isinstance(value, Tensor):
        yield from _tensors(value)
    elif isinstance(value, bool):
        yield from (("text", "yes"), ("three", 3), ("none", None))
    elif isinstance(value, int):
        yield from (("zero", 0), ("negative", -1), ("fraction", value + 0.5), ("text", str(value)))
        yield from (("bool", True), ("none", None), ("huge", 10**6), ("list", [value]))
    elif isinstance(value, float):
        yield from (("negative", -1.0), ("nan", math.nan), ("infinite", math.inf), ("text", "1"))
        yield from (("none", None), ("list", [value]), ("zero", 0.0))
    elif isinstance(value, str):
        yield from (("unknown", "bogus"), ("number", 3), ("none", None), ("list", [value]))
    elif isinstance(value, tuple):
        yield from (("short", value[:-1]), ("number", 3), ("none", None), ("negative", (-1,) * len(value)))
        yield from (("text", ("x",) * len(value)), ("zero", (0,) * len(value)), ("long", (*value, *value)))
    else:
        yield from (("none", None), ("number", 3), ("text", "bogus"), ("list", [value]))


def _tensors(x: Tensor) -> Iterator[tuple[str, Tensor | Any]]:
    yield "list", x.tolist()
    yield "none", None
    yield "numpy", x.detach().float().numpy()
    yield "axis more", x.unsqueeze(0)
    if x.ndim:
        yield "axis less", x[0] if len(x) else x.flatten()[:0].sum()
        for axis, size in enumerate(x.shape):
            yield f"axis {axis} longer", torch.cat([x, x.narrow(axis, 0, 1)], axis)
            if size > 1:
                yield f"axis {axis} shorter", x.narrow(axis, 0, size - 1)
                yield f"axis {axis} one", x.narrow(axis, 0, 1)
            yield f"axis {axis} empty", x.narrow(axis, 0, 0)
    yield "complex", x.to(torch.complex64)
    yield "bool", x.to(torch.bool)
    if x.is_floating_point():
        yield "whole", x.long()
        yield "bf16", x.bfloat16()
    else:
        yield "fraction", x.float() + 0.5
        yield "negative", x - x.max() - 1
        yield "large", x + 10**6


def outcome(call: Call, argument: str, spoiled: Any) -> str:
    """Return "refused", or what went wrong."""
    try:
        got = call.run(**{argument: spoiled})
    except (ValueError, TypeError) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        line = linecache.getline(frame.filename, frame.lineno or 0).strip()
        ours = LIBRARY in frame.filename and line.startswith("raise")
        return "refused" if ours and "\n" not in str(error) else f"raw {type(error).__name__}: {error}"
    except Exception as error:
        return f"raw {type(error).__name__}: {str(error):.100}"
    return f"a value: {type(got).__name__}"


def faults(call: Call) -> Iterator[tuple[str, str]]:
    """Yield (what was spoiled and how, what came of it) for every spoiled call that is not refused."""
    for argument, value in call.arguments.items():
        for way, spoiled in spoils(value):
            where = f"{argument}: {way}"
            if where in call.free:
                continue
            if (came := outcome(call, argument, spoiled)) != "refused":
                yield where, came
