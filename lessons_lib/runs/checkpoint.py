"""Stop and go on: a run that was interrupted ends bit for bit where it would have ended.

A checkpoint is taken between two steps, never within one, and holds everything that the next step
depends on. Asking to stop (Ctrl-C, the kernel's stop button) is therefore answered at the end of the
running step: the state is kept, and KeyboardInterrupt goes on its way. Asking twice stops at once, and
the last checkpoint kept is the one to go on from.

A loop is written as if it were never interrupted, over the steps that are left:

    steps = checkpoint.steps(config.steps, 100, progress, model=model, optimizer=optimizer, history=history)
    for step in steps:
        ...
"""

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lessons_lib.helping import with_help
from lessons_lib.runs import storage
from lessons_lib.runs.finite import require_finite_weights
from lessons_lib.runs.packing import pack, unpack


class Checkpoint:
    """The unfinished states of one run, as folders `<run>.step00000100` beside finished runs."""

    def __init__(self, run: Path, identity: dict[str, Any]) -> None:
        self.run = run
        self.identity = identity
        self._said = False

    def load(self) -> Any:
        """Return the newest state that can be trusted, or None."""
        for path in reversed(self._all()):
            try:
                found = storage.read_folder(path)
                if found and found[0].get("identity") != self.identity:
                    raise storage.Damaged("belongs to another run")
                if found:
                    return self._unpacked(*found)
            except storage.Damaged as damaged:
                storage.set_aside(path, str(damaged))
        return None

    @staticmethod
    def _unpacked(data: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
        try:
            return unpack(data["state"], tensors)
        except Exception as error:  # whatever is wrong in a file must not stop a lesson
            raise storage.Damaged(f"cannot be read ({type(error).__name__}: {error})") from error

    def save(self, step: int, state: Any) -> None:
        """Keep `state` as it is after `step` steps, and forget older ones.

        A full disk is said once and stops nothing.
        """
        packed, tensors = pack(state)
        data = {"identity": self.identity, "step": step, "state": packed}
        path = self._path(step)
        try:
            storage.write_folder(path, data, tensors)
        except OSError as error:
            if not self._said:
                why = error.strerror
                print(with_help(f"The state at step {step} could not be kept ({why}); training goes on."))
            self._said = True
            return
        self._delete(older for older in self._all() if older < path)

    def delete(self) -> None:
        """Forget every state: the run has ended."""
        self._delete(self._all())

    def steps(
        self,
        total: int,
        every: int,
        progress: Any,
        *,
        clock: Callable[[], float] = time.process_time,
        **parts: Any,
    ) -> "Steps":
        """Return the steps of `total` that are left, to be iterated over once; 0 is the first.

        `parts` are all that a step depends on beside its number, `model` among them: modules, optimizers,
        dictionaries, tensors, or None. What an earlier, interrupted run left is put back *into* them.
        """
        return Steps(self, total, every, progress, clock, parts)

    def _path(self, step: int) -> Path:
        return self.run.with_name(f"{self.run.name}.step{step:08d}")

    def _all(self) -> list[Path]:
        return sorted(self.run.parent.glob(f"{self.run.name}.step*"))

    def _delete(self, paths) -> None:
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)


class Steps:
    """The steps of a run that are left. `seconds`, by its clock, is what all steps up to now took."""

    def __init__(self, checkpoint: Checkpoint, total: int, every: int, progress: Any, clock, parts) -> None:
        self._checkpoint, self._total, self._every = checkpoint, total, every
        self._progress, self._clock, self._parts = progress, clock, parts
        self.seconds = 0.0

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers of the steps; after each, note its end and answer an interrupt.

        Raises FloatingPointError if after the last step a weight of the model is not finite.
        """
        done = self._take_up()
        before, began = self.seconds, self._clock()
        with _held_interrupts() as asked:
            for step in range(done, self._total):
                yield step
                self.seconds = before + self._clock() - began
                try:
                    self._progress.update(1)  # in a worker process this, too, may ask to stop
                    if asked():
                        raise KeyboardInterrupt
                except KeyboardInterrupt:
                    self._checkpoint.save(step + 1, self._state(step + 1))
                    raise
                if (step + 1) % self._every == 0:
                    self._checkpoint.save(step + 1, self._state(step + 1))
        require_finite_weights(self._parts["model"], self._total)

    def _state(self, done: int) -> dict[str, Any]:
        found = {k: p.state_dict() if hasattr(p, "state_dict") else p for k, p in self._parts.items()}
        return {"parts": found, "done": done, "seconds": self.seconds, "random": torch.get_rng_state()}

    def _take_up(self) -> int:
        """Put back what is kept, and return the number of steps that were done."""
        saved = self._checkpoint.load()
        if saved is None:
            return 0
        for name, part in self._parts.items():
            kept = saved["parts"][name]
            if hasattr(part, "load_state_dict"):
                part.load_state_dict(kept)
            elif isinstance(part, Tensor):
                part.copy_(kept)
            elif part is not None:
                part.clear()
                part.update(kept)
        torch.set_rng_state(saved["random"])
        self.seconds = saved["seconds"]
        self._progress.update(saved["done"])
        return saved["done"]


@contextmanager
def _held_interrupts() -> Iterator[Callable[[], bool]]:
    """Remember a first SIGINT instead of raising; give a function that says whether one came.

    Python handles signals in its main thread only, so elsewhere there is nothing to hold back; nor is
    there where signals are ignored, as in a worker process.
    """
    held = False

    def remember(signum: int, frame: Any) -> None:
        nonlocal held
        if held:
            raise KeyboardInterrupt
        held = True

    before = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or before in (None, signal.SIG_IGN):
        yield lambda: held
        return
    signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: held
    finally:
        signal.signal(signal.SIGINT, before)
    if held:  # it came after the last step, and nobody has answered it
        raise KeyboardInterrupt
