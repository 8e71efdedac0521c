"""What is kept of an exception of the reader's: words and places, which can go to another process."""

from __future__ import annotations

import dis
import traceback
from dataclasses import dataclass

from lessons_lib.checks.spots import Spot, is_theirs


@dataclass(frozen=True)
class Crash:
    """An exception: its type's name, its message, the reader's last line, and whether it is the stub's."""

    kind: str
    message: str
    spot: Spot | None
    by_the_call: bool  # a TypeError that no line of the reader's raised
    stub_of: str | None  # the function that is not written yet

    @classmethod
    def of(cls, error: BaseException) -> Crash:
        """Keep what is said of an exception; one whose own text fails still has a type."""
        try:
            message = str(error).strip().split("\n")[0]
        except Exception:
            message = ""
        walked = list(traceback.walk_tb(error.__traceback__))
        theirs = [Spot.at(*at) for at in walked if is_theirs(at[0].f_code.co_filename)]
        by_the_call = not theirs and isinstance(error, TypeError)
        stub_of = walked[-1][0].f_code.co_name if walked and _is_stub(error) else None
        return cls(type(error).__name__, message, theirs[-1] if theirs else None, by_the_call, stub_of)


def _is_stub(error: BaseException) -> bool:
    """Whether this is `raise NotImplementedError` in so many words.

    torch raises it as well, for a product of whole numbers and the like; that is a crash.
    """
    position = error.__traceback__
    while position is not None and position.tb_next is not None:
        position = position.tb_next
    if position is None or not isinstance(error, NotImplementedError):
        return False
    return position.tb_frame.f_code.co_code[position.tb_lasti] == dis.opmap["RAISE_VARARGS"]
