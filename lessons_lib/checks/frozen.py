"""The last resort: a call into C that never gives Python a turn stops every thread, the stop button's too.

Such a call (a regular expression gone wild, `7 ** 10**9`) ends with the process and not before.
`faulthandler` has a thread that needs no interpreter: when a check is long over its time, that thread writes
down where the process hangs, and ends it. Jupyter starts the kernel anew, and the next check tells.
"""

import faulthandler
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

AFTER = 10.0  # seconds beyond the time in which a check that Python can still end has ended
_NAME = "lessons_lib-frozen"


class Watchdog:
    """Ends the process `seconds` from now unless `close` is called; one at a time."""

    def __init__(self, seconds: float) -> None:
        self.path = Path(tempfile.gettempdir()) / f"{_NAME}-{_user()}-{os.getpid()}.txt"
        self.file: IO[str] | None = None
        try:
            self.file = self.path.open("w", encoding="utf-8")
            faulthandler.dump_traceback_later(seconds, exit=True, file=self.file)
        except (OSError, ValueError):  # nowhere to write: then there is none
            self.close()

    def close(self) -> None:
        """Call it off."""
        if self.file is not None:
            faulthandler.cancel_dump_traceback_later()
            self.file.close()
            self.file = None
            self.path.unlink(missing_ok=True)


def watched(limit: float) -> Watchdog:
    """Return a watchdog for a check that ends within `limit` seconds wherever Python has a turn."""
    return Watchdog(limit + AFTER)


def told(is_theirs: "object") -> Iterator[str]:
    """Yield, once, a sentence for each process of this user's that was ended in this way."""
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{_NAME}-{_user()}-*.txt")):
        try:
            dump = path.read_text(encoding="utf-8", errors="replace")
            if not dump or path.name.endswith(f"-{os.getpid()}.txt"):
                continue  # another kernel's check, running now
            path.unlink()
        except OSError:
            continue
        spots = [(file, *rest) for file, *rest in places(dump) if is_theirs(file)]  # type: ignore[operator]
        where = f"line {spots[0][1]} of the cell with {spots[0][2]}" if spots else "a call that"
        yield (
            f"(An earlier check had to end the kernel: {where} kept Python from doing anything else. "
            "What the notebook had computed is gone; run its cells again.)"
        )


def places(dump: str) -> list[tuple[str, int, str]]:
    """Return (file, line, function) for each frame of a dump of faulthandler's, the inmost first."""
    frames = re.findall(r'File "(.*)", line (\d+) in (.*)', dump)
    return [(file, int(line), function.strip()) for file, line, function in frames]


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else re.sub(r"\W", "", os.environ.get("USERNAME", ""))
