"""Where runs are kept: beside the lessons, or where the reader says, or where this user alone can write."""

import functools
import os
import sys
import tempfile
from pathlib import Path

from lessons_lib.helping import with_help


def folder() -> Path:
    """Return the folder of all runs, made if need be.

    It is `DEEPSEEK_COURSE_RUNS` if that is set, else `.runs` beside `lessons_lib`, whatever the working
    folder; if that cannot be written, a folder in the user's cache, which is then said once.
    """
    return _choose(os.environ.get("DEEPSEEK_COURSE_RUNS"))


@functools.cache
def _choose(asked: str | None) -> Path:
    checkout = Path(__file__).resolve().parents[2]
    wished = Path(asked).expanduser().absolute() if asked else checkout / ".runs"
    if not asked and not (checkout / "notebooks").is_dir():
        why = "lessons_lib is installed apart from its repository"
    elif _can_write(wished):
        return wished
    else:
        why = f"{wished} cannot be written"
    others = [place for place in (_user_cache(), _last_resort()) if place is not None]
    for other in others:
        if _can_write(other) and _is_ours(other):
            print(with_help(f"Runs are kept in {other}, because {why}."))
            return other
    tried = ", ".join(map(str, [wished, *others]))
    why = f"runs have nowhere to go: none of {tried} can be written; set DEEPSEEK_COURSE_RUNS"
    raise OSError(with_help(why).rstrip("."))


def _can_write(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False


def _last_resort() -> Path:
    """Return a folder for temporary files that is this user's alone; others may have one of theirs."""
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"deepseek-on-a-laptop-{owner}"


def _is_ours(path: Path) -> bool:
    """Say whether a folder is nobody else's: what lies there may be another user's trap."""
    return not path.is_symlink() and (not hasattr(os, "getuid") or path.stat().st_uid == os.getuid())


def _user_cache() -> Path | None:
    """Return the folder for this user's runs, None where nobody knows their home."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "deepseek-on-a-laptop" / "runs"
