"""The list of mutants fits the code: each old line stands exactly once, each named test exists.

Running them takes minutes (`start.py mutants`); this takes milliseconds and keeps the list from rotting.
"""

import ast
from pathlib import Path

import mutants
import pytest

ALL = mutants.read_mutants()


def test_there_are_enough_and_no_name_twice():
    names = [mutant.name for mutant in ALL]
    assert len(names) >= 12 and len(set(names)) == len(names)


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_the_old_line_stands_exactly_once_and_the_new_one_differs(mutant):
    assert mutants.places(mutant) == 1, f"{mutant.old!r} stands {mutants.places(mutant)} times"
    assert mutant.old.strip() != mutant.new.strip()
    text = (mutants.ROOT / mutant.file).read_text(encoding="utf-8")
    if mutant.file.endswith(".py"):
        ast.parse(mutants.broken(mutant, text))  # a mutant that is no Python would fail every test


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_the_named_test_exists(mutant):
    file, _, name = mutant.test.partition("::")
    path = mutants.ROOT / file
    assert path.exists(), f"{file} is missing"
    functions = {
        n.name
        for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(n, ast.FunctionDef)
    }
    assert name.split("[")[0] in functions, f"{file} has no {name}"


def test_a_line_that_moved_or_doubled_is_noticed(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\nif x:\n    x = 1\n    y = 2\n")
    once = mutants.Mutant("y", "a.py", "y = 2", "y = 3\nz = 4", "t")
    twice = mutants.Mutant("x", "a.py", "x = 1", "x = 2", "t")
    gone = mutants.Mutant("z", "b.py", "x = 1", "x = 2", "t")
    assert [mutants.places(m, tmp_path) for m in (once, twice, gone)] == [1, 2, 0]
    assert mutants.broken(once, Path(tmp_path / "a.py").read_text()).endswith("    y = 3\n    z = 4\n")
