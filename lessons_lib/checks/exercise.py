"""What an exercise is: how its cases are drawn, what is right, what is often wrong, what is forbidden."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from lessons_lib.checks import observing
from lessons_lib.checks.compare import TOLERANCE, same

Case = dict[str, Any]


@dataclass(frozen=True)
class Misconception:
    """A known mistake: `hint` says what to look at, not what to write.

    Each of `answers` computes what a function with this mistake gives; several where people write it
    in ways that differ in their results. Answers that are `partial`s of one function, each with keywords of
    its own, can be recognised two at once.
    """

    name: str
    hint: str
    answers: tuple[Callable[..., Any], ...]


@dataclass(frozen=True)
class Verdict:
    """`kind` is "correct" or what is wrong, `lines` say it in words; `misconception` is one's name.

    `diagnosis` says which sort of hint stands in the lines: "known", "two at once", "factor", ... or None.
    """

    kind: str
    lines: tuple[str, ...] = ()
    misconception: str | None = None
    diagnosis: str | None = None


@dataclass(frozen=True)
class Task:
    """One function to write, and all that is needed to judge an attempt at it.

    `draw(rng)` returns the arguments of one case by name, `oracle(*arguments)` the right result, whose
    parts are called `returns`. `edges` are the fixed extremes: each, named in the reader's words, takes a
    drawn case and returns the arguments that it puts in place of the drawn ones. Where a right result is
    random, `like(*arguments)` has its type and shape, and `read(result, *arguments)` turns it into what the
    oracle and the mistakes give, called `read_as`, or raises ValueError with a sentence. `observe` says
    what is judged of attempts and mistakes besides what they return (`observing`). `forbidden` are names
    that the text forbids (`by_hand`), `unmade(*arguments)` tensors not to be made, by name (none: one
    can't tell in this case), with `unmade_hint`. `apart`: judged in a process of its own. `absolute` is the
    part of the tolerance that does not grow with a number; without it, a result's largest number decides,
    up to 1.
    """

    name: str
    draw: Callable[[random.Random], Case]
    oracle: Callable[..., Any]
    misconceptions: tuple[Misconception, ...]
    lesson: str | None = None
    returns: tuple[str, ...] = ("result",)
    edges: dict[str, Callable[[Case], Case]] = field(default_factory=dict)
    may_change: tuple[str, ...] = ()
    show: dict[str, Callable[[Any], str]] = field(default_factory=dict)
    like: Callable[..., Any] | None = None
    read: Callable[..., Any] | None = None
    read_as: str = ""
    observe: observing.Observe | None = None
    forbidden: tuple[str, ...] = ()
    unmade: Callable[..., dict[str, Tensor]] | None = None
    unmade_hint: str = ""
    apart: bool = False
    draws: int = 40  # fewer where a case is drawn from thousands of times, or is slow to work out
    tolerance: float = TOLERANCE
    absolute: float | None = None
    margin: float = 1e-2  # right and mistaken answers differ by more in some value of some case

    def same(self, one: Any, other: Any, tolerance: float | None = None) -> bool:
        """Whether two results agree within the tolerance; `other` is the one that sizes are taken from."""
        return same(one, other, self.tolerance if tolerance is None else tolerance, self.absolute)

    def ways(self, mistake: Misconception) -> list[Callable[..., Any]]:
        """Return the ways of making a mistake, as functions that give all that is compared."""
        return [self.observed(f) for f in mistake.answers]

    def observed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function of ours with all that is compared of it in one tuple."""
        return observing.all_parts(self.observe, function) if self.observe else function


def value_of(function: Callable[..., Any], case: Case) -> Any:
    """Return what one of our own answers gives, None where it cannot be computed: nothing equals None."""
    try:
        return function(*case.values())
    except Exception:
        return None
