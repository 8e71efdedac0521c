"""How a folder of two files is written whole or not at all, and read with distrust.

An entry is a folder with `run.json` and `tensors.safetensors`. It is written under another name and
renamed when complete, so that neither a crash nor a second kernel can leave half of one. Both files are
verified by checksum when they are read.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from lessons_lib.helping import with_help

SET_ASIDE = "set-aside"


class Damaged(Exception):
    """A stored folder cannot be trusted; the message says why, as the end of a sentence."""


def write_folder(target: Path, data: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write `data` and `tensors` as the folder `target`, whole or not at all; OSError if it fails.

    If `target` exists already, another kernel was quicker with the same run, and its folder stays.
    """
    blob = safetensors.torch.save(tensors)
    data = {**data, "tensors_sha256": hashlib.sha256(blob).hexdigest()}
    data["sha256"] = hash_of(data)
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)
    half = target.parent / f".half-{uuid.uuid4().hex}"
    try:
        half.mkdir()
        (half / "tensors.safetensors").write_bytes(blob)
        text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
        (half / "run.json").write_text(text, encoding="utf-8")
        try:
            half.rename(target)
        except OSError:
            if not target.exists():
                raise
    finally:
        shutil.rmtree(half, ignore_errors=True)


def read_folder(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return (data, tensors) of a folder that `write_folder` made; None if there is none.

    Raises Damaged if a file is missing, cannot be read, or is not what was written.
    """
    try:
        data = json.loads((path / "run.json").read_text(encoding="utf-8"))
        blob = (path / "tensors.safetensors").read_bytes()
        checksum, sealed = data.pop("sha256"), data["tensors_sha256"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        if not os.path.exists(path):  # also when another kernel has just moved it; never an error of its own
            return None
        raise Damaged("is damaged (a file is missing or cannot be read)") from error
    if checksum != hash_of(data) or sealed != hashlib.sha256(blob).hexdigest():
        raise Damaged("is damaged (its checksum is wrong)")
    try:
        return data, safetensors.torch.load(blob)
    except Exception as error:  # whatever is wrong in a file must not stop a lesson
        raise Damaged("is damaged (its tensors cannot be read)") from error


def hash_of(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def touch(path: Path) -> None:
    """Note that an entry was used just now, where the folder can be written."""
    with contextlib.suppress(OSError):
        os.utime(path)


def versions(path: Path) -> list[Path]:
    """Return the same run's entries and unfinished states made in another way, the last used first.

    They have `path`'s name up to its last `-`. A version's newest unfinished state stands for the others.
    """
    found: dict[str, tuple[float, Path]] = {}
    for other in path.parent.glob(f"{path.name.rpartition('-')[0]}-*"):
        with contextlib.suppress(OSError):  # another kernel may remove it just now
            name, used = other.name.partition(".")[0], (other.stat().st_mtime, other)
            found[name] = max(used, found.get(name, used))
    found.pop(path.name, None)
    return [other for _, other in sorted(found.values(), reverse=True)]


def delete(entries: Iterable[Path]) -> None:
    """Remove versions of a run, unfinished states included."""
    for entry in entries:
        for part in entry.parent.glob(f"{entry.name.partition('.')[0]}*"):
            shutil.rmtree(part, ignore_errors=True)


def set_aside(path: Path, reason: str) -> None:
    """Move a run that is not to be trusted out of the way, and say so in one sentence.

    The latest of each run stays there for whoever wants to know; earlier ones are removed.
    """
    aside = path.parent / SET_ASIDE
    try:
        aside.mkdir(exist_ok=True)
        for earlier in aside.glob(f"{path.name.rpartition('-')[0]}-*"):
            shutil.rmtree(earlier, ignore_errors=True)
        path.rename(aside / path.name)
    except FileNotFoundError:
        return  # another kernel was quicker, and said so
    except OSError as error:
        print(with_help(f"The stored run {path.name} {reason}, and cannot be moved ({error.strerror})."))
        return
    sentence = f"The stored run {path.name} {reason}: it was moved to {SET_ASIDE} and is made anew."
    print(with_help(sentence))


def sweep(parent: Path) -> None:
    """Remove what a killed process left half written, folder or file, more than an hour ago."""
    for half in parent.glob(".half-*"):
        with contextlib.suppress(OSError):  # another kernel may remove it just now
            if time.time() - half.stat().st_mtime > 3600:
                if half.is_dir():
                    shutil.rmtree(half, ignore_errors=True)
                else:
                    half.unlink()
