"""What one process of `run_processes` does: join the group, call the function, leave its result in a file.

`python -m lessons_lib.parallel.rank FOLDER`, started by torchrun. A thread watches whether the result is
still wanted: when the caller has taken its flag away, or is gone itself, the process ends at once, even in
the middle of a message that will never come.
"""

import importlib
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from lessons_lib.parallel.processes import PATIENCE

LOOK = 0.2  # seconds between two looks


def main(folder: Path) -> None:
    """Do the job in `folder` as the rank that the environment names, and end the process."""
    rank = int(os.environ["RANK"])
    (folder / f"pid-{rank}").write_text(str(os.getpid()))
    module, name, arguments, caller = torch.load(folder / "job.pt", weights_only=False)
    threading.Thread(target=_watch, args=(folder / "wanted", caller), daemon=True).start()
    torch.set_num_threads(1)
    try:
        function = getattr(importlib.import_module(module), name)
        dist.init_process_group("gloo", timeout=timedelta(seconds=float(os.environ[PATIENCE])))
        result = function(*arguments)
        dist.barrier()  # nobody leaves while another may still be reading
        torch.save(result, folder / f"result-{rank}.part")
        os.replace(folder / f"result-{rank}.part", folder / f"result-{rank}.pt")
    except BaseException as error:
        text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        (folder / f"error-{rank}").write_text(text, encoding="utf-8")
        os._exit(1)
    os._exit(0)  # Python would take a second to put torch away, while a reader waits


def _watch(wanted: Path, caller: int) -> None:
    """End this process when the flag is gone, or the process that waits for the result."""
    while wanted.exists() and _there(caller):
        time.sleep(LOOK)
    os._exit(1)


def _there(process: int) -> bool:
    if sys.platform == "win32":
        return True  # signal 0 would end it; there only the flag tells
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
