"""Marks that hold: what is handed in is read as text, and run where there is nothing to bend.

The four ways by which a submission once gave itself marks get none, right answers that lean on helpers of
their own get theirs, and the process that judges has imported nothing of either.
"""

import json
import struct
import sys
import textwrap

import nbformat
import pytest
import submissions
import torch
from house_rules import ROOT

from lessons_lib.checks import grading, handed_in, registry, sealed, wire
from lessons_lib.checks.crash import Crash
from lessons_lib.checks.running import Run
from lessons_lib.checks.spots import Spot


def cells_of(change):
    """Return the code cells, but those for marks, of the released notebook as a student changed it."""
    notebook = nbformat.read(ROOT / "exercises" / f"{submissions.LESSON}.ipynb", as_version=4)
    change(notebook)
    codes = [c for c in notebook.cells if c.cell_type == "code"]
    return [c.source for c in codes if not c.metadata.get("nbgrader", {}).get("grade")]


def marked(*cells, exercise="split_heads"):
    """Judge cells as written here."""
    return grading.mark([textwrap.dedent(cell).lstrip("\n") for cell in cells], exercise)


RIGHT = "def split_heads(x, n_heads):\n    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)"


@pytest.mark.parametrize("change", submissions.ROUTES.values(), ids=submissions.ROUTES)
def test_nobody_gives_themselves_marks_by_one_of_the_four_ways(change):
    cells = cells_of(change)
    for exercise in ("split_heads", "cache_bytes"):
        mark = grading.mark(cells, exercise)
        assert not mark.right and mark.lines[0].startswith(f"{exercise}: "), mark


def test_a_call_of_the_right_answer_finds_none_and_the_message_says_so():
    mark = grading.mark(cells_of(submissions.calls_the_oracle), "split_heads")
    assert "split_heads: crashed. KeyError: 'split_heads'" in mark.lines


@pytest.mark.parametrize("exercise", ["split_heads", "share_heads", "cache_bytes"])
def test_right_answers_with_helpers_of_their_own_get_their_marks(exercise):
    mark = grading.mark(cells_of(submissions.helpers_of_their_own), exercise)
    assert mark == grading.Mark(True, (f"{exercise}: correct",))


OBSERVED = [
    "mtp_logits",
    "speculative_step",
    "clipped_loss",
    "answer_ratios",
    "route",
    "right_sums",
    "rms_norm",
]


