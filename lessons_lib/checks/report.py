"""Put into words where a reader's function went wrong: its line, and the case to try it on again."""

import inspect
import reprlib
import sys
from collections.abc import Callable, Iterable, Iterator
from io import StringIO
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.crash import Crash
from lessons_lib.checks.limits import Ending

SHOWN_CHARACTERS = 900  # an argument printed in full; longer ones by shape
SHOWN_LINES = 20  # of what the reader's function printed


class Caught(StringIO):
    """Keeps the first part of what is printed into it, so that an endless loop cannot fill memory."""

    def write(self, text: str) -> int:
        if self.tell() < 10_000:
            super().write(text[:10_000])
        return len(text)

    def close(self) -> None:
        """Stay open: a reader's function may close what it takes for the screen."""


def say(lines: Iterable[str]) -> None:
    """Print lines; where the screen is closed or can't show a character, as far as that goes."""
    for line in lines:
        for stream in (sys.stdout, sys.__stdout__):
            try:
                print(line, file=stream)
                break
            except UnicodeEncodeError:
                print(line.encode("ascii", "backslashreplace").decode(), file=stream)
                break
            except (ValueError, OSError, AttributeError):  # closed, or taken away
                continue


def stub_lines(crash: Crash, attempt: Callable) -> tuple[str, ...]:
    """Return nothing for an untouched attempt; a line when it calls another that is untouched."""
    name = crash.stub_of
    if name in ("__call__", "forward", getattr(attempt, "__name__", name)):
        return ()
    return (f"It calls {name}, which is not written yet",)


def error_lines(crash: Crash, attempt: Callable) -> Iterator[str]:
    """Yield the error in one line, and the reader's line that it came from."""
    yield f"{crash.kind}: {crash.message}" if crash.message else crash.kind
    if crash.spot:
        yield str(crash.spot)
    elif crash.by_the_call:
        yield f"  (your function takes: {', '.join(_parameters(attempt)) or 'nothing'})"


def late_lines(ending: Ending, limit: float) -> tuple[str, ...]:
    """Say how long a function ran, in which of the reader's lines it then was, and what to do."""
    where = [str(spot) for spot in ending.spots[:1]]
    if not ending.running:
        return (f"It ran for {ending.seconds:.1f} s; the limit is {limit:g} s", *where)
    first = f"It was still running after {ending.seconds:.0f} s, and nothing could stop it"
    return (first, *where, "Restart the kernel (menu Kernel, Restart) before you go on")


def case_lines(case: dict[str, Any], show: dict[str, Callable[[Any], str]]) -> Iterator[str]:
    """Yield one line for each argument of a case, to be pasted into a cell."""
    for name, value in case.items():
        yield f"  {name} = {show.get(name, literal)(value)}"


def literal(value: Any) -> str:
    """Write a value as Python code; a tensor that would be too long, by its shape."""
    if isinstance(value, Tensor):
        text = f"torch.tensor({_rounded(value.tolist())})"
        short = len(text) <= SHOWN_CHARACTERS
        return text if short else f"(a tensor of shape {tuple(value.shape)})"
    if isinstance(value, torch.Generator):
        return f"torch.Generator().manual_seed({value.initial_seed()})"
    return repr(value) if isinstance(value, (int, float)) else reprlib.repr(value)


def printed_lines(text: str) -> Iterator[str]:
    """Yield what the reader's function printed, shortened; nothing if it printed nothing."""
    if not text:
        return
    lines = text.rstrip("\n").split("\n")
    yield "Your function printed:"
    yield from (f"  {line[:200]}" for line in lines[:SHOWN_LINES])
    if len(lines) > SHOWN_LINES:
        yield "  ..."


def safe_repr(value: Any) -> str:
    """Return how Python writes a value, shortened; its type's name where that fails."""
    try:
        return f"{value!r:.60}"
    except Exception:
        return type(value).__name__


def _rounded(value: Any) -> Any:
    """Drop the digits by which a float32 differs from the decimal number that it was made from."""
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, 6) if isinstance(value, float) else value


def _parameters(attempt: Callable) -> list[str]:
    try:
        return list(inspect.signature(attempt).parameters)
    except (TypeError, ValueError):  # built in C
        return []
