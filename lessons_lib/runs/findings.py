"""What the lessons measured, and what the reader predicted: two small files in the store's folder.

`findings.json` belongs to the machine: running a lesson again writes its findings again, and none of an
earlier version of the lesson stays. `reader.json` belongs to the reader: nothing in it is ever replaced. A
changed prediction is added to the earlier one, and a damaged file is kept under another name before a new
one is begun.

A lesson that was renamed has entries under both names: reading maps the former to the present one, which wins
where both hold the same. Nothing is rewritten for it.

A value that is `Seeds` is kept as its mean, with all seeds beside it to judge differences by.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from lessons_lib.arguments import choice
from lessons_lib.lessons import current
from lessons_lib.runs.seeds import Seeds
from lessons_lib.runs.small_files import read, update
from lessons_lib.signatures import checked

KINDS = ("measured", "derived", "quoted")
LARGEST = 1e300  # that a number may be: whole ones beyond have no end in a file


@dataclass(frozen=True)
class Finding:
    """One number or word that a lesson found."""

    lesson: str
    name: str
    value: float | int | str | bool
    unit: str
    kind: str  # measured on this machine, derived from measured numbers, or quoted from a source
    by_seed: dict[str, float] | None = None  # of a value that is a mean over seeds

    @property
    def seeds(self) -> Seeds[float] | None:
        """The value of each seed, where the lesson kept them."""
        return Seeds({int(seed): x for seed, x in self.by_seed.items()}) if self.by_seed else None


@checked()
def record_finding(lesson: str, name: str, value: Any, unit: str, kind: str) -> None:
    """Keep what `lesson` found under `name`; running the lesson again replaces it.

    Raises ValueError for another kind than measured, derived or quoted and for what is not finite, TypeError
    for a value that is neither number nor text nor Seeds of numbers.
    """
    new = _entry(lesson, name, value, unit, kind)

    def change(content: dict) -> None:
        content.setdefault(lesson, {})[name] = new

    update("findings.json", _is_findings, change)


@checked()
def record_findings(lesson: str, rows: Iterable[tuple[str, Any, str, str]]) -> int:
    """Keep all that `lesson` found, rows of (name, value, unit, kind), and nothing else; return how many.

    What an earlier version of the lesson recorded, also under a former name, is forgotten, so that an update
    leaves nothing behind. Raises ValueError for a name that comes twice, else as `record_finding`.
    """
    new: dict[str, dict] = {}
    for row in rows:
        entry = _entry(lesson, *row)
        if entry["name"] in new:
            raise ValueError(f"{entry['name']!r} comes twice among the findings of {lesson}")
        new[entry["name"]] = entry

    def change(content: dict) -> None:
        for name in [name for name in content if current(name) == lesson]:
            del content[name]
        if new:
            content[lesson] = new

    update("findings.json", _is_findings, change)
    return len(new)


@checked()
def finding(lesson: str, name: str) -> Finding | None:
    """Return what `lesson` found under `name`, or None where the lesson has not been run."""
    return next((f for f in findings() if (f.lesson, f.name) == (current(lesson), name)), None)


def findings() -> list[Finding]:
    """Return all findings, ordered by lesson, within a lesson in the order of recording."""
    content = _under_present_names(read("findings.json", _is_findings))
    return [
        Finding(**entry | {"lesson": lesson})
        for lesson, names in sorted(content.items())
        for entry in names.values()
    ]


@checked()
def record_prediction(lesson: str, name: str, text: str) -> None:
    """Keep the reader's words; blank ones are not recorded, changed ones are added to the earlier."""
    if not text.strip():
        return
    _require_text(text, lesson=lesson, name=name)
    now = datetime.now().astimezone().isoformat(timespec="seconds")

    def change(content: dict) -> None:
        versions = content.setdefault(lesson, {}).setdefault(name, [])
        if not versions or versions[-1]["text"] != text:
            versions.append({"text": text, "written": now})

    update("reader.json", _is_reader, change)


@checked()
def prediction(lesson: str, name: str) -> str | None:
    """Return the reader's latest words on `name` in `lesson`, or None."""
    return predictions().get(current(lesson), {}).get(name)


def predictions() -> dict[str, dict[str, str]]:
    """Return the reader's latest words as {lesson: {name: text}}."""
    content = _under_present_names(read("reader.json", _is_reader))
    return {
        lesson: {name: versions[-1]["text"] for name, versions in names.items()}
        for lesson, names in content.items()
    }


def _entry(lesson: str, name: str, value: Any, unit: str, kind: str) -> dict[str, Any]:
    """Return one finding as the file holds it, or refuse what no finding can be."""
    choice(KINDS, kind=kind)
    if isinstance(value, Seeds):
        singles = {str(seed): _entry(lesson, name, x, unit, kind)["value"] for seed, x in value.items()}
        return _entry(lesson, name, value.mean, unit, kind) | {"by_seed": singles}
    if hasattr(value, "item") and math.prod(value.shape) == 1:
        value = value.item()  # a number of torch or numpy
    if not isinstance(value, int | float | str):
        raise TypeError(f"a finding is a number or text, but {name!r} is a {type(value).__name__}")
    if not isinstance(value, str) and not abs(value) < LARGEST:
        shown = value if isinstance(value, float) else "endless"
        raise ValueError(f"a finding is a finite number, but {name!r} is {shown}")
    _require_text(value if isinstance(value, str) else "a number", unit, lesson=lesson, name=name)
    fields = asdict(Finding(lesson, name, value, unit, kind))
    return {key: x for key, x in fields.items() if key != "by_seed"}  # an older checkout reads it, too


def _under_present_names(content: dict[str, dict]) -> dict[str, dict]:
    """Return {lesson: {name: entry}} with former names of lessons replaced; present ones win."""
    merged: dict[str, dict] = {}
    for lesson in sorted(content, key=lambda name: name == current(name)):  # former names first
        merged.setdefault(current(lesson), {}).update(content[lesson])
    return merged


def _require_text(*texts: str, **names: str) -> None:
    """Refuse a name that is blank, and text that no file can hold."""
    for what, name in names.items():
        if not name.strip():
            raise ValueError(f"{what} must not be blank")
    for text in (*texts, *names.values()):
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ValueError(f"{text!r:.60} has half a character in it, which no file can hold")


def _is_findings(content: Any) -> bool:
    def is_single(item: tuple[Any, Any]) -> bool:
        return item[0].lstrip("-").isdecimal() and type(item[1]) in (int, float) and abs(item[1]) < LARGEST

    def is_finding(entry: Any) -> bool:
        if not isinstance(entry, dict) or set(entry) | {"by_seed"} != set(Finding.__dataclass_fields__):
            return False
        singles = entry.get("by_seed", {"0": 0})
        if not (isinstance(singles, dict) and singles and all(map(is_single, singles.items()))):
            return False
        texts = (entry["lesson"], entry["name"], entry["unit"])
        is_text = all(isinstance(text, str) for text in texts) and entry["kind"] in KINDS
        return is_text and isinstance(entry["value"], int | float | str)

    return _is_nested(content, is_finding)


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
