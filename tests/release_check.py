"""Is this commit ready to be released? `python start.py release-check`

    --quick    leave out what takes minutes: the folder of packages and the site
    --write    write DEPENDENCIES.md, the list of packages with their licences, as it is today

Nothing is changed but by --write. A release is a commit on which every line says yes: the tree is clean, the
whole test and the deep one have passed on this very commit (so outputs are fresh), no lesson has an
exception, what README counts is so, the version is one, licences are listed, a folder of packages and the
site were built.

The version stands in `pyproject.toml` alone, as MAJOR.MINOR.PATCH: PATCH for corrections, MINOR for new
lessons or exercises and for whatever makes stored runs stale, MAJOR where lessons get other numbers. The
commit gets the tag vMAJOR.MINOR.PATCH, and the changelog's first heading names it.
"""

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import mutants
from house_rules import exceptions

from lessons_lib.checks import registry
from lessons_lib.lessons import LESSONS, PARTS

ROOT = Path(__file__).resolve().parents[1]
PASSED = ROOT / ".runs-test" / "passed.json"  # written by tests/run.py
DEPENDENCIES = "DEPENDENCIES.md"
WORDS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty twenty-one twenty-two twenty-three twenty-four"
).split()


def git(*words: str) -> str:
    """Return what git says of the repository; empty where it says no."""
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, encoding="utf-8")
    return done.stdout.strip() if done.returncode == 0 else ""


def read(name: str) -> str:
    """Return the text of a file of the repository; empty where there is none."""
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def version() -> str:
    return tomllib.loads(read("pyproject.toml"))["project"]["version"]


# ---- The checks: each returns what is wrong, in sentences.


def clean_tree() -> list[str]:
    """All is committed."""
    lines = git("status", "--porcelain").splitlines()
    return (
        [f"{len(lines)} files are changed or not committed, {lines[0].split()[-1]} among them"]
        if lines
        else []
    )


def tests_passed(file: Path = PASSED) -> list[str]:
    """The whole test and the deep one have passed on this commit."""
    commit = git("rev-parse", "HEAD")
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    faults = []
    for name, command in (("whole", "test"), ("deep", "test --deep")):
        if known.get(name) != commit:
            where = f"the last time on {known[name][:7]}" if known.get(name) else "nor on another"
            faults.append(f"`start.py {command}` has not passed on this commit, {where}")
    return faults


def lessons_gone_through() -> list[str]:
    """No lesson has an exception from the house rules."""
    return [
        f"lesson {n} is excepted from {', '.join(sorted(rules))}" for n, rules in exceptions.NOT_YET.items()
    ]


def counts(text: str | None = None) -> list[str]:
    """What README counts is so: lessons, parts, exercises, mutants, Pythons and the disk that is needed."""
    sys.path.insert(0, str(ROOT))
    import start

    text = read("README.md") if text is None else text
    true = {
        "lessons": len(LESSONS),
        "parts": len(PARTS),
        "exercises": len(registry.exercises()),
        "mutants": len(mutants.read_mutants()),
        "GB of disk": start.DISK_GB,
    }
    faults = []
    for number, what in re.findall(rf"(?i)\b(\d[\d,]*|{'|'.join(WORDS)}) ({'|'.join(true)})\b", text):
        plain = number.replace(",", "").lower()
        told = int(plain) if plain.isdecimal() else WORDS.index(plain) + 1
        if told != true[what]:
            faults.append(f"README tells of {number} {what}, and there are {true[what]}")
    for first, last in re.findall(r"Python (3\.\d+) to (3\.\d+)", text):
        known = [".".join(map(str, v)) for v in (start.OLDEST, start.NEWEST)]
        if [first, last] != known:
            faults.append(f"README tells of Python {first} to {last}, and start.py of {' to '.join(known)}")
    return faults


def one_version(changelog: str | None = None) -> list[str]:
    """The version is MAJOR.MINOR.PATCH, the changelog's newest, and no other commit's."""
    now, faults = version(), []
    if not re.fullmatch(r"\d+\.\d+\.\d+", now):
        faults.append(f"the version {now} is not of the form MAJOR.MINOR.PATCH")
    headings = re.findall(r"^## ([^\s:]+)", read("CHANGELOG.md") if changelog is None else changelog, re.M)
    if headings[:1] != [now]:
        faults.append(
            f"the changelog begins with {headings[0] if headings else 'no heading'}, and not with {now}"
        )
    tagged = git("rev-parse", "-q", "--verify", f"v{now}^{{commit}}")
    if tagged and tagged != git("rev-parse", "HEAD"):
        faults.append(f"v{now} is {tagged[:7]} already: this one needs the next number")
    return faults


