"""Notebooks as students hand them in: what each does to the released one, and what a lecturer would give it.

All are of lesson 02, which has six exercises. `SIMULATED` are the honest troubles of a class, `ROUTES` the
ways by which a submission once gave itself marks.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nbformat
from house_rules import ROOT

LESSON = "02_sharing_keys_and_values"
EXERCISES = ("split_heads", "append_to_cache", "cached_step", "share_heads", "shared_scores", "cache_bytes")
STUB = 'raise NotImplementedError("write your answer here")'


def cell_of(notebook: Any, grade_id: str) -> Any:
    """Return the cell of this name."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def answer(notebook: Any, exercise: str, body: str) -> None:
    """Write `body` where the stub of an exercise stands."""
    cell = cell_of(notebook, exercise)
    assert STUB in cell.source
    cell.source = cell.source.replace(STUB, body)


def right_bodies() -> dict[str, str]:
    """Return what stands between the marks of a solution in the source, by exercise."""
    source = nbformat.read(ROOT / "exercises" / "solutions" / f"{LESSON}.ipynb", as_version=4)
    found = {}
    for exercise in EXERCISES:
        body = re.search(
            r"### BEGIN SOLUTION\n(.*?)\n *### END SOLUTION", cell_of(source, exercise).source, re.S
        )
        assert body is not None
        found[exercise] = body[1].lstrip()
    return found


def solve(notebook: Any, *but: str) -> None:
    """Write the right answers, but to these exercises."""
    for exercise, body in right_bodies().items():
        if exercise not in but:
            answer(notebook, exercise, body)


def add(notebook: Any, source: str, at: int = 0) -> None:
    """Put a cell of the student's own before the cell of this number."""
    notebook.cells.insert(at, nbformat.v4.new_code_cell(source))


@dataclass(frozen=True)
class Submission:
    """What a student does to the released notebook, and the marks that are right for it, of six."""

    change: Callable[[Any], None]
    marks: int
    says: str = ""  # words of a feedback page
    file: str = f"{LESSON}.ipynb"
    ends: str = "\n"


WRONG = {
    "split_heads": "return x.reshape(x.shape[0], n_heads, x.shape[1], -1)",
    "append_to_cache": "return buffer, length",
    "cached_step": "return q @ k.mT @ v, cached_keys, cached_values",
    "share_heads": "return kv.repeat(1, n_heads // kv.shape[1], 1, 1)",
    "shared_scores": "return q @ keys.repeat_interleave(q.shape[1] // keys.shape[1], dim=1).mT",
    "cache_bytes": "return n_layers * n_heads * head_dim * n_positions * bytes_per_number",
}


def untouched(notebook: Any) -> None:
    """Hand in what was given out."""


def wrong(notebook: Any) -> None:
    """Every answer is a known mistake."""
    for exercise, body in WRONG.items():
        answer(notebook, exercise, body)


def deleted_cells(notebook: Any) -> None:
    """Right, but a cell for marks and a cell with the check are gone."""
    solve(notebook)
    gone = cell_of(notebook, "split_heads_points")
    notebook.cells = [
        c for c in notebook.cells if c is not gone and c.source != "check_cached_step(cached_step)"
    ]


def copied_cells(notebook: Any) -> None:
    """Right, with a copy of an untouched cell below it, and one of a cell for marks."""
    copies = [copy.deepcopy(cell_of(notebook, name)) for name in ("share_heads", "share_heads_points")]
    solve(notebook)
    at = notebook.cells.index(cell_of(notebook, "shared_scores"))
    notebook.cells[at:at] = copies


def changed_check(notebook: Any) -> None:
    """Wrong, with a cell for marks that asks for nothing and is worth a hundred points."""
    wrong(notebook)
    points = cell_of(notebook, "split_heads_points")
    points.source, points.metadata.nbgrader.points = "assert True", 100
    points.metadata.nbgrader.locked = False


def endless(notebook: Any) -> None:
    """Right, but one answer never ends, and neither does a cell of the student's own."""
    solve(notebook, "split_heads")
    answer(notebook, "split_heads", "while True:\n        pass")
    add(notebook, "while True:\n    pass")


def much_memory(notebook: Any) -> None:
    """Right, but one answer asks for 5 GB."""
    solve(notebook, "cached_step")
    answer(notebook, "cached_step", "return torch.ones(5 * 10**9 // 4), q, k")


