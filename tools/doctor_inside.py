"""The part of `start.py doctor` that runs in the course's environment: prints what it is as one line of JSON.

Behind a bar stands a sentence for what looks wrong. A part that cannot be told says why and stops nothing.
"""

import contextlib
import io
import json
import os
import sys
from collections import Counter
from pathlib import Path


def threads():
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    return f"torch uses {torch.get_num_threads()} for one operation; instructions {capability}"


def gpu():
    import torch

    return "torch sees CUDA" if torch.cuda.is_available() else "torch sees no CUDA"


def kernel():
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().get_all_specs()
    if "python3" not in specs:
        return (
            "there is no kernel python3|Jupyter has no kernel for this environment: `python start.py repair`."
        )
    program = specs["python3"]["spec"]["argv"][0]
    own = program == "python" or Path(program).exists() and os.path.samefile(program, sys.executable)
    others = f", {len(specs) - 1} others" if len(specs) > 1 else ""
    if not own:
        return (
            f"python3 starts another Python{others}|The kernel python3 is another Python's: open the course "
            "with `python start.py`."
        )
    return f"python3 is this environment's{others}"


def fonts():
    import matplotlib
    from matplotlib import font_manager

    from lessons_lib.show.style import STYLE

    wanted = STYLE["font.family"]
    try:
        font_manager.findfont(wanted, fallback_to_default=False)
        font, worry = f"{wanted} is there", ""
    except ValueError:
        font, worry = f"{wanted} is missing", "|The figures' font is missing: `python start.py repair`."
    kept = "can" if os.access(matplotlib.get_cachedir(), os.W_OK) else "cannot"
    return f"{font}, as matplotlib {matplotlib.__version__} brings it; its cache {kept} be written to{worry}"


def store():
    from lessons_lib.runs import place, state, storage

    folder = place.folder()
    beside = Path(place.__file__).resolve().parents[2] / ".runs"
    if os.environ.get("DEEPSEEK_COURSE_RUNS"):
        where = "where DEEPSEEK_COURSE_RUNS says"
    else:
        where = "beside the lessons" if folder == beside else "in a cache of the user's"
    runs = state.finished(folder)
    stale = sum(map(state.is_stale, runs))
    unfinished = len({p.name.partition(".")[0] for p in folder.glob("*.step*")})
    aside = folder / storage.SET_ASIDE
    set_aside = len(list(aside.iterdir())) if aside.is_dir() else 0
    damaged = len(list(folder.glob("*-damaged-*.json")))
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6
    words = (
        f"{where}: {len(runs)} runs, {stale} of them of other code or another torch, "
        f"{unfinished} unfinished, {set_aside} set aside, {damaged} damaged small files, {size:.0f} MB"
    )
    worry = f"|{stale} of {len(runs)} stored runs are not today's: lessons train those anew." if stale else ""
    return words + worry


def findings():
    from lessons_lib.runs import run_store

    counts = Counter(finding.lesson[:2] for finding in run_store.findings())
    return ", ".join(f"{lesson}: {n}" for lesson, n in sorted(counts.items())) or "no lesson has been run"


def attempt(part):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return part()
    except Exception as error:  # whatever is odd about this machine is what is looked for
        return f"could not be told ({type(error).__name__}: {error})"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # linked or not
    parts = {"threads": threads, "GPU": gpu, "kernel": kernel, "fonts": fonts}
    parts |= {"store": store, "findings": findings}
    print(json.dumps({name: attempt(part) for name, part in parts.items()}))
