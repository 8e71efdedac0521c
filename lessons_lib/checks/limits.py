"""Run a reader's code with a time limit, on every operating system, and give control back.

Four ideas:
  clock     an answer has `limit` seconds of the clock; where it got little of a processor, because others
            compute, it has `PATIENCE` times as long to use that many seconds of processor time;
  thread    the code runs in a thread of its own, so that whatever is raised at it lands in it alone;
  raise     when time is up, an exception is raised in that thread from outside, again and again, since
            a bare `except:` may swallow the first (signals would be simpler, but Windows has no alarm);
  wait      inside a long library call Python gets no turn, so there the thread is waited for; what
            does not end within the grace period either is left alone, and said so.

A call that never lets Python go on (a regular expression gone wild) freezes all threads: see `frozen`.
"""

import _thread
import ctypes
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from lessons_lib.checks import frozen
from lessons_lib.checks.spots import Spot, is_theirs

GRACE = 20.0  # seconds to wait for a library call to return, once time is up
PATIENCE = 2.5  # times the limit, by the clock: then time is up however little was computed


class TimeIsUp(SystemExit):
    """Raised inside the reader's code when its time is over.

    No `except Exception` catches it, and a thread that ends by a SystemExit ends without a message.
    A bare `except:` does catch it; so when it is made, in the reader's thread, it also sees to it that
    the next line of the reader's that is reached raises it once more: that line is in the handler.
    """

    def __init__(self) -> None:
        super().__init__()
        frame = sys._getframe().f_back
        while frame is not None:
            frame.f_trace = _again
            frame = frame.f_back
        sys.settrace(_again)


def _again(frame: FrameType, event: str, arg: Any) -> Callable:
    """Trace function: raise at the next of the reader's lines; Python then drops the tracing."""
    if event == "line" and is_theirs(frame.f_code.co_filename):
        raise TimeIsUp
    return _again


@dataclass
class Ending:
    """How a limited run ended: with a `value`, an `error`, or late (`late`, perhaps still `running`)."""

    value: Any = None
    error: BaseException | None = None
    late: bool = False
    running: bool = False
    spots: list[Spot] = field(default_factory=list)  # the reader's lines when time was up, the inmost first
    seconds: float = 0.0


def run_limited(function: Callable[[], Any], limit: float, grace: float = GRACE) -> Ending:
    """Call `function()` and say how it ended, at the latest `PATIENCE` * `limit` + `grace` seconds from now.

    Whatever it raises is returned as `error`, SystemExit and KeyboardInterrupt included. An interrupt
    of the *caller* (the stop button) stops the code and is raised again.
    """
    ending, over = Ending(), threading.Event()

    def work() -> None:
        try:
            ending.value = function()
        except TimeIsUp:
            pass
        except BaseException as error:
            ending.error = error
        over.set()  # not reached when a second TimeIsUp lands above: then the thread is just gone

    # First the watchdog: code that never lets Python go on may begin before the next line does.
    watchdog = frozen.watched(PATIENCE * limit + grace)
    start, computed = time.perf_counter(), time.process_time()
    # Not threading.Thread: its own clean-up is Python too, and the exception could land there.
    thread = _thread.start_new_thread(work, ())
    try:
        if not over.wait(limit) and not _ends_on_a_busy_machine(over, start, computed, limit):
            ending.late = True
            ending.spots = _spots(sys._current_frames().get(thread))
            _stop(thread, over, grace)
    except KeyboardInterrupt:
        _stop(thread, over, 1.0)
        raise
    finally:
        watchdog.close()
    ending.running = _alive(thread, over)
    ending.seconds = time.perf_counter() - start
    return ending


def _ends_on_a_busy_machine(over: threading.Event, start: float, computed: float, limit: float) -> bool:
    """Wait on while this process has computed less than `limit` seconds; tell whether it is over."""
    while (left := limit - (time.process_time() - computed)) > 0:
        patience = start + PATIENCE * limit - time.perf_counter()
        if patience <= 0:
            return False
        if over.wait(min(max(left, 0.01), patience)):
            return True
    return False


def _spots(frame: FrameType | None) -> list[Spot]:
    stack = [] if frame is None else traceback.walk_stack(frame)
    return [Spot.at(*at) for at in stack if is_theirs(at[0].f_code.co_filename)]


def _alive(thread: int, over: threading.Event) -> bool:
    return not over.is_set() and thread in sys._current_frames()


def _stop(thread: int, over: threading.Event, grace: float) -> None:
    """Raise TimeIsUp in `thread` until it is over or `grace` seconds have passed."""
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    identity, exception = ctypes.c_ulong(thread), ctypes.py_object(TimeIsUp)
    until = time.perf_counter() + grace
    # Threads usually take turns of 5 ms, always at the same spot of a tight loop: inside the `try` of
    # one that swallows everything. With short turns the exception also lands in its handler: the end.
    turn = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        while _alive(thread, over) and time.perf_counter() < until:
            for _ in range(200):
                if over.is_set():
                    break
                raise_in(identity, exception)
            over.wait(0.001)  # the code's own turn: to fall through its handlers, or to go on computing
    finally:
        sys.setswitchinterval(turn)
