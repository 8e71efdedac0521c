"""Run one function in several processes that can talk to each other, and bring their results back.

Three ideas:
  ranks    every process runs the same function; its number, the rank, says which part is its own. They
           talk by gloo, which needs no GPU;
  torchrun starts them, here as on a thousand GPUs: `python -m torch.distributed.run --standalone`, which
           picks a free port and ends all ranks when one fails;
  nobody   is left: every message has a limit of time, and when the call ends, by a result, an error, a
           limit or the stop button, every rank ends with it (see `rank.py`).

The function stands in a module, since a fresh process imports it; it cannot be one of a notebook's cells.
Never forked: a forked torch may hang; and not by torch.multiprocessing, whose processes outlive an interrupt.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist

from lessons_lib.arguments import number, whole

R = TypeVar("R")
PATIENCE = "DEEPSEEK_COURSE_PATIENCE"  # the environment tells it to the ranks
END = 10.0  # seconds that the ranks get to end before they are killed
ECHOES = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Timed out")


def run_processes(
    function: Callable[..., R], *arguments: object, n: int = 2, patience: float = 30.0, limit: float = 300.0
) -> list[R]:
    """Return what `function(*arguments)` gave in each of `n` processes, by rank.

    Within it `torch.distributed` is ready (backend gloo), with one torch thread a process. Raises
    RuntimeError, with the rank, where one fails, is killed, or waits longer than `patience` seconds in vain,
    and where the whole takes longer than `limit` seconds; TypeError for a function that no other process
    could import. Arguments and results travel as files of torch.
    """
    whole(1, 64, n=n)
    number(0.1, patience=patience, limit=limit)
    name = _importable(function)
    with tempfile.TemporaryDirectory(prefix="ranks-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        torch.save((*name, arguments, os.getpid()), folder / "job.pt")
        with _started(folder, n, patience) as torchrun:
            try:
                torchrun.wait(limit)
            except subprocess.TimeoutExpired:
                raise RuntimeError(
                    f"{function.__name__}: not done in {n} processes after {limit:g} s"
                ) from None
        found = [folder / f"result-{rank}.pt" for rank in range(n)]
        if torchrun.returncode or not all(path.exists() for path in found):
            raise RuntimeError(f"{function.__name__}: {_what_failed(folder, n, patience)}")
        return [torch.load(path, weights_only=False) for path in found]  # our own files


def new_group(ranks: list[int]) -> dist.ProcessGroup:
    """Return a group of these ranks whose messages have the same limit of time; every rank must call it."""
    return dist.new_group(ranks, timeout=timedelta(seconds=float(os.environ[PATIENCE])))


def _importable(function: Callable) -> tuple[str, str]:
    """Return module and name by which a fresh process finds the function."""
    module, name = str(getattr(function, "__module__", None)), str(getattr(function, "__qualname__", None))
    if module == "__main__" or getattr(sys.modules.get(module), name, None) is not function:
        raise TypeError(
            f"another process can only run a function that it can import from a module; {name} comes from "
            f"{'this notebook' if module == '__main__' else module}"
        )
    return module, name


@contextlib.contextmanager
def _started(folder: Path, n: int, patience: float) -> Iterator[subprocess.Popen]:
    """Start torchrun with `n` ranks and give it; at the end, however it comes, none of them is left."""
    flag = folder / "wanted"  # the ranks end when it is gone
    flag.touch()
    paths = [path for path in sys.path if path]
    told = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", PATIENCE: str(patience)}
    if sys.platform == "win32":
        told["USE_LIBUV"] = "0"  # which torch's wheels for Windows lack
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"]
    with open(folder / "log", "wb") as log:
        torchrun = subprocess.Popen(
            [*command, "-m", "lessons_lib.parallel.rank", str(folder)],
            env=os.environ | told,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the stop button's signal is for us alone
        )
        try:
            yield torchrun
        finally:
            flag.unlink(missing_ok=True)
            if torchrun.poll() is None:
                torchrun.terminate()
            try:
                torchrun.wait(END)
            finally:  # also on a second, impatient interrupt
                torchrun.kill()
                torchrun.wait()
                _all_gone(folder)


def _all_gone(folder: Path) -> None:
    """Wait until no rank is left; each takes its mark away when it ends, or was ended by torchrun."""
    deadline = time.monotonic() + END
    while time.monotonic() < deadline and any(_lives(mark) for mark in folder.glob("pid-*")):
        time.sleep(0.05)


def _lives(mark: Path) -> bool:
    """Say whether the process that left this mark is still there, as far as a system can tell."""
    if sys.platform == "win32" or not mark.exists():
        return False  # there a signal 0 would end the process; the missing flag ends it
    try:
        os.kill(int(mark.read_text() or 0) or os.getpid(), 0)
    except ProcessLookupError:
        return False
    return True


def _what_failed(folder: Path, n: int, patience: float) -> str:
    """Return a sentence about the rank that failed first; what followed from it is an echo."""
    told = sorted(folder.glob("error-*"), key=lambda path: path.stat().st_mtime_ns)
    said = [(path.name.removeprefix("error-"), path.read_text(encoding="utf-8")) for path in told]
    for rank, text in said:
        if not any(echo in text for echo in ECHOES):
            return f"rank {rank} of {n}: {text}"
    for rank, text in said:
        if "Timed out" in text:
            return f"rank {rank} of {n} waited {patience:g} s for another one, in vain"
    log = (folder / "log").read_text(encoding="utf-8", errors="replace")
    first = re.search(r"Root Cause.*?rank\s*:\s*(\d+)", log, re.DOTALL)
    spoke = {int(rank) for rank, _ in said}
    silent = [rank for rank in range(n) if rank not in spoke and not (folder / f"result-{rank}.pt").exists()]
    if silent:  # the others lost the connection to it, or were ended before they noticed
        dead = int(first[1]) if first and int(first[1]) in silent else silent[0]
        return f"rank {dead} of {n} ended without a word, as if killed"
    last = log.strip().splitlines()[-1:] or ["nothing was said"]
    return f"it did not come to its end: {said[0][1] if said else last[0]}"
