"""Small files of the store that several kernels write: whole or not at all, one after the other.

A damaged one is named and never trusted; before it is written over it is kept under another name.
"""

import contextlib
import errno
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from lessons_lib.helping import with_help
from lessons_lib.runs.place import folder
from lessons_lib.runs.storage import sweep

UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}
PATIENCE = 10.0  # seconds to wait for another kernel that is writing the same file


def _parse(path: Path, is_whole: Callable[[Any], bool]) -> dict | None:
    """Return the file's content, {} if there is no file, None if the file is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):  # neither JSON nor UTF-8, or nested without end
        return None
    return content if is_whole(content) else None


def read(name: str, is_whole: Callable[[Any], bool]) -> dict:
    """Return the content of a file of the store; a damaged one is named, left alone, and counts as empty."""
    path = folder() / name
    try:
        try:
            with _lock(path):
                content = _parse(path, is_whole)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            content = _parse(path, is_whole)  # where nobody can write, nobody needs to wait
    except OSError as error:
        print(with_help(f"{path} cannot be opened ({error.strerror or error})."))
        return {}
    if content is None:
        print(with_help(f"{path} is damaged and cannot be read."))
        return {}
    return content


def update(name: str, is_whole: Callable[[Any], bool], change: Callable[[dict], None]) -> None:
    """Apply `change` to a file's content while no other kernel does, and write the file whole."""
    path = folder() / name
    half = path.with_name(f".half-{uuid.uuid4().hex}")
    try:
        with _lock(path):
            sweep(path.parent)
            content = _parse(path, is_whole)
            if content is None:
                kept = path.with_name(f"{path.stem}-damaged-{uuid.uuid4().hex[:6]}.json")
                os.replace(path, kept)  # where this fails, nothing is written either
                sentence = f"{name} was damaged: it is kept as {kept.name}, and a new one is begun."
                print(with_help(sentence))
                content = {}
            change(content)
            text = json.dumps(content, indent=1, ensure_ascii=False)
            half.write_text(text, encoding="utf-8")
            os.replace(half, path)
    except OSError as error:  # a lock that another kernel does not give back is one as well
        print(with_help(f"{path} could not be written ({error.strerror or error}): nothing was kept."))
    finally:
        with contextlib.suppress(OSError):
            half.unlink()


def _lock(path: Path) -> FileLock:
    """Return a lock for `path`; the system takes it back from a kernel that dies."""
    return FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE)
