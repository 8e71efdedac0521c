"""Which runs of a store today's code would load, and how they are taken over from another machine's store."""

import os
import shutil
import uuid
from pathlib import Path

from lessons_lib.runs import alike, run_store, storage


def finished(store: Path) -> list[Path]:
    """Return the folders of a store's finished runs; unfinished states and what was set aside don't count."""
    return sorted(file.parent for file in store.glob("*/run.json") if "." not in file.parent.name)


def is_stale(entry: Path) -> bool:
    """Would the run at `entry` be made anew today? Also where it cannot be read."""
    try:
        found = storage.read_folder(entry)
        identity = found[0]["identity"] if found else {}
        module = identity["function"].rpartition(".")[0]
        return not alike.made_alike(identity, {**identity, **run_store.todays_way(module)})
    except (storage.Damaged, KeyError, TypeError, AttributeError):
        return True


def take_over(source: Path, store: Path) -> dict[str, int]:
    """Copy into `store` what today's code would load of the store `source`, and which isn't there yet.

    Findings and predictions stay behind: they are another machine's and another reader's. Returns how many
    runs were `taken`, were `here` already, or are `stale`. An OSError leaves whole runs only.
    """
    counts = {"taken": 0, "here": 0, "stale": 0}
    for entry in finished(source):
        target = store / entry.name
        if target.exists():
            counts["here"] += 1
        elif is_stale(entry):
            counts["stale"] += 1
        else:
            half = store / f".half-{uuid.uuid4().hex}"
            try:
                shutil.copytree(entry, half)
                os.rename(half, target)
            finally:
                shutil.rmtree(half, ignore_errors=True)
            counts["taken"] += 1
    return counts
