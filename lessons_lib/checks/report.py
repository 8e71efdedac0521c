"""Put into words where a reader's function went wrong: its line, and the case to try it on again."""

import dis
import inspect
import linecache
import reprlib
import traceback
from collections.abc import Callable, Iterator
from io import StringIO
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.limits import Ending, is_theirs

SHOWN_CHARACTERS = 900  # an argument printed in full; longer ones by shape
SHOWN_LINES = 20  # of what the reader's function printed


class Caught(StringIO):
    """Keeps the first part of what is printed into it, so that an endless loop cannot fill memory."""

    def write(self, text: str) -> int:
        if self.tell() < 10_000:
            super().write(text[:10_000])
        return len(text)


def is_stub(error: BaseException) -> bool:
    """Whether this is `raise NotImplementedError` in so many words.

    torch raises it as well, for a product of whole numbers and the like; that is a crash.
    """
    position = error.__traceback__
    while position is not None and position.tb_next is not None:
        position = position.tb_next
    if position is None or not isinstance(error, NotImplementedError):
        return False
    return position.tb_frame.f_code.co_code[position.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def stub_lines(error: BaseException, attempt: Callable) -> tuple[str, ...]:
    """Return nothing for an untouched attempt; a line when it calls another that is untouched."""
    name = list(traceback.walk_tb(error.__traceback__))[-1][0].f_code.co_name
    if name in ("__call__", "forward", getattr(attempt, "__name__", name)):
        return ()
    return (f"It calls {name}, which is not written yet",)


def error_lines(error: BaseException, attempt: Callable) -> Iterator[str]:
    """Yield the error in one line, and the reader's line that it came from."""
    message = str(error).strip().split("\n")[0]
    yield f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if is_theirs(frame.f_code.co_filename)
    ]
    if frames:
        yield place(*frames[-1])
    elif isinstance(error, TypeError):  # raised by the call itself
        yield f"  (your function takes: {', '.join(_parameters(attempt)) or 'nothing'})"


def place(frame: FrameType, line: int) -> str:
    """Return e.g. "  in line 3 of attend:  scores = q @ k", lines counted from the `def`."""
    code = frame.f_code
    text = linecache.getline(code.co_filename, line).strip()
    where = f"  in line {line - code.co_firstlineno + 1} of {code.co_name}"
    return f"{where}:  {text}" if text else where


def late_lines(ending: Ending, limit: float) -> tuple[str, ...]:
    """Say how long a function ran, in which of the reader's lines it then was, and what to do."""
    where = [place(*at) for at in ending.stack if is_theirs(at[0].f_code.co_filename)][:1]
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