def licences() -> list[str]:
    """DEPENDENCIES.md lists every package that is installed, with its licence."""
    wanted = dependencies()
    unknown = re.findall(r"^\| (\S+) \| \S+ \| \? \|", wanted, re.M)
    faults = [f"the licence of {name} is not in its description" for name in unknown]
    return faults + ([] if read(DEPENDENCIES) == wanted else [f"{DEPENDENCIES} is not of today: --write"])


def stick() -> list[str]:
    """A folder of packages can be filled."""
    return built("the folder of packages", "wheels")


def site() -> list[str]:
    """The site can be built."""
    return built("the site", "site")


def built(what: str, command: str) -> list[str]:
    """Carry out a command of start.py's that fills a folder."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, ROOT / "start.py", command, Path(folder) / command, "--here"]
        done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", errors="replace")
        full = any((Path(folder) / command).iterdir()) if (Path(folder) / command).is_dir() else False
    if done.returncode == 0 and full:
        return []
    lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
    return [f"{what} was not built ({lines[-1]})"]


CHECKS: dict[str, Callable[[], list[str]]] = {
    "everything is committed": clean_tree,
    "the tests have passed on this commit": tests_passed,
    "no lesson has an exception": lessons_gone_through,
    "README counts right": counts,
    "the version is one": one_version,
    "licences are listed": licences,
    "a folder of packages is filled": stick,
    "the site is built": site,
}
SLOW = (stick, site)


# ---- The list of packages.


def dependencies() -> str:
    """Return DEPENDENCIES.md: what constraints.txt pins, with the licence that each package states.

    A package that is not installed here, as it belongs to another system or Python, keeps its line.
    """
    rows = []
    for line in read("constraints.txt").splitlines():
        if found := re.match(r"([\w.-]+)==([^\s;]+)", line):
            begin = f"| {found[1]} | {found[2]} | "
            rows.append(f"{begin}{licence_of(found[1]) or former(begin)} |")
    return (
        "# Packages and their licences\n\nWhat `constraints.txt` pins, and the licence that each package "
        "states. Nothing of them is in this\nrepository: pip installs them. Written by "
        "`python start.py release-check --write`.\n\n| package | version | licence |\n|---|---|---|\n"
    ) + "".join(f"{row}\n" for row in rows)


def former(begin: str) -> str:
    """Return the licence in the list's line that begins so."""
    found = re.search(rf"^{re.escape(begin)}(.*) \|$", read(DEPENDENCIES), re.M)
    return found[1] if found else "on other systems only, see there"


def licence_of(package: str) -> str | None:
    """Return the licence that an installed package states, "?" where none; None where it is not installed."""
    try:
        stated = licence(importlib.metadata.metadata(package))
    except importlib.metadata.PackageNotFoundError:
        return None
    texts = [f for f in importlib.metadata.files(package) or [] if re.match("LICEN[CS]E", f.name, re.I)]
    if stated == "?" and texts:
        stated = next(filter(None, map(str.strip, texts[0].read_text(encoding="utf-8").splitlines())), "?")
    return stated


def licence(about: importlib.metadata.PackageMetadata) -> str:
    """Return the licence in the package's own short words; "?" where it has none."""
    kinds = [
        line.split(" :: ")[-1] for line in about.get_all("Classifier") or [] if line.startswith("License")
    ]
    stated = about.get("License-Expression") or " or ".join(kinds) or about.get("License") or "?"
    return stated.strip().splitlines()[0][:60].replace("|", "/")


def main(arguments: list[str] | None = None) -> int:
    """Go through the list; return 1 where something is missing."""
    parser = argparse.ArgumentParser(
        prog="start.py release-check", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--write", action="store_true", help=f"write {DEPENDENCIES}")
    options = parser.parse_args(arguments)
    if options.write:
        (ROOT / DEPENDENCIES).write_text(dependencies(), encoding="utf-8", newline="\n")
    wrong = 0
    for name, check in CHECKS.items():
        if options.quick and check in SLOW:
            continue
        faults = check()
        wrong += bool(faults)
        print(f"{'no ' if faults else 'yes'}  {name}", flush=True)
        for fault in faults:
            print(f"     {fault}.")
    if wrong:
        print(f"{version()} is not ready: {wrong} of these say no.")
    else:
        left = ", but for what --quick left out" if options.quick else ""
        print(f"{version()} is ready{left}: `git tag v{version()}`, and push the tag.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
