"""Start `pretrain.py` from a notebook: torchrun as a process, its output streamed, nobody left behind.

Never forked (a forked torch may hang), and nothing of a cell is sent: the processes import the library. The
stop button ends all ranks; so does the end of this process, since every rank watches its torchrun.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from lessons_lib.arguments import number, whole

MODULE = "lessons_lib.parallel.pretrain"
END = 3.0  # seconds that the ranks get to end before they are killed


def launch(*options: str, n: int = 2, limit: float = 1200.0, restarts: int = 0) -> list[dict[str, Any]]:
    """Return the JSON of each layout, after `pretrain.py` with these options on `n` processes.

    What the ranks print appears as they print it. Raises RuntimeError, with the first complaint of a rank,
    where one fails, and where all takes longer than `limit` seconds. `restarts`: how often all start again.
    """
    whole(1, 64, n=n)
    whole(0, 9, restarts=restarts)
    number(0.1, limit=limit)
    with tempfile.TemporaryDirectory(prefix="ranks-", ignore_cleanup_errors=True) as made:
        found, log = Path(made, "found.json"), Path(made, "log")
        with open(log, "wb") as complaints:
            torchrun = subprocess.Popen(
                [*command(n, restarts), *options, "--json", str(found)],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,  # the stop button's signal is for us alone
            )
            timer = threading.Timer(limit, torchrun.kill)
            timer.start()
            try:
                for line in torchrun.stdout or ():
                    print(line.decode(errors="replace"), end="", flush=True)
                torchrun.wait()
            finally:
                timed_out = not timer.is_alive()
                timer.cancel()
                _end(torchrun)
        if torchrun.returncode or not found.exists():
            text = log.read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"not done after {limit:g} s" if timed_out else _first_complaint(text))
        told = json.loads(found.read_text())
        return told if isinstance(told, list) else [told]


def command(n: int, restarts: int = 0) -> list[str]:
    """Return how `pretrain.py` is started on `n` processes, with a free port of this machine."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    return [*run, f"--nproc-per-node={n}", f"--max-restarts={restarts}", "-m", MODULE]


def environment() -> dict[str, str]:
    """Return this process's environment with what the ranks need to be told."""
    told = {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
        # without it torch 2.13 gives the ranks of a restart addresses of the dead
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }
    if sys.platform == "win32":
        told["USE_LIBUV"] = "0"  # which torch's wheels for Windows lack
    return os.environ | told


def _end(torchrun: subprocess.Popen) -> None:
    """End torchrun and with it all ranks, the polite way first."""
    if torchrun.poll() is None:
        torchrun.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            torchrun.wait(END)
    torchrun.kill()
    torchrun.wait()


def _first_complaint(log: str) -> str:
    """Return the sentence that says best what happened; a lost connection is only an echo."""
    lines = [re.sub(r"^\[rank\d+\]: ?", "", line).strip() for line in log.splitlines()]
    said = [line for line in lines if re.match(r"(pretrain: |\w*(Error|Exception): )", line)]
    own = [line for line in said if "closed by peer" not in line and "reset by peer" not in line]
    return next(iter([*own, *said]), "a rank ended without a word, as if killed")
