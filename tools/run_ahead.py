"""Run lessons ahead, so that their cells find what they train in the store: `python start.py run 01-06`.

    python start.py run 01-06 09        these lessons, one after the other; `all` stands for every one
    python start.py run --from FOLDER   take over what another machine trained: a copy of its folder .runs

A lesson is executed as JupyterLab would, from its first cell to its last, and its file is left as it is. One
that was run ahead before is skipped while everything is as it was: its cells, the runs that they stored or
loaded, as today's code and torch would make them, and what the lesson found. `ahead.json` in the store notes
this. Ctrl-C keeps what is half trained, as the stop button does.

A store may be copied to other machines as a whole, but for `reader.json`, which is one reader's own. Where
the course is in use already, `--from` adds the runs that are missing and leaves everything else alone.
"""

import argparse
import asyncio
import hashlib
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from lessons_lib.lessons import BY_NUMBER, NOTEBOOKS, Lesson
from lessons_lib.runs import run_store, state
from lessons_lib.runs.small_files import read, update

LEDGER = "ahead.json"


class Trouble(Exception):
    """What ends the command, told in one sentence."""


def main(arguments: list[str] | None = None) -> int:
    """Run the lessons that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="start.py run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("lessons", nargs="*", metavar="NN", help="a lesson, or two with - between them")
    parser.add_argument("--from", dest="source", type=Path, metavar="FOLDER", help="another machine's store")
    options = parser.parse_intermixed_args(arguments)
    try:
        if options.source is not None:
            print(take_over(options.source))
        elif not options.lessons:
            raise Trouble("run needs lessons, such as `python start.py run 01-06`.")
        return run_all(asked(options.lessons)) if options.lessons else 0
    except (Trouble, OSError) as trouble:
        print(f"start.py: {str(trouble).rstrip('.')}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "start.py: stopped; what was trained is kept, and the next run goes on from here.",
            file=sys.stderr,
        )
        return 130


def asked(words: list[str]) -> list[Lesson]:
    """Return the lessons that words such as 03, 05-07 and all mean, in order, each once."""
    chosen: set[str] = set()
    for word in words:
        found = re.fullmatch(r"(\d\d?)(?:-(\d\d?))?", word)
        if word == "all":
            chosen |= set(BY_NUMBER)
        elif not found:
            raise Trouble(f"lessons are named by their numbers, such as 03 or 01-06, not '{word}'")
        else:
            first, last = found[1].zfill(2), (found[2] or found[1]).zfill(2)
            unknown = [number for number in (first, last) if number not in BY_NUMBER]
            if unknown:
                raise Trouble(
                    f"there is no lesson {unknown[0]}: there are {min(BY_NUMBER)} to {max(BY_NUMBER)}"
                )
            if first > last:
                raise Trouble(f"{word} runs backwards: it is {last}-{first}")
            chosen |= {number for number in BY_NUMBER if first <= number <= last}
    return [BY_NUMBER[number] for number in sorted(chosen)]


def run_all(lessons: list[Lesson], folder: Path = NOTEBOOKS) -> int:
    """Run these lessons, those that are fresh aside; return 1 where one of them stopped."""
    fresh = [lesson for lesson in lessons if is_fresh(lesson, folder)]
    left, stopped, begun = [lesson for lesson in lessons if lesson not in fresh], [], time.monotonic()
    if fresh:
        print(f"Ready, and skipped: {', '.join(lesson.number for lesson in fresh)}.")
    if left:
        minutes = sum(lesson.seconds for lesson in left) / 60
        print(f"{len(left)} to run, on two idle cores some {minutes:.0f} minutes from nothing.", flush=True)
    for lesson in left:
        fault = run_lesson(lesson, folder)
        if fault:
            stopped.append(lesson.number)
            print(f"{lesson.stem}: {fault}", flush=True)
    done = len(left) - len(stopped)
    print(f"{done} run in {(time.monotonic() - begun) / 60:.1f} minutes; the store is {run_store.folder()}.")
    if stopped:
        print(f"Not run to the end: {', '.join(stopped)}.")
    return 1 if stopped else 0


def run_lesson(lesson: Lesson, folder: Path) -> str | None:
    """Execute a lesson and note what it left; return what stopped it, or None."""
    notebook = nbformat.read(folder / f"{lesson.stem}.ipynb", as_version=4)
    cells, begun, since = hash_of_cells(notebook), time.monotonic(), now_in(run_store.folder())
    total = len(notebook.cells)

    def tell(cell, cell_index):
        if sys.stdout.isatty():
            print(f"\r{lesson.stem}: cell {cell_index + 1} of {total} ", end="", flush=True)

    print(f"{lesson.stem} ...", end="" if sys.stdout.isatty() else "\n", flush=True)
    where = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources=where, on_cell_execute=tell
    )
    if fault := execute(client):
        return fault
    used = [p.name for p in state.finished(run_store.folder()) if p.stat().st_mtime_ns >= since]
    update(LEDGER, is_ledger, lambda content: content.update({lesson.stem: {"cells": cells, "runs": used}}))
    print(f"\r{lesson.stem}: {time.monotonic() - begun:.0f} s, {len(used)} runs in the store.", flush=True)
    return None


def execute(client: NotebookClient) -> str | None:
    """Run all cells, in a thread of their own; return what stopped them. Ctrl-C presses the stop button."""
    faults: list[str] = []

    def work() -> None:
        try:
            client.execute(stderr=subprocess.DEVNULL)  # what the kernel says of itself when it is ended
        except CellExecutionError as error:
            faults.append(f"a cell stopped with {f'{error.ename}: {error.evalue}'.splitlines()[0][:200]}")
        except DeadKernelError:
            faults.append("its Python ended, which mostly means that the memory ran out")

    thread, stopped = threading.Thread(target=work, daemon=True), False
    thread.start()
    while thread.is_alive():
        try:
            thread.join(0.5)
        except KeyboardInterrupt:
            if stopped or client.km is None:
                raise
            stopped = True
            asyncio.run(client.km.interrupt_kernel())
    if stopped:
        raise KeyboardInterrupt
    return faults[0] if faults else None


def is_fresh(lesson: Lesson, folder: Path) -> bool:
    """Say whether a lesson was run ahead, and its cells, its runs and what it found are still there."""
    noted = read(LEDGER, is_ledger).get(lesson.stem)
    notebook = nbformat.read(folder / f"{lesson.stem}.ipynb", as_version=4)
    if noted is None or noted["cells"] != hash_of_cells(notebook):
        return False
    records = any("record_finding" in cell.source for cell in notebook.cells if cell.cell_type == "code")
    if records and not any(finding.lesson == lesson.stem for finding in run_store.findings()):
        return False
    return not any(state.is_stale(run_store.folder() / name) for name in noted["runs"])


def hash_of_cells(notebook: nbformat.NotebookNode) -> str:
    """Return a hash of a notebook's code."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


