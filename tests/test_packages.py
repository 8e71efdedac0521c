"""What is installed, said in four places that must agree: requirements*.txt, constraints.txt, pyproject.toml
and the imports of lessons_lib."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
# Modules whose package has another name, and those that a package brings along for certain.
BROUGHT_BY = {"IPython": "ipython", "cycler": "matplotlib"}


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def read(file):
    """Return {package: (version, marker or None)} of the exact lines of a file; others must be known."""
    found = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if not line or line.startswith("-"):
            continue
        required = Requirement(line)
        (exact,) = required.specifier
        assert exact.operator == "==" and plain(required.name) not in found, f"{file}: {line}"
        found[plain(required.name)] = (exact.version, required.marker)
    return found


CONSTRAINTS = read("constraints.txt")
BRIDGE = read("requirements-bridge.txt")  # of which torchao need not be installed where this runs
PINS = {}
for parts in sorted(ROOT.glob("requirements*.txt")):
    if parts.name != "requirements-bridge.txt":
        PINS |= read(parts.name)
DEPENDENCIES = [
    Requirement(line)
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "dependencies"
    ]
]


def test_the_constraints_hold_every_pin():
    assert {name: CONSTRAINTS.get(name) for name in PINS} == PINS


def test_the_bridges_packages_are_those_of_the_tests_but_for_the_one_that_says_why():
    assert {name: CONSTRAINTS.get(name) for name in BRIDGE} == BRIDGE
    assert set(BRIDGE) - set(PINS) == {"torchao"}


def needed_in_turn():
    """Return the names of all that the pinned packages need here, as their own metadata say."""
    seen, waiting = set(), [(name, "") for name in PINS]
    while waiting:
        package, extra = waiting.pop()
        if (package, extra) in seen:
            continue
        seen.add((package, extra))
        for line in importlib.metadata.requires(package) or []:
            required = Requirement(line)
            if required.marker is None or required.marker.evaluate({"extra": extra}):
                waiting += [(plain(required.name), more) for more in ("", *required.extras)]
    return {package for package, _ in seen}


def test_the_constraints_hold_all_that_is_needed_in_turn_as_it_is_installed():
    """But torch's own packages for a GPU, which torch pins, and what came in a newer environment."""
    own = re.compile(r"nvidia-|cuda-|triton")
    missing = {name for name in needed_in_turn() - set(CONSTRAINTS) if not own.match(name)}
    assert missing == set()


@pytest.mark.parametrize("name", [name for name, (_, marker) in CONSTRAINTS.items() if marker])
def test_a_constraint_of_one_system_says_which(name):
    """`Requirement` has parsed the marker; it must hold for some computer and not for every one."""
    marker = CONSTRAINTS[name][1]
    systems = [
        {"sys_platform": system, "os_name": kind, "python_full_version": version}
        for system, kind in (("linux", "posix"), ("darwin", "posix"), ("win32", "nt"))
        for version in ("3.11.0", "3.12.0", "3.14.1")
    ]
    assert {Marker(str(marker)).evaluate(system) for system in systems} == {True, False}


def test_the_dependencies_are_what_the_library_imports():
    imported = set()
    for path in (ROOT / "lessons_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    imported -= {*sys.stdlib_module_names, "lessons_lib"}
    assert {BROUGHT_BY.get(name, name) for name in imported} == {plain(d.name) for d in DEPENDENCIES}


@pytest.mark.parametrize("dependency", DEPENDENCIES, ids=str)
def test_a_dependency_begins_at_the_version_that_is_tested(dependency):
    """Nobody has tried an older one, so the lower bound is the pin's, but for its last number."""
    (bound,) = dependency.specifier
    tested = CONSTRAINTS[plain(dependency.name)][0]
    assert bound.operator == ">=" and dependency.specifier.contains(tested)
    assert tested.split(".")[: len(bound.version.split("."))] == bound.version.split(".")
