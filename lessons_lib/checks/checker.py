"""Tell a reader whether their function is right, and if not, where it first goes wrong and perhaps why.

Four ideas:
  fresh inputs   every check draws forty new cases, small ones, and compares with a slow loop or a library;
                 then come the exercise's fixed extremes;
  order          the first of these that applies is said: not started, crashed, too slow, changed what
                 it should not, wrong type, wrong shape, wrong value, not by hand;
  misconception  a known mistake is itself a function. When the reader's results equal those of exactly
                 one known mistake in every case, its hint is printed (`diagnosis` tries more);
  smallest       the case that is shown is the smallest that went wrong.
"""

import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import Any

from lessons_lib.checks import apart, by_hand, cases, frozen, hinting, observing, packing, registry, report
from lessons_lib.checks.compare import as_asked, find_type_fault, find_value_fault
from lessons_lib.checks.draws import size
from lessons_lib.checks.exercise import Case, Misconception, Task, Verdict
from lessons_lib.checks.generic import Seen
from lessons_lib.checks.handed_in import HandedIn
from lessons_lib.checks.limits import GRACE, Ending, run_limited
from lessons_lib.checks.running import Rules, Run, global_state_kept, run_cases
from lessons_lib.checks.sealed import Sealed, opened
from lessons_lib.checks.spots import is_theirs

__all__ = ["Exercise", "Misconception", "Verdict"]

CHECK_SECONDS, GRADE_SECONDS = 8.0, 5.0  # for all cases together; a right answer takes milliseconds
HAND_OVER = "Hand over the function itself, not what it returns"
_NOTHING = object()
_ORDER = ("wrong type", "wrong shape", "wrong value")


