"""What the reader is told: `check_<exercise>(attempt)` says, `passes_<exercise>(attempt)` only judges.

The judge is in `checker`, the time limit in `limits`; each lesson's subject has a package of its own, whose
exercises register themselves. Both names of each are served from the registry when somebody asks for them.
"""

import difflib
import sys
from collections.abc import Callable
from typing import Any

from lessons_lib.checks import registry
from lessons_lib.checks.several_tokens.tiny import TinyCache as TinyCache
from lessons_lib.checks.several_tokens.tiny import TinyModel as TinyModel

FORMS = ("check", "passes")


def __getattr__(name: str) -> Callable[[Callable[..., Any]], bool | None]:
    form, _, exercise = name.partition("_")
    if form not in FORMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    known = registry.exercises()
    if exercise in known:
        return getattr(known[exercise], form)
    near = difflib.get_close_matches(name, _served(), n=1)
    sentence = f"there is no {name}" + (f"; did you mean {near[0]}?" if near else "")
    # `from lessons_lib.checks import ...` asks first; it would put a sentence of its own in place of ours.
    if sys._getframe(1).f_code.co_name == "_handle_fromlist":
        raise ImportError(sentence, name=__name__)
    raise AttributeError(sentence)


def __dir__() -> list[str]:
    return sorted([*globals(), *_served()])


def _served() -> list[str]:
    return [f"{form}_{name}" for name in registry.exercises() for form in FORMS]
