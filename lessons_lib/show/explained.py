"""A figure that can't be drawn says what does not fit, in one sentence, and leaves no half picture behind.

Nothing is looked at while all goes well: whatever a lesson draws is drawn. Only when drawing fails are the
arguments compared with the annotations.
"""

import functools
import linecache
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import matplotlib.pyplot as plt

from lessons_lib.signatures import rules_of

P = ParamSpec("P")
R = TypeVar("R")


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` with every error in our words: TypeError or ValueError, with the argument's name."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        before = set(plt.get_fignums())
        try:
            return function(*args, **kwargs)
        except Exception as error:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)
            if _is_ours(error):
                raise
            for place, name, refuse in rules_of(function, {}, {}):
                if place < len(args):
                    refuse(function.__name__, name, args[place])
                elif name in kwargs:
                    refuse(function.__name__, name, kwargs[name])
            why = str(error).partition("\n")[0][:120] or "no word"
            said = f"{function.__name__} can't draw this: {type(error).__name__}, {why}"
            raise ValueError(said) from error

    return call


def _is_ours(error: Exception) -> bool:
    """Say whether a line `raise ...` of the library raised it, as a sentence for a reader."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    is_raised = linecache.getline(last.filename, last.lineno or 0).strip().startswith("raise")
    return isinstance(error, (TypeError, ValueError)) and "lessons_lib" in last.filename and is_raised