def now_in(folder: Path) -> int:
    """Return the time by the clock of a folder's disk, in nanoseconds: runs that are used get a later one."""
    probe = folder / ".half-clock"
    probe.write_text("")
    try:
        return probe.stat().st_mtime_ns
    finally:
        probe.unlink(missing_ok=True)


def is_ledger(content: object) -> bool:
    """Say whether this is {lesson: {"cells": a hash, "runs": names}}."""
    return isinstance(content, dict) and all(
        isinstance(note, dict) and isinstance(note.get("cells"), str) and isinstance(note.get("runs"), list)
        for note in content.values()
    )


def take_over(source: Path) -> str:
    """Copy the runs of another machine's store, or of the course's folder there; return what came of it."""
    source = source.expanduser()
    source = source / ".runs" if (source / ".runs").is_dir() else source
    if not source.is_dir():
        raise Trouble(f"--from needs a folder, and '{source}' is none")
    if source.samefile(run_store.folder()):
        raise Trouble(f"{source} is this course's own store")
    counts = state.take_over(source, run_store.folder())
    if not sum(counts.values()):
        raise Trouble(f"{source} holds no runs: it should be a copy of the folder .runs of another machine")
    stale = f", {counts['stale']} of other code or another torch left" if counts["stale"] else ""
    return f"{counts['taken']} runs taken over, {counts['here']} were here already{stale}."


if __name__ == "__main__":
    sys.exit(main())
