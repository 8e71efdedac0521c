"""What an exercise asks to write by hand is not done by calling something that does it.

While a function runs, two watchers see what it calls, under whatever name it reached it: one that torch asks
before each of its operations, and one that Python tells of every call. A forbidden name is that of a function
of torch ("rms_norm"), of a type of numbers ("torch.float8_e4m3fn"), of a builtin ("eval"), or of a package of
this course ("lessons_lib"). What a text asks not to make (the keys of every position) is known by its
numbers, in whatever order and shape they come: a third watcher sees every tensor that torch makes.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Torch(TorchFunctionMode):
    def __init__(self, forbidden: tuple[str, ...], found: list[str]) -> None:
        super().__init__()
        self.forbidden, self.found = forbidden, found

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        numbers = [str(a) for a in (*args, *kwargs.values()) if isinstance(a, torch.dtype)]
        self.found += [used for used in (name, *numbers) if used in self.forbidden]
        return func(*args, **kwargs)


class _Numbers(TorchDispatchMode):
    """Finds tensors that hold the numbers of a forbidden one, all or those of one index of its first axes."""

    def __init__(self, unmade: dict[str, Tensor], found: set[str]) -> None:
        super().__init__()
        self.found = found
        self.parts: dict[int, list[tuple[str, Tensor]]] = {}  # by how many numbers there are
        for name, whole in unmade.items():
            for part in (whole, *whole.unbind(0), *whole.unbind(1), *whole.flatten(0, 1).unbind(0)):
                self.parts.setdefault(part.numel(), []).append((name, _sorted(part)))

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for made in tree_leaves(out):
            if isinstance(made, Tensor) and made.is_floating_point() and made.numel() in self.parts:
                numbers = _sorted(made)
                known = self.parts[made.numel()]
                self.found.update(name for name, part in known if torch.allclose(numbers, part, 1e-4, 1e-5))
        return out


def _sorted(x: Tensor) -> Tensor:
    return x.detach().double().flatten().sort().values


@contextmanager
def watching_numbers(unmade: dict[str, Tensor]) -> Iterator[set[str]]:
    """Yield a set that fills with the names of those tensors (one, two, ...) that are made meanwhile."""
    found: set[str] = set()
    with _Numbers(unmade, found):
        yield found


@contextmanager
def watching(forbidden: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield a list that fills with what is called of the forbidden, as often as it is."""
    found: list[str] = []
    if not forbidden:
        yield found
        return
    packages = tuple(name for name in forbidden if name.startswith("lessons_lib"))
    before = sys.getprofile()
    sys.setprofile(_profiler(forbidden, packages, found))
    try:
        with _Torch(forbidden, found):
            yield found
    finally:
        sys.setprofile(before)


def _profiler(forbidden: tuple[str, ...], packages: tuple[str, ...], found: list[str]) -> Callable:
    def told(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and getattr(argument, "__module__", None) == "builtins":
            found.extend(name for name in (argument.__name__,) if name in forbidden)
        elif event == "call" and packages:
            module = frame.f_globals.get("__name__", "")
            if module.startswith(packages) and not module.startswith("lessons_lib.checks"):
                found.extend(name for name in packages if module.startswith(name))

    return told


def fault(runs: Sequence[Any], hint: str) -> tuple[str, ...] | None:
    """Name what the text rules out: what was called in any run, or made wherever it was looked for."""
    called = next((run.used for run in runs if run.used), None)
    looked = [run.made for run in runs if run.made is not None]
    always = sorted(frozenset.intersection(*looked)) if looked else []
    does = f"uses {called}" if called else f"makes {' and '.join(always)}" if always else None
    if does is None:
        return None
    sentence = f"The numbers are right, but it {does}, which the text rules out"
    return "not by hand", sentence, *(() if called else (f"Hint: {hint}",))
