"""Keep what a lesson trained, so that running the cell again loads it instead.

    remember(function, configuration, seed, compute)   the result, stored or made and then stored
    record_findings, finding, findings                 what a lesson measured, for lesson 21
    record_prediction, prediction, predictions         what the reader wrote

A run is named by what it is (function, configuration, seed) and how it was made (torch's version, the
code). The same run made in several ways is kept side by side, so that checkouts can share a store: of each
run the `KEPT` versions that were used last. Where none was made in today's way, a sentence says why it is
made anew; one that is damaged or belongs elsewhere is named and set aside. A function whose runs are kept
says how long the progress bar is, by a function of the configuration:

    @run_store.takes_steps(lambda config: config.steps)
    def train(config, seed=0, *, progress=None):
        return run_store.remember(train, config, seed, _fit, progress=progress)

and `_fit(config, seed, progress, checkpoint)` calls `progress.update(1)` per step; `checkpoint.steps` does.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import torch

from lessons_lib.helping import with_help
from lessons_lib.runs import alike, storage
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.disturbance import disturbance
from lessons_lib.runs.findings import (
    Finding,
    finding,
    findings,
    prediction,
    predictions,
    record_finding,
    record_findings,
    record_prediction,
)
from lessons_lib.runs.fingerprint import fingerprint
from lessons_lib.runs.packing import pack, unpack
from lessons_lib.runs.place import folder
from lessons_lib.runs.progress import progress as progress_bar

__all__ = [
    "Finding",
    "Loaded",
    "finding",
    "findings",
    "folder",
    "load",
    "prediction",
    "predictions",
    "record_finding",
    "record_findings",
    "record_prediction",
    "remember",
    "takes_steps",
    "total_steps",
]

F = TypeVar("F", bound=Callable)
FORMAT = 1  # of an entry's files; another number makes every stored run outdated
KEPT = 3  # versions of a run: today's, that of another checkout, and one to go back to


@dataclass(frozen=True)
class Loaded:
    """A stored result; a class of its own, because a result may be None."""

    result: Any


def remember(
    function: Callable, configuration: Any, seed: int, compute: Callable, *, progress: Any = None
) -> Any:
    """Return the result of `function(configuration, seed)`: loaded if it is stored, else made.

    It is made by `compute(configuration, seed, progress, checkpoint)`, on one torch thread whatever the
    caller uses, so that the bits do not depend on the number of cores, and stored. Either way the
    result has passed through its stored form, and either way the same bar ends full: the one given as
    `progress`, else one of its own.
    """
    total = total_steps(function, configuration)
    with contextlib.ExitStack() as stack:
        if progress is None:
            progress = stack.enter_context(progress_bar(total, f"{function.__name__}, seed {seed}"))
        found = load(function, configuration, seed)
        if found:
            progress.update(total)
            return found.result
        identity, path = _identify(function, configuration, seed)
        if others := storage.versions(path):
            run, why = path.name.rpartition("-")[0], alike.difference(others[0], identity)
            print(with_help(f"The run {run} is made anew: the one kept was {why}."))
        checkpoint = Checkpoint(path, identity)
        try:
            with one_thread():
                packed, tensors = pack(compute(configuration, seed, progress, checkpoint))
        except FloatingPointError:  # it diverged, and would again from its last checkpoint
            checkpoint.delete()
            raise
        _save(path, identity, packed, tensors)
        checkpoint.delete()
        return unpack(packed, tensors)


def load(function: Callable, configuration: Any, seed: int) -> Loaded | None:
    """Return the stored result of `function(configuration, seed)`, or None where it must be made.

    One that is damaged is named and set aside; one that was made in another way is left alone.
    """
    identity, path = _identify(function, configuration, seed)
    path = alike.kept(path, identity)
    try:
        found = storage.read_folder(path)
        if found is None:
            return None
        if not alike.made_alike(found[0].get("identity"), identity):
            raise storage.Damaged("belongs to another configuration")
        storage.touch(path)
        try:
            return Loaded(unpack(found[0]["result"], found[1]))
        except Exception as error:  # whatever is wrong in a file must not stop a lesson
            raise storage.Damaged(f"cannot be read ({type(error).__name__}: {error})") from error
    except storage.Damaged as damaged:
        storage.set_aside(path, str(damaged))
        return None


def takes_steps(count: Callable[[Any], int]) -> Callable[[F], F]:
    """Return a decorator that gives a function its attribute `total_steps`, which is `count`."""

    def mark(function: F) -> F:
        cast(Any, function).total_steps = count
        return function

    return mark


def total_steps(function: Callable, configuration: Any) -> int:
    """Return how many steps `function` takes with `configuration`; 1 if it does not say."""
    return function.total_steps(configuration) if hasattr(function, "total_steps") else 1


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def todays_way(module: str) -> dict[str, Any]:
    """Return the part of an identity that says how a run of a function in `module` would be made today."""
    return {"torch": torch.__version__, "format": FORMAT, "code": fingerprint(module)}


def _identify(function: Callable, configuration: Any, seed: int) -> tuple[dict[str, Any], Path]:
    """Return what tells this run from every other, and the folder that it is or will be kept in."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"a seed is a whole number, got {seed!r}")
    packed, tensors = pack(configuration)
    if tensors:
        raise TypeError(f"a configuration cannot hold tensors, but has {', '.join(tensors)}")
    name = f"{function.__module__}.{function.__qualname__}"
    what = {"function": name, "configuration": packed, "seed": seed}
    if (number := disturbance()) is not None:
        what["disturbance"] = number
    how = todays_way(function.__module__)
    short = f"{function.__name__}-{storage.hash_of(what)[:12]}-{storage.hash_of(how)[:12]}"
    return {**what, **how}, folder() / short


def _save(path: Path, identity: dict[str, Any], packed: Any, tensors: dict) -> None:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    try:
        storage.write_folder(path, {"identity": identity, "saved": now, "result": packed}, tensors)
        storage.delete(storage.versions(path)[KEPT - 1 :])
    except OSError as error:
        print(with_help(f"The run could not be kept in {path.parent} ({error.strerror}), but is used now."))
