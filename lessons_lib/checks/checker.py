"""Tell a reader whether their function is right, and if not, where it first goes wrong and perhaps why.

Three ideas:
  fresh inputs   every check draws new cases, small ones, and compares with a slow loop or a library;
  order          the first of these that applies is said: not started, crashed, too slow, changed what
                 it should not, wrong type, wrong shape, wrong value;
  misconception  a known mistake is itself a function. When the reader's results equal those of exactly
                 one known mistake in every case, its hint is printed; otherwise nobody guesses.
"""

import functools
import random
import secrets
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

from lessons_lib.checks import observing, registry, report
from lessons_lib.checks.compare import TOLERANCE, find_type_fault, find_value_fault, same
from lessons_lib.checks.draws import size
from lessons_lib.checks.limits import GRACE, run_limited
from lessons_lib.checks.running import Run, global_state_kept, run_cases

CHECK_SECONDS, GRADE_SECONDS = 8.0, 5.0  # for all cases together; a right answer takes milliseconds


@dataclass(frozen=True)
class Misconception:
    """A known mistake: `hint` says what to look at, not what to write.

    Each of `answers` computes what a function with this mistake gives; several where people write it
    in ways that differ in their results.
    """

    name: str
    hint: str
    answers: tuple[Callable[..., Any], ...]


@dataclass(frozen=True)
class Verdict:
    """`kind` is "correct" or what is wrong, `lines` say it in words; `misconception` is one's name."""

    kind: str
    lines: tuple[str, ...] = ()
    misconception: str | None = None


