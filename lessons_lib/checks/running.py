"""Run a reader's function on one case after the other, and note what it did besides returning.

Every call gets copies of the arguments. A call that changed one of them, or torch's or Python's global
random numbers, is noted; afterwards those are put back, so a check never disturbs the reader's notebook.
"""

import copy
import inspect
import random
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.by_hand import watching, watching_numbers
from lessons_lib.checks.crash import Crash
from lessons_lib.checks.limits import TimeIsUp

WATCHED, DRAWN_TWICE = 4, 1  # cases in which forbidden calls are looked for; in which a draw is repeated


@dataclass
class Run:
    """What one call gave: a `result` or an `error`; and what it did besides, as a kind and a sentence."""

    result: Any = None
    error: Crash | None = None
    changed: tuple[str, str] | None = None
    unused: tuple[str, str] | None = None  # a random generator from which not all was drawn
    used: str | None = None  # what it called though the text forbids it
    made: frozenset[str] | None = None  # what it made though the text forbids it; None: not looked for


@dataclass(frozen=True)
class Rules:
    """What a function may do to its arguments, and what it may not call."""

    may_change: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    unmade: Callable[..., dict[str, Tensor]] | None = None


def run_cases(attempt: Callable, cases: list[dict[str, Any]], rules: Rules, runs: list[Run]) -> None:
    """Call `attempt` on every case and append a Run for each to `runs`; stop at the first error."""
    for number, case in enumerate(cases):
        given = {name: copied(value) for name, value in case.items()}
        seed = secrets.randbits(62)  # fresh, so that a call that sets the seed is always seen
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        before = _random_state()
        run, again = Run(), None
        try:
            looking = number < WATCHED
            unmade = rules.unmade(*case.values()) if rules.unmade and looking else None
            made_by = watching_numbers(unmade) if unmade else nullcontext()
            with watching(rules.forbidden if looking else ()) as used, made_by as made:
                run.result = copied(attempt(*given.values()))
            run.used = used[0] if used else None
            run.made = None if made is None else frozenset(made)
            if number < DRAWN_TWICE:
                again = _different_again(attempt, case, run.result)
        except TimeIsUp:
            raise
        except BaseException as error:
            run.error = Crash.of(error)
        run.changed = (
            _changed_inputs(case, given, rules.may_change)
            or _changed_seed(seed)
            or _drawn_elsewhere(case, before)
        )
        run.unused = _unused_generator(case, given) or again
        runs.append(run)
        if run.error is not None:
            return


@contextmanager
def global_state_kept() -> Iterator[None]:
    """Compute in float32 unless told otherwise; put that and global random states back at the end."""
    state, python_state, dtype = torch.get_rng_state(), random.getstate(), torch.get_default_dtype()
    numpy_state = _numpy_state()
    torch.set_default_dtype(torch.float32)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.ask_exit = _leave  # a notebook's exit() would end the kernel a moment later
    try:
        yield
    finally:
        if shell is not None:
            del shell.ask_exit
        torch.set_rng_state(state)
        random.setstate(python_state)
        if numpy_state is not None:
            sys.modules["numpy"].random.set_state(numpy_state)
        torch.set_default_dtype(dtype)


def _leave() -> None:
    raise SystemExit


def copied(value: Any) -> Any:
    """Return a copy that later changes to `value` do not reach."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, (tuple, list)):
        return (tuple if isinstance(value, tuple) else list)(map(copied, value))
    if inspect.iscoroutine(value):
        value.close()  # or Python complains later, elsewhere, that nobody awaited it
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # a thing that cannot be copied is judged as it is
        return value


def _changed_inputs(
    case: dict[str, Any], given: dict[str, Any], may_change: tuple[str, ...]
) -> tuple[str, str] | None:
    for name, value in case.items():
        now = given[name]
        if isinstance(value, Tensor):
            changed = now.shape != value.shape or not torch.equal(now.detach(), value)
        else:
            changed = isinstance(value, (list, dict, set)) and now != value
        if changed and name not in may_change:
            sentence = f"Your function wrote into its argument {name}, which the caller still needs"
            return "changed its inputs", sentence
    return None


def _unused_generator(case: dict[str, Any], given: dict[str, Any]) -> tuple[str, str] | None:
    for name, value in case.items():
        if not isinstance(value, torch.Generator):
            continue
        if torch.equal(value.get_state(), given[name].get_state()):
            sentence = f"The shares are right, but not drawn from {name}: nobody could repeat the draw"
            return "wrong value", sentence
        if value.initial_seed() != given[name].initial_seed():
            sentence = f"Your function sets the seed of {name}: every call then gives the same draw"
            return "changed the seed", sentence
    return None


def _different_again(attempt: Callable, case: dict[str, Any], result: Any) -> tuple[str, str] | None:
    """Call once more with the generator in the same state: some of the chance may come from elsewhere."""
    names = [name for name, value in case.items() if isinstance(value, torch.Generator)]
    if not names or not isinstance(result, Tensor):
        return None
    again = attempt(*map(copied, case.values()))
    if isinstance(again, Tensor) and torch.equal(again, result):
        return None
    sentence = f"Called again with the same {names[0]}, your function draws otherwise: some chance comes from"
    return "wrong value", f"{sentence} elsewhere, and nobody could repeat the draw"


def _changed_seed(seed: int) -> tuple[str, str] | None:
    if torch.initial_seed() != seed:
        return "changed the seed", "Your function sets torch's global seed, which is the caller's"
    return None


def _drawn_elsewhere(case: dict[str, Any], before: tuple) -> tuple[str, str] | None:
    """Say that chance came from the global numbers and not from the generator that was handed over.

    Without a generator drawing is no fault: a layer that is made to be measured draws its weights, too.
    """
    handed_over = any(isinstance(value, torch.Generator) for value in case.values())
    if handed_over and not all(map(_equal, _random_state(), before)):
        sentence = "Your function draws from the global random numbers, which are the caller's"
        return "changed the seed", sentence
    return None


def _random_state() -> tuple:
    numpy = _numpy_state()
    return torch.get_rng_state(), random.getstate(), numpy and (numpy[1].tobytes(), numpy[2:])


def _numpy_state() -> Any:
    numpy = sys.modules.get("numpy")
    return numpy.random.get_state() if numpy else None


def _equal(a: Any, b: Any) -> bool:
    return torch.equal(a, b) if isinstance(a, Tensor) else a == b
