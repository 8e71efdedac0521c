"""What `run.py` says at its end: a table, failures by name, the slowest cells; the same as JUnit's XML."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from calling import Result, say

SLOWEST = 5


def summary(results: list[Result], *, seconds: float = 0.0, interrupted: bool = False) -> int:
    """Print the table, the failures by name and the last line; return the exit code.

    seconds: by the clock, which is less than the calls' own together where they ran side by side.
    """
    say(f"\n{'stage':<12}{'what':<56}{'passed':>7}{'failed':>7}{'skipped':>8}{'seconds':>9}")
    for r in results:
        counts = "".join(
            f"{r.count(name):>{n}}" for name, n in (("passed", 7), ("failed", 7), ("skipped", 8))
        )
        say(f"{r.stage:<12}{r.what[:54]:<56}{counts}{r.seconds:>9.0f}")
    cells = [(case.seconds, r.stage, case.name) for r in results for case in r.cases if case.is_cell]
    if cells:
        say("\nThe slowest cells:")
        for of_cell, stage, name in sorted(cells, reverse=True)[:SLOWEST]:
            say(f"  {of_cell:>6.0f} s  {stage}: {name}")
    failures = [f"{r.stage}: {failure}" for r in results for failure in r.failures]
    if failures:
        say("\nFailed:")
        for failure in failures:
            say(f"  {failure}")
    passed = sum(r.count("passed") for r in results)
    if interrupted:
        say("\nInterrupted: what comes after the last line of the table was not run.")
    say(f"\n{seconds / 60:.1f} minutes\n{passed} passed, {len(failures)} failed")
    if interrupted:
        return 130
    return 1 if failures or not passed else 0


def write_junit(results: list[Result], path: Path) -> None:
    """Write all cases as JUnit's XML, a suite for each call, for programs that read such files."""
    root = ElementTree.Element("testsuites")
    for r in results:
        counts = {"tests": len(r.cases), "failures": r.count("failed"), "skipped": r.count("skipped")}
        attributes = {"name": f"{r.stage}: {r.what}", "time": f"{r.seconds:.3f}"}
        suite = ElementTree.SubElement(root, "testsuite", attributes | {k: str(n) for k, n in counts.items()})
        for case in r.cases:
            attributes = {"classname": r.stage, "name": case.name, "time": f"{case.seconds:.3f}"}
            entry = ElementTree.SubElement(suite, "testcase", attributes)
            if case.outcome == "failed":
                ElementTree.SubElement(entry, "failure", message="see the output of the run")
            elif case.outcome == "skipped":
                ElementTree.SubElement(entry, "skipped")
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