@dataclass(frozen=True)
class Exercise:
    """One function to write, and all that is needed to judge an attempt at it. It registers itself.

    `draw(rng)` returns the arguments of one case by name, `oracle(*arguments)` the right result, whose
    parts are called `returns`. Where a right result is random, `like(*arguments)` has its type and
    shape, and `read(result, *arguments)` turns it into what the oracle and the mistakes give, called
    `read_as`, or raises ValueError with a sentence. `observe` says what is judged of attempts and mistakes
    besides what they return (`observing`). `lesson` is "06" or the like; a trial, which nobody is offered,
    has none.
    """

    name: str
    draw: Callable[[random.Random], dict[str, Any]]
    oracle: Callable[..., Any]
    misconceptions: tuple[Misconception, ...]
    lesson: str | None = None
    returns: tuple[str, ...] = ("result",)
    may_change: tuple[str, ...] = ()
    show: dict[str, Callable[[Any], str]] = field(default_factory=dict)
    like: Callable[..., Any] | None = None
    read: Callable[..., Any] | None = None
    read_as: str = ""
    observe: observing.Observe | None = None
    tolerance: float = TOLERANCE
    margin: float = 1e-2  # right and mistaken answers differ by more in some value of some case

    def __post_init__(self) -> None:
        if self.lesson is not None:
            registry.register(self)

    def check(self, attempt: Callable) -> None:
        """Print whether `attempt` is right, or where it first goes wrong. Never raises, returns None."""
        try:
            verdict, printed = self._judge_quietly(attempt, CHECK_SECONDS)
        except Exception as error:  # a fault of ours must not look like one of the reader's
            print(f"{self.name}: the check itself failed, please report it ({error!r})")
            return
        for line in report.printed_lines(printed):
            print(line)
        first, *rest = verdict.lines or ("",)
        print(f"{self.name}: {verdict.kind}{'. ' * bool(first)}{first}", *rest, sep="\n")

    def passes(self, attempt: Callable) -> bool:
        """Return whether `attempt` is right, in silence: for the cells that nbgrader grades."""
        return self._judge_quietly(attempt, GRADE_SECONDS)[0].kind == "correct"

    def judge(self, attempt: Any, limit: float = CHECK_SECONDS, grace: float = GRACE) -> Verdict:
        """Judge `attempt` on fresh cases, all of them together within `limit` seconds."""
        if not callable(attempt):
            given = f"Hand over the function itself, not what it returns; this is {attempt!r:.60}"
            return Verdict("wrong type", (given,))
        cases = self.draw_cases()
        runs: list[Run] = []
        watched = self.observe(attempt) if self.observe else attempt
        with global_state_kept():
            ending = run_limited(lambda: run_cases(watched, cases, self.may_change, runs), limit, grace)
        if ending.late:  # before errors, which being stopped may have caused
            return Verdict("too slow", report.late_lines(ending, limit))
        if ending.error is not None:
            return self._crashed(ending.error, attempt, cases[len(runs)])
        if runs[-1].error is not None:
            return self._crashed(runs[-1].error, attempt, cases[len(runs) - 1])
        for run, case in zip(runs, cases, strict=True):
            if run.changed:
                return Verdict(run.changed[0], (run.changed[1], *self._again(case)))
        return self._compare(runs, cases)

    def draw_cases(self) -> list[dict[str, Any]]:
        """Draw cases in which the right answer and all known mistakes can be told from each other."""
        groups = [[self.oracle], *map(self._answers, self.misconceptions)]
        close = functools.partial(same, tolerance=self.margin)
        for _ in range(100):
            rng = random.Random(secrets.randbits(64))
            drawn = sorted((self.draw(rng) for _ in range(10)), key=size)
            cases = [drawn[i] for i in (0, 1, 5, 9)]  # small ones first: they are printed
            given = [[[f(*case.values()) for case in cases] for f in group] for group in groups]
            pairs = (p for one, other in combinations(given, 2) for p in product(one, other))
            if not any(all(map(close, one, other)) for one, other in pairs):
                return cases
        raise RuntimeError(f"{self.name}: two known answers cannot be told apart")

    def _compare(self, runs: list[Run], cases: list[dict[str, Any]]) -> Verdict:
        """Find the first fault of the results: any wrong type, then any shape, then any value."""
        faults, readings = [], []
        for run, case in zip(runs, cases, strict=True):
            fault, reading = self._find_fault(run.result, tuple(case.values()))
            readings.append(reading)
            if fault:
                faults.append((*fault, case))
        if not faults:
            unused = [run.unused for run in runs if run.unused]
            return Verdict(unused[0][0], unused[0][1:]) if unused else Verdict("correct")
        order = ("wrong type", "wrong shape", "wrong value")
        kind, sentence, case = min(faults, key=lambda fault: order.index(fault[0]))
        fitting = [m for m in self.misconceptions if self._fits(m, readings, cases)]
        one = fitting[0] if len(fitting) == 1 else None
        hint = (f"Hint: {one.hint}",) if one else ()
        return Verdict(kind, (sentence, *self._again(case), *hint), one.name if one else None)

    def _find_fault(self, result: Any, arguments: tuple) -> tuple[tuple[str, str] | None, Any]:
        """Return (kind, sentence) for what is wrong with one result, or None; and how it was read."""
        expected = self.oracle(*arguments)
        like = expected if self.like is None else self.like(*arguments)
        if self.observe:
            fault = observing.find_returned_fault(result, like, self.returns)
            if fault:
                return fault, result
            result = observing.in_one(result)
        fault = find_type_fault(result, like, self.returns)
        if fault or self.read is None:
            return fault or find_value_fault(result, expected, self.returns, self.tolerance), result
        try:
            reading = self.read(result, *arguments)
        except ValueError as unreadable:
            return ("wrong value", str(unreadable)), None
        return find_value_fault(reading, expected, (self.read_as,), self.tolerance), reading

    def _fits(self, mistake: Misconception, readings: list[Any], cases: list[dict]) -> bool:
        return any(
            all(
                same(reading, answer(*case.values()), self.tolerance)
                for reading, case in zip(readings, cases, strict=True)
            )
            for answer in self._answers(mistake)
        )

    def _answers(self, mistake: Misconception) -> list[Callable[..., Any]]:
        """Return the ways of making a mistake, as functions that give all that is compared."""
        return [observing.all_parts(self.observe, f) if self.observe else f for f in mistake.answers]

    def _crashed(self, error: BaseException, attempt: Callable, case: dict[str, Any]) -> Verdict:
        lines = tuple(report.error_lines(error, attempt))
        if report.is_stub(error):
            return Verdict("not started", report.stub_lines(error, attempt))
        return Verdict("crashed", (*lines, *self._again(case)))

    def _again(self, case: dict[str, Any]) -> tuple[str, ...]:
        return ("To see it again:", *report.case_lines(case, self.show))

    def _judge_quietly(self, attempt: Callable, limit: float) -> tuple[Verdict, str]:
        """Judge, and return beside the verdict what the attempt printed."""
        printed = report.Caught()
        with warnings.catch_warnings(), redirect_stdout(printed), redirect_stderr(printed):
            warnings.simplefilter("ignore")
            verdict = self.judge(attempt, limit)
        return verdict, printed.getvalue()