@pytest.mark.parametrize("exercise", OBSERVED)
def test_what_is_judged_besides_the_returned_is_judged_there_too(exercise):
    """A gradient, a cache, what is made by hand: the observers travel, the right answers don't."""
    task = registry.exercises()[exercise]
    (path,) = (ROOT / "exercises" / "solutions").glob(f"{task.lesson}_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    mark = grading.mark([c.source for c in notebook.cells if c.cell_type == "code"], exercise)
    assert mark == grading.Mark(True, (f"{exercise}: correct",))


@pytest.mark.deep
@pytest.mark.parametrize("exercise", registry.exercises())
def test_every_solution_gets_its_mark(exercise):
    test_what_is_judged_besides_the_returned_is_judged_there_too(exercise)


def test_nothing_handed_in_runs_in_the_process_that_judges(tmp_path):
    trace = tmp_path / "ran"
    mark = marked(
        f"import pathlib, sys\npathlib.Path({str(trace)!r}).write_text('a cell outside the answer')",
        f"import torch as no_such_name_elsewhere\n{RIGHT}",
        "sys.modules['bent'] = 1",
    )
    assert mark.right and not trace.exists() and "bent" not in sys.modules


def test_the_copy_of_the_library_has_no_exercise_in_it():
    there = sealed.without_answers() / "lessons_lib" / "checks"
    assert [p.name for p in there.iterdir() if p.is_dir()] == ["several_tokens"]
    assert not [p for p in there.rglob("*.py") if "Exercise(\n" in p.read_text(encoding="utf-8")]


def test_a_variable_of_the_environment_is_not_to_be_read(monkeypatch):
    monkeypatch.setenv("GRADEBOOK_PASSWORD", "secret")
    mark = marked("import os\ndef split_heads(x, n_heads):\n    return os.environ['GRADEBOOK_PASSWORD']")
    assert "KeyError: 'GRADEBOOK_PASSWORD'" in mark.lines[0]


TROUBLES = {
    "no such function": (["x = 1"], "the notebook has no such function"),
    "not Python": (
        ["def split_heads(x, n_heads:\n    return x"],
        "its cell is no Python ('(' was never closed",
    ),
    "still the stub": ([f"def split_heads(x, n_heads):\n    {submissions.STUB}"], "split_heads: not started"),
    "no function": (["split_heads = 3"], "split_heads is no function"),
    "ends the process": (["import os\ndef split_heads(x, n_heads):\n    os._exit(0)"], "ended the process"),
    "a wrong call": (["def split_heads(x):\n    return x"], "(your function takes: x)"),
    "a helper that is missing": (["def split_heads(x, n):\n    return cut(x)"], "name 'cut' is not defined"),
    "a bad line": (["def split_heads(x, n):\n    y = x + 1\n    return y.no"], "in line 3 of split_heads:"),
    "a value that lies": (
        ["class Same:\n    def __eq__(self, other): return True\ndef split_heads(x, n):\n    return Same()"],
        "wrong type",
    ),
}


@pytest.mark.parametrize("cells, words", TROUBLES.values(), ids=TROUBLES)
def test_an_answer_that_cannot_be_judged_gets_no_mark_and_a_sentence(cells, words):
    mark = marked(*cells)
    assert not mark.right and words in "\n".join(mark.lines), mark.lines


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited on Linux")
def test_five_gigabytes_of_memory_are_refused():
    mark = marked("import torch\ndef split_heads(x, n):\n    return torch.ones(5 * 10**9 // 4)")
    assert not mark.right and "crashed" in mark.lines[0], mark.lines


def test_a_loop_at_the_top_of_a_cell_is_ended_as_one_in_the_answer_is():
    mark = marked("rows = [1]\nwhile rows:\n    rows = [1]", "def split_heads(x, n):\n    return rows")
    assert mark.lines[0].startswith("split_heads: too slow"), mark.lines


def text_of(*cells, name="f"):
    return "\n".join(handed_in.find(cells, name).pieces)


def test_taken_are_the_names_that_an_answer_uses_and_nothing_else():
    taken = text_of(
        "import torch, os\nfrom math import pi, e\nprint('hello')\ntorch.manual_seed(0)",
        "TABLE = {}\nTABLE['a'] = 1\nTABLE.update(b=2)\nother = os.getcwd()",
        "%time 1 + 1\n@staticmethod\ndef g(x):\n    return x * pi\nassert g(1)",
        "def f(x):\n    return g(x) + TABLE['a'] + torch.ones(1)\nf(3)",
    )
    kept = ["import torch", "from math import pi", "TABLE = {}", "TABLE['a'] = 1", "TABLE.update(b=2)"]
    assert [line for line in kept if line not in taken] == []
    assert not [w for w in ("os", "hello", "manual_seed", "assert", "f(3)", "time", ", e") if w in taken], (
        taken
    )


def test_a_stub_counts_only_where_nothing_is_written():
    stub = f"def f(x):\n    {submissions.STUB}"
    assert "return 1" in text_of("def f(x):\n    return 1", stub) and "Not" not in text_of("f = 1", stub)
    assert text_of(stub) == stub


def test_values_come_back_as_they_were_and_the_rest_as_a_name():
    crash = Crash("E", "m", Spot("f", 1, "g", 0), False, None)
    result = ([torch.arange(3), True], 2**70, float("inf"), None, "é", object())
    runs = [Run(result, changed=("a", "b"), made=frozenset("x")), Run(error=crash)]
    (first, second), printed, trouble = wire.unpack(wire.pack(runs, "hello", "none"))
    assert (printed, trouble, second.error) == ("hello", "none", crash)
    ((numbers, yes), *rest, foreign) = first.result
    assert torch.equal(numbers, torch.arange(3)) and yes is True and rest == [2**70, float("inf"), None, "é"]
    assert foreign.kind == "an object" and (first.changed, first.made) == (("a", "b"), frozenset("x"))


def head(told):
    text = json.dumps(told).encode()
    return struct.pack("!Q", len(text)) + text


BAD = [
    b"",
    b"\x80\x04.",
    head({}),
    head({"runs": 3, "printed": "", "trouble": ""}) + bytes(8),
    head([]) + b"x",
]


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_answer_is_refused_and_not_run(message):
    with pytest.raises(wire.Unreadable):
        wire.unpack(message)
