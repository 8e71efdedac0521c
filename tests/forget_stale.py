"""Remove from a run store what today's code or torch would make in another way; `test --warm` begins so.

A reader keeps such runs, since another checkout may share the store, and is told in a sentence when one is
made anew. In a comparison of notebooks that sentence would be a difference.
"""

import shutil
import sys
from pathlib import Path

from lessons_lib.runs import storage
from lessons_lib.runs.state import is_stale


def forget_stale(store: Path) -> list[str]:
    """Remove stale runs, finished or not, and what was set aside; return their names."""
    entries = [path for path in sorted(store.iterdir()) if path.is_dir()]
    stale = [path for path in entries if path.name == storage.SET_ASIDE or is_stale(path)]
    for path in stale:
        shutil.rmtree(path)
    return [path.name for path in stale]


if __name__ == "__main__":
    forgotten = forget_stale(Path(sys.argv[1]))
    print(f"{len(forgotten)} stored runs are stale and forgotten.")
