"""What the lessons measured, and what the reader predicted: two small files in the store's folder.

`findings.json` belongs to the machine: running a lesson again writes its findings again. `reader.json`
belongs to the reader: nothing in it is ever replaced. A changed prediction is added to the earlier one,
and a damaged file is kept under another name before a new one is begun.

A lesson that was renamed has entries under both names: reading maps the former to the present one, which wins
where both hold the same. Nothing is rewritten for it.
"""

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from lessons_lib.lessons import current
from lessons_lib.runs.storage import folder

KINDS = ("measured", "derived", "quoted")
PATIENCE = 10.0  # seconds to wait for another kernel that is writing the same file


@dataclass(frozen=True)
class Finding:
    """One number or word that a lesson found."""

    lesson: str
    name: str
    value: float | int | str | bool
    unit: str
    kind: str  # measured on this machine, derived from measured numbers, or quoted from a source


def record_finding(lesson: str, name: str, value: Any, unit: str, kind: str) -> None:
    """Keep what `lesson` found under `name`; running the lesson again replaces it.

    Raises ValueError for another kind than measured, derived or quoted, TypeError for a value that is
    neither number nor text.
    """
    if kind not in KINDS:
        raise ValueError(f"a finding is {', '.join(KINDS[:-1])} or {KINDS[-1]}, not {kind!r}")
    if hasattr(value, "item"):
        value = value.item()  # a number of torch or numpy
    if not isinstance(value, int | float | str):
        raise TypeError(f"a finding is a number or text, but {name!r} is a {type(value).__name__}")
    new = asdict(Finding(lesson, name, value, unit, kind))

    def change(content: dict) -> None:
        content.setdefault(lesson, {})[name] = new

    _update("findings.json", _is_findings, change)


def finding(lesson: str, name: str) -> Finding | None:
    """Return what `lesson` found under `name`, or None where the lesson has not been run."""
    return next((f for f in findings() if (f.lesson, f.name) == (current(lesson), name)), None)


def findings() -> list[Finding]:
    """Return all findings, ordered by lesson, within a lesson in the order of recording."""
    content = _under_present_names(_read("findings.json", _is_findings))
    return [
        Finding(**entry | {"lesson": lesson})
        for lesson, names in sorted(content.items())
        for entry in names.values()
    ]


def record_prediction(lesson: str, name: str, text: str) -> None:
    """Keep the reader's words; blank ones are not recorded, changed ones are added to the earlier."""
    if not isinstance(text, str):
        raise TypeError(f"a prediction is text, got a {type(text).__name__}")
    if not text.strip():
        return
    now = datetime.now().astimezone().isoformat(timespec="seconds")

    def change(content: dict) -> None:
        versions = content.setdefault(lesson, {}).setdefault(name, [])
        if not versions or versions[-1]["text"] != text:
            versions.append({"text": text, "written": now})

    _update("reader.json", _is_reader, change)


def prediction(lesson: str, name: str) -> str | None:
    """Return the reader's latest words on `name` in `lesson`, or None."""
    return predictions().get(current(lesson), {}).get(name)


def predictions() -> dict[str, dict[str, str]]:
    """Return the reader's latest words as {lesson: {name: text}}."""
    content = _under_present_names(_read("reader.json", _is_reader))
    return {
        lesson: {name: versions[-1]["text"] for name, versions in names.items()}
        for lesson, names in content.items()
    }


def _under_present_names(content: dict[str, dict]) -> dict[str, dict]:
    """Return {lesson: {name: entry}} with former names of lessons replaced; present ones win."""
    merged: dict[str, dict] = {}
    for lesson in sorted(content, key=lambda name: name == current(name)):  # former names first
        merged.setdefault(current(lesson), {}).update(content[lesson])
    return merged


def _is_findings(content: Any) -> bool:
    fields = set(Finding.__dataclass_fields__)
    return _is_nested(content, lambda entry: isinstance(entry, dict) and set(entry) == fields)


def _is_reader(content: Any) -> bool:
    def is_version(item: Any) -> bool:
        return isinstance(item, dict) and isinstance(item.get("text"), str)

    def is_history(entry: Any) -> bool:
        return isinstance(entry, list) and len(entry) > 0 and all(map(is_version, entry))

    return _is_nested(content, is_history)


def _is_nested(content: Any, is_entry: Callable[[Any], bool]) -> bool:
    """Say whether `content` is {lesson: {name: entry}}."""
    return isinstance(content, dict) and all(
        isinstance(names, dict) and all(map(is_entry, names.values())) for names in content.values()
    )


def _parse(path: Path, is_whole: Callable[[Any], bool]) -> dict | None:
    """Return the file's content, {} if there is no file, None if the file is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:  # neither JSON nor UTF-8
        return None
    return content if is_whole(content) else None


def _read(name: str, is_whole: Callable[[Any], bool]) -> dict:
    """Return the content of a file of the store; a damaged one is named, left alone, and counts as empty."""
    path = folder() / name
    try:
        with _lock(path):
            content = _parse(path, is_whole)
    except OSError as error:
        print(f"{path} cannot be opened ({error.strerror or error}).")
        return {}
    if content is None:
        print(f"{path} is damaged and cannot be read.")
        return {}
    return content


def _update(name: str, is_whole: Callable[[Any], bool], change: Callable[[dict], None]) -> None:
    """Apply `change` to a file's content while no other kernel does, and write the file whole."""
    path = folder() / name
    half = path.with_name(f".{name}-{uuid.uuid4().hex}")
    try:
        with _lock(path):
            content = _parse(path, is_whole)
            if content is None:
                kept = path.with_name(f"{path.stem}-damaged-{uuid.uuid4().hex[:6]}.json")
                os.replace(path, kept)  # where this fails, nothing is written either
                print(f"{name} was damaged: it is kept as {kept.name}, and a new one is begun.")
                content = {}
            change(content)
            text = json.dumps(content, indent=1, ensure_ascii=False)
            half.write_text(text, encoding="utf-8")
            os.replace(half, path)
    except OSError as error:  # a lock that another kernel does not give back is one as well
        print(f"{path} could not be written ({error.strerror or error}): nothing was kept.")
    finally:
        half.unlink(missing_ok=True)


def _lock(path: Path) -> FileLock:
    """Return a lock for `path`; the system takes it back from a kernel that dies."""
    return FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE)