def syntax_error(notebook: Any) -> None:
    """Right, but a cell is no Python."""
    solve(notebook, "cache_bytes")
    answer(notebook, "cache_bytes", "return n_layers * (n_heads")


def other_kernel(notebook: Any) -> None:
    """Right, saved in a kernel that nobody else has."""
    solve(notebook)
    notebook.metadata.kernelspec = {"name": "my-env", "display_name": "Anna's", "language": "python"}


SIMULATED = {
    "right": Submission(solve, 6, "split_heads: correct"),
    "empty": Submission(untouched, 0, "split_heads: not started"),
    "wrong": Submission(wrong, 0, "Hint:"),
    "deleted": Submission(deleted_cells, 6, "cached_step: correct"),
    "copied": Submission(copied_cells, 6, "share_heads: correct"),
    "changed": Submission(changed_check, 0, "split_heads: wrong value"),
    "endless": Submission(endless, 5, "split_heads: too slow"),
    "memory": Submission(much_memory, 5, "cached_step: crashed"),
    "syntax": Submission(syntax_error, 5, "its cell is no Python"),
    "renamed": Submission(solve, 6, "split_heads: correct", file="sharing (1) final.ipynb"),
    "kernel": Submission(other_kernel, 6, "split_heads: correct"),
    "lines": Submission(solve, 6, "split_heads: correct", ends="\r\n"),
}
PLAIN = ("right", "copied", "endless", "renamed")  # in the plain test; the rest in the deep one

REPLACED = """
import lessons_lib.checks
for name in ("split_heads", "append_to_cache", "cached_step", "share_heads", "shared_scores", "cache_bytes"):
    setattr(lessons_lib.checks, "passes_" + name, lambda attempt: True)
"""
PATCHED = """
from lessons_lib.checks import checker, compare, running
checker.find_value_fault = compare.find_value_fault = lambda *a, **k: None
checker.find_type_fault = compare.find_type_fault = lambda *a, **k: None
checker.Exercise.passes = lambda *a: True
running._changed_inputs = lambda *a: None
"""
DROPPED = """
def without_asserts(lines):
    return [line for line in lines if not line.startswith("assert")]
get_ipython().input_transformers_cleanup.append(without_asserts)
"""


def with_cell(source: str) -> Callable[[Any], None]:
    """Wrong answers, below a cell that bends the judge."""

    def change(notebook: Any) -> None:
        wrong(notebook)
        add(notebook, source)

    return change


def calls_the_oracle(notebook: Any) -> None:
    """Every answer asks the judge for the right one."""
    for exercise in EXERCISES:
        takes = re.search(rf"def {exercise}\((.*?)\)", cell_of(notebook, exercise).source, re.S)
        assert takes is not None
        ask = "from lessons_lib.checks import registry"
        call = f"return registry.exercises()[{exercise!r}].oracle({takes[1]})"
        answer(notebook, exercise, f"{ask}\n    {call}")


ROUTES = {
    "replaces passes_x": with_cell(REPLACED),
    "patches the checker": with_cell(PATCHED),
    "calls the oracle": calls_the_oracle,
    "drops lines": with_cell(DROPPED),
}


def helpers_of_their_own(notebook: Any) -> None:
    """Right answers that lean on imports, constants, helpers and a class in other cells."""
    solve(notebook, "split_heads", "share_heads", "cache_bytes")
    add(
        notebook,
        "%matplotlib inline\nfrom einops import rearrange as turned\nPATTERN = 'b t (h d) -> b h t d'",
    )
    add(notebook, "FACTORS = {'keys and values': 1}\nFACTORS['keys and values'] += 1", at=1)
    add(notebook, "class Sets:\n    def __init__(self, kv):\n        self.n = kv.shape[1]\n", at=2)
    add(notebook, "def copies(kv, n_heads):\n    return n_heads // Sets(kv).n", at=2)
    answer(notebook, "split_heads", "return turned(x, PATTERN, h=n_heads)")
    answer(notebook, "share_heads", "return kv.repeat_interleave(copies(kv, n_heads), dim=1)")
    numbers = right_bodies()["cache_bytes"].replace("2 *", "FACTORS['keys and values'] *")
    assert "FACTORS" in numbers
    answer(notebook, "cache_bytes", numbers)