@dataclass(frozen=True)
class Exercise(Task):
    """A task with its judge. It registers itself; a trial, which nobody is offered, has no `lesson`."""

    def __post_init__(self) -> None:
        if self.lesson is not None:
            registry.register(self)

    def check(self, attempt: Any = _NOTHING, *more: Any) -> None:
        """Print whether `attempt` is right, or where it first goes wrong. Never raises, returns None."""
        if attempt is _NOTHING or more:
            call = f"check_{self.name}({self.name})"
            report.say([f"{self.name}: wrong type. Hand over your function and nothing else: {call}"])
            return
        try:
            _, lines = self.told(attempt, CHECK_SECONDS)
        except Exception as error:  # a fault of ours must not look like one of the reader's
            report.say([f"{self.name}: the check itself failed, please report it ({error!r})"])
            return
        report.say([*frozen.told(is_theirs), *lines])

    def told(self, attempt: Any, limit: float) -> tuple[Verdict, tuple[str, ...]]:
        """Return the verdict on `attempt`, and what a check says of it, line by line."""
        verdict, printed = self._judge_quietly(attempt, limit)
        first, *rest = verdict.lines or ("",)
        lines = f"{self.name}: {verdict.kind}{'. ' * bool(first)}{first}", *rest
        return verdict, (*report.printed_lines(printed), *lines)

    def passes(self, attempt: Any = _NOTHING, *more: Any) -> bool:
        """Return whether `attempt` is right, in silence: for the cells that nbgrader grades."""
        return not more and self._judge_quietly(attempt, GRADE_SECONDS)[0].kind == "correct"

    def judge(self, attempt: Any, limit: float = CHECK_SECONDS, grace: float = GRACE) -> Verdict:
        """Judge `attempt` on fresh cases, all of them together within `limit` seconds."""
        if not callable(attempt) and not isinstance(attempt, HandedIn):
            return Verdict("wrong type", (f"{HAND_OVER}; this is {report.safe_repr(attempt)}",))
        with global_state_kept(), opened(attempt) as attempt:
            start = time.perf_counter()
            drawn = self.draw_cases()
            verdict = self._judged(attempt, drawn, [""] * len(drawn), limit, grace)
            if verdict.kind == "correct" and self.edges:
                extremes = cases.extreme_cases(self)
                left = max(limit / 2, limit - (time.perf_counter() - start))
                verdict = self._judged(attempt, list(extremes.values()), list(extremes), left, grace)
        return verdict

    def draw_cases(self) -> list[Case]:
        """Draw the cases of a check; the first four tell the right answer and all known mistakes apart."""
        return cases.draw_cases(self)

    def _judged(
        self, attempt: Callable, tried: list[Case], names: list[str], limit: float, grace: float
    ) -> Verdict:
        """Judge on some cases; a name of a case says what is extreme about it."""
        runs: list[Run] = []
        ending = self._run(attempt, tried, runs, limit, grace)
        if ending.late:  # before errors, which being stopped may have caused
            return Verdict("too slow", report.late_lines(ending, limit))
        if ending.error is not None:  # not the reader's: theirs are in the runs
            raise ending.error
        error = runs[-1].error
        if error is not None and error.stub_of:
            return Verdict("not started", report.stub_lines(error, attempt))
        again = [self._again(case, name) for case, name in zip(tried, names, strict=True)]
        if error is not None:
            return Verdict("crashed", (*report.error_lines(error, attempt), *again[len(runs) - 1]))
        for run, lines in zip(runs, again, strict=True):
            if run.changed:
                return Verdict(run.changed[0], (run.changed[1], *lines))
        return self._compared(attempt, runs, tried, again, names)

    def _run(
        self, attempt: Callable, tried: list[Case], runs: list[Run], limit: float, grace: float
    ) -> Ending:
        rules = Rules(self.may_change, self.forbidden, self.unmade)
        if isinstance(attempt, Sealed):
            return attempt.run(self.observe, tried, rules, runs, limit)
        watched = self.observe(attempt) if self.observe else attempt
        if self.apart:
            try:
                return apart.run_apart(watched, tried, rules, runs, limit)
            except (packing.Unpackable, OSError):  # then here, where all but one kind of call can be stopped
                pass
        return run_limited(lambda: run_cases(watched, tried, rules, runs), limit, grace)

    def _compared(
        self, attempt: Callable, runs: list[Run], tried: list[Case], again: list[tuple], names: list[str]
    ) -> Verdict:
        """Find the first fault of the results: any wrong type, then any shape, then any value."""
        found = [self._find_fault(r.result, tuple(c.values())) for r, c in zip(runs, tried, strict=True)]
        faults = [
            (_ORDER.index(fault[0]), size(case), n, fault)
            for n, ((fault, _, _), case) in enumerate(zip(found, tried, strict=True))
            if fault
        ]
        if not faults:
            wrong = next((run.unused for run in runs if run.unused), None) or by_hand.fault(
                runs, self.unmade_hint
            )
            return Verdict(wrong[0], wrong[1:]) if wrong else Verdict("correct")
        _, _, n, (kind, sentence) = min(faults, key=lambda fault: fault[:3])
        seen = [Seen(c, got, right) for c, (_, got, right) in zip(tried, found, strict=True)]
        fine = [fault is None for fault, _, _ in found]
        ask = partial(self._results, attempt)
        hint = (
            hinting.of_draws(self, kind, seen, fine, ask)
            if not names[0]
            else hinting.of_extremes(self, seen, fine, names)
        )
        if not hint:
            return Verdict(kind, (sentence, *again[n]))
        return Verdict(kind, (sentence, *again[n], *hint.lines), " and ".join(hint.names) or None, hint.sort)

    def _results(self, attempt: Callable, tried: list[Case]) -> list[Any]:
        """Return what the attempt gives on more cases; nothing if not on all of them, or not at once."""
        runs: list[Run] = []
        late = not tried or self._run(attempt, tried, runs, 1.0, 1.0).late
        if late or len(runs) < len(tried) or runs[-1].error:
            return []
        return [self._find_fault(r.result, tuple(c.values()))[1] for r, c in zip(runs, tried, strict=True)]

    def _find_fault(self, result: Any, arguments: tuple) -> tuple[tuple[str, str] | None, Any, Any]:
        """Return (kind, sentence) for a wrong result, or None; how the result was read; what is right."""
        expected = self.oracle(*arguments)
        like = expected if self.like is None else self.like(*arguments)
        if self.observe:
            fault = observing.find_returned_fault(result, like, self.returns)
            if fault:
                return fault, result, expected
            result = observing.in_one(result)
        result = as_asked(result, like)
        fault = find_type_fault(result, like, self.returns)
        if fault or self.read is None:
            by = self.tolerance, self.absolute
            return fault or find_value_fault(result, expected, self.returns, *by), result, expected
        try:
            reading = self.read(result, *arguments)
        except ValueError as unreadable:
            return ("wrong value", str(unreadable)), None, expected
        fault = find_value_fault(reading, expected, (self.read_as,), self.tolerance, self.absolute)
        return fault, reading, expected

    def _again(self, case: Case, name: str) -> tuple[str, ...]:
        return (f"To see it again{name and f' ({name})'}:", *report.case_lines(case, self.show))

    def _judge_quietly(self, attempt: Any, limit: float) -> tuple[Verdict, str]:
        """Judge, and return beside the verdict what the attempt printed."""
        printed = report.Caught()
        with warnings.catch_warnings(), redirect_stdout(printed), redirect_stderr(printed):
            warnings.simplefilter("ignore")
            verdict = self.judge(attempt, limit)
        return verdict, printed.getvalue()
