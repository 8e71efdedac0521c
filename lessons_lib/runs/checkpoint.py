"""Stop and go on: a run that was interrupted ends bit for bit where it would have ended.

A checkpoint is taken between two steps, never within one, and holds everything that the next step
depends on. Asking to stop (Ctrl-C, the kernel's stop button) is therefore answered at the end of the
running step: the state is kept, and KeyboardInterrupt goes on its way. Asking twice stops at once, and
the last checkpoint kept is the one to go on from.
"""

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lessons_lib.runs import storage
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
                    return unpack(found[0]["state"], found[1])
            except storage.Damaged as damaged:
                storage.set_aside(path, str(damaged))
        return None

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
                print(f"The state at step {step} could not be kept ({error.strerror}); training goes on.")
            self._said = True
            return
        self._delete(older for older in self._all() if older < path)

    def delete(self) -> None:
        """Forget every state: the run has ended."""
        self._delete(self._all())

    @contextmanager
    def interruptible(
        self, state: Callable[[], Any], progress: Any, every: int
    ) -> Iterator[Callable[[int], None]]:
        """Give a function to call after each step with the number of steps done.

        It moves `progress` by one, keeps `state()` at every `every` steps, and answers an interrupt.
        """
        with _held_interrupts() as asked:

            def finished(step: int) -> None:
                try:
                    progress.update(1)  # in a worker process this, too, may ask to stop
                    if asked():
                        raise KeyboardInterrupt
                except KeyboardInterrupt:
                    self.save(step, state())
                    raise
                if step % every == 0:
                    self.save(step, state())

            yield finished

    def _path(self, step: int) -> Path:
        return self.run.with_name(f"{self.run.name}.step{step:08d}")

    def _all(self) -> list[Path]:
        return sorted(self.run.parent.glob(f"{self.run.name}.step*"))

    def _delete(self, paths) -> None:
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)


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
