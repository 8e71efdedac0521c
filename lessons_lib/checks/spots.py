"""Which lines are the reader's, and how such a line is shown."""

from __future__ import annotations

import linecache
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch

_NOT_THEIRS = [str(Path(__file__).parents[1]), str(Path(torch.__file__).parent)]
_NOT_THEIRS += [sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]


def is_theirs(filename: str) -> bool:
    """Whether a line of this file was written by the reader, not by Python, torch or this library."""
    return not filename.startswith(("<frozen", *_NOT_THEIRS))


@dataclass(frozen=True)
class Spot:
    """A line of a function, lines counted from its `def`."""

    filename: str
    line: int
    function: str
    first: int  # the line of the `def`

    @classmethod
    def at(cls, frame: FrameType, line: int) -> Spot:
        """Return the spot of a line in a frame."""
        code = frame.f_code
        return cls(code.co_filename, line, code.co_name, code.co_firstlineno)

    def __str__(self) -> str:
        text = linecache.getline(self.filename, self.line).strip()
        where = f"  in line {self.line - self.first + 1} of {self.function}"
        return f"{where}:  {text}" if text else where
