"""Run a reader's function on one case after the other, and note what it did besides returning.

Every call gets copies of the arguments. A call that changed one of them, or torch's or Python's global
random numbers, is noted; afterwards those are put back, so a check never disturbs the reader's notebook.
"""

import copy
import inspect
import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass
class Run:
    """What one call gave: a `result` or an `error`; and what it did besides, as a kind and a sentence."""

    result: Any = None
    error: BaseException | None = None
    changed: tuple[str, str] | None = None
    unused: tuple[str, str] | None = None  # a random generator that it was given and did not draw from


def run_cases(
    attempt: Callable, cases: list[dict[str, Any]], may_change: tuple[str, ...], runs: list[Run]
) -> None:
    """Call `attempt` on every case and append a Run for each to `runs`; stop at the first error."""
    for case in cases:
        given = {name: copied(value) for name, value in case.items()}
        seed = secrets.randbits(62)  # fresh, so that a call that sets the seed is always seen
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        before = _random_state()
        run = Run()
        try:
            run.result = copied(attempt(*given.values()))
        except Exception as error:
            run.error = error
        run.changed = _changed_inputs(case, given, may_change) or _changed_seed(seed, before)
        run.unused = _unused_generator(case, given)
        runs.append(run)
        if run.error is not None:
            return


@contextmanager
def global_state_kept() -> Iterator[None]:
    """Put global random states and the default dtype back at the end."""
    state, python_state, dtype = torch.get_rng_state(), random.getstate(), torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_rng_state(state)
        random.setstate(python_state)
        torch.set_default_dtype(dtype)


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
        if isinstance(value, Tensor) and name not in may_change:
            now = given[name]
            if now.shape != value.shape or not torch.equal(now.detach(), value):
                sentence = f"Your function wrote into its argument {name}, which the caller still needs"
                return "changed its inputs", sentence
    return None


def _unused_generator(case: dict[str, Any], given: dict[str, Any]) -> tuple[str, str] | None:
    for name, value in case.items():
        if isinstance(value, torch.Generator) and torch.equal(value.get_state(), given[name].get_state()):
            sentence = f"The shares are right, but not drawn from {name}: nobody could repeat the draw"
            return "wrong value", sentence
    return None


def _changed_seed(seed: int, before: tuple) -> tuple[str, str] | None:
    if torch.initial_seed() != seed:
        return "changed the seed", "Your function sets torch's global seed, which is the caller's"
    if not all(map(_equal, _random_state(), before)):
        sentence = "Your function draws from the global random numbers, which are the caller's"
        return "changed the seed", sentence
    return None


def _random_state() -> tuple:
    return torch.get_rng_state(), random.getstate()


def _equal(a: Any, b: Any) -> bool:
    return torch.equal(a, b) if isinstance(a, Tensor) else a == b
