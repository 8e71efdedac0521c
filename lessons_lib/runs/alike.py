"""When two runs are the same, made in the same way, and in what they differ where they are not.

A run's identity says what it is and how it was made. A build of torch does not count as another way, so that
a store can be copied: 2.13.0+cpu, as on one machine, is 2.13.0, as on another.
"""

from pathlib import Path
from typing import Any

from lessons_lib.runs import storage


def made_alike(one: Any, other: Any) -> bool:
    """Say whether two identities are the same but for torch's build; what is no identity is like none."""
    if not all(isinstance(identity, dict) and "torch" in identity for identity in (one, other)):
        return False
    return {**one, "torch": _version(one)} == {**other, "torch": _version(other)}


def kept(path: Path, identity: dict[str, Any]) -> Path:
    """Return where the run that belongs at `path` lies: there, or named by another build of torch."""
    try:
        if path.exists():
            return path
    except OSError:  # nobody may look there, which is said where it is read
        return path
    for other in storage.versions(path):
        try:
            found = storage.read_folder(other) if "." not in other.name else None  # unfinished with one
            if found and made_alike(found[0].get("identity"), identity):
                return other
        except storage.Damaged:
            continue
    return path


def difference(path: Path, identity: dict[str, Any]) -> str:
    """Say in a few words what made the run at `path` another one than `identity`."""
    try:
        found = storage.read_folder(path)
        stored = found[0]["identity"] if found else {}
        if _version(stored) != _version(identity):
            return f"made by torch {stored['torch']}"
        old, new = stored["code"], identity["code"]
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        return f"made before {', '.join(changed[:3])} changed" if changed else "of another format"
    except (storage.Damaged, TypeError, KeyError):
        return "made by other code"


def _version(identity: dict[str, Any]) -> str:
    """Return torch's version without its build."""
    return str(identity["torch"]).split("+")[0]
