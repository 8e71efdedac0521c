"""Build the site: `python start.py site [FOLDER]`, by default into `.site/`. Warnings are errors."""

import subprocess
import sys
import time
from pathlib import Path

DOCS = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    out = Path(arguments[0] if arguments else DOCS.parent / ".site").resolve()
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", DOCS, out]
    )
    if done.returncode == 0:
        megabytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
        print(f"{out / 'index.html'}: {megabytes:.0f} MB, built in {time.monotonic() - begun:.0f} s.")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
