"""pytest for notebooks, where --nbval-cell-timeout means seconds of processor time.

On a busy machine a cell waits without being at fault; what its kernel and the workers of its kernel have
computed says when it hangs in a loop. One that hangs waiting computes nothing, so the clock ends it at four
times the limit. A kernel that dies (out of memory, say) is noticed at once.
"""

import sys
import time
from queue import Empty

import psutil
import pytest
from nbval.kernel import RunningKernel

PATIENCE = 4  # seconds of the clock for one of the limit
await_reply = RunningKernel.await_reply


def processor_seconds(pid: int) -> float:
    """Return what a process, its children and theirs have computed; nothing for one that is gone."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return total
    for member in family:
        try:
            spent = member.cpu_times()
        except psutil.NoSuchProcess:  # it ended just now, and is in its parent's account
            continue
        total += spent.user + spent.system
        total += getattr(spent, "children_user", 0.0) + getattr(spent, "children_system", 0.0)
    return total


def await_reply_by_processor(kernel: RunningKernel, msg_id: str, timeout: float | None = None) -> None:
    """Wait until a cell has run; raise Empty, as nbval expects, once it has computed `timeout` seconds."""
    pid, start = kernel.km.provisioner.pid, time.monotonic()
    before = processor_seconds(pid)
    while True:
        try:
            return await_reply(kernel, msg_id, timeout=1)
        except Empty:
            if not kernel.is_alive():
                raise RuntimeError("The kernel died while this cell ran.") from None
            if timeout is None:
                continue
            if processor_seconds(pid) - before > timeout or time.monotonic() - start > PATIENCE * timeout:
                raise


if __name__ == "__main__":
    RunningKernel.await_reply = await_reply_by_processor
    # pytest would have liked to load nbval itself, for better messages of asserts that nbval has not.
    sys.exit(pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *sys.argv[1:]]))
