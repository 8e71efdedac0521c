"""Comparing notebooks finds what it should: a changed number, and what nbval itself does not see.

Only a number behind the sign `≈` may change, within the assert of its cell. A small notebook is executed and
tidied by tests/refresh.py and compared by tests/run.py, as lessons are; then one thing in the file is
changed by hand.
"""

import json
import re
import shutil
import subprocess
import sys
import time

import calling
import cell_clock
import nbformat
import psutil
import pytest
import refresh
import run
from house_rules import ROOT, measured
from house_rules import notebook as rules
from nbval.plugin import get_sanitize_patterns

from lessons_lib.runs import run_store

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
SHOW = f"""from base64 import b64decode
from IPython.display import display
display({{"image/png": b64decode("{DOT}"), "text/plain": "A single black dot."}}, raw=True)"""
TABLE = f"""from base64 import b64decode
from IPython.display import display
gap = 0.8125
assert gap < 1
row, alt = f"<tr><td>gap</td><td>≈{{gap:.3f}}</td></tr>", f"A dot at ≈{{gap:.3f}} nats."
display({{"image/png": b64decode("{DOT}"), "text/html": row, "text/plain": alt}}, raw=True)"""
SOURCES = {
    "sum": "print(f'the sum is {sum(range(5))}')\nprint('and no more')",
    "product": "print(f'the product is {2 * 3}')",
    "pixels": SHOW,
    "words": SHOW,
    "bar": "from tqdm.auto import tqdm\nfor _ in tqdm(range(20)):\n    pass",
    "measured": "gap = 0.8125\nassert gap < 1\nprint(f'  ≈{gap:.3f} nats, 3 seeds')",
    "seeds": "gap = 0.8125\nassert gap < 1\nprint(f'  ≈{gap:.3f} nats, 3 seeds')",
    "verdict": "gap = 0.8125\nassert gap < 1\nprint(f'MLA loses ≈{gap:.3f} nats')",
    "moved": "gap = 0.8125\nassert gap < 1\nprint(f'a gap of ≈{gap:.3f} nats')",
    "lost": "gap = 0.8125\nassert not gap > 1\nprint(f'the gap is ≈{gap:.3f} nats')",
    "table": TABLE,
    "heading": TABLE,
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The small notebook with its outputs, as a maintainer would commit it."""
    path = tmp_path_factory.mktemp("lesson") / "00_small.ipynb"
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in SOURCES.items()]
    title = nbformat.v4.new_markdown_cell("# 00. A small notebook")
    nbformat.write(nbformat.v4.new_notebook(cells=[title, *cells]), path)
    assert refresh.refresh(path)
    return json.loads(path.read_text(encoding="utf-8"))


def compare(content, folder, cell_limit=60):
    """Write `content` as a notebook of a repository in `folder`; return what tests/run.py says of it."""
    path = folder / "notebooks" / "00_small.ipynb"
    path.parent.mkdir()
    (folder / "tests").mkdir()
    for name in ("pyproject.toml", "tests/approx.txt"):  # with addopts, where the sign's rule stands
        shutil.copy(ROOT / name, folder / name)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calling, "ROOT", folder)
        return run.compare_notebook("notebooks", path, run.environment(folder / "runs"), cell_limit)


def names_in_order(result):
    """Return the ids of the cells that failed."""
    return [failure.split("(")[1].split(")")[0] for failure in result.failures]


@pytest.fixture(scope="module")
def changed(original):
    """The same with a false number, a cell never run, other pixels, and other words for a picture.

    Then, around the sign: another digit behind it, another digit and another word without it, a value past
    its assert, one that is lost, and digits and a heading in a table.
    """
    content = json.loads(json.dumps(original).replace("the sum is 10", "the sum is 11"))
    cells = {cell["id"]: cell for cell in content["cells"]}
    cells["product"] |= {"execution_count": None, "outputs": []}
    cells["pixels"]["outputs"][0]["data"]["image/png"] = "iVBORw0KGgo="
    cells["words"]["outputs"][0]["data"]["text/plain"] = "Two black dots."

    def stored(name, old, new):
        output = json.dumps(cells[name]["outputs"], ensure_ascii=False)
        assert old in output
        cells[name]["outputs"] = json.loads(output.replace(old, new))

    stored("measured", "≈0.812", "≈-12.5")
    stored("seeds", "3 seeds", "4 seeds")
    stored("verdict", "MLA loses", "MLA wins")
    cells["moved"]["source"] = SOURCES["moved"].replace("0.8125", "1.8125")
    cells["lost"]["source"] = SOURCES["lost"].replace("0.8125", "float('nan')")
    stored("table", "≈0.812", "≈0.9")
    stored("heading", "<td>gap", "<td>loss")
    return content


@pytest.fixture(scope="module")
def verdict(changed, tmp_path_factory):
    """What comparing the changed notebook gave."""
    return compare(changed, tmp_path_factory.mktemp("changed"))


def test_what_refresh_writes_is_stable_and_passes(original, tmp_path):
    """Two executions give the same file, and nbval and the house rules agree with it."""
    again = tmp_path / "00_small.ipynb"
    again.write_text(json.dumps(original), encoding="utf-8")
    assert refresh.refresh(again)
    assert json.loads(again.read_text(encoding="utf-8")) == original
    read = nbformat.reads(json.dumps(original), as_version=4)
    assert [complaint for rule in [*rules.RULES, *measured.RULES] for complaint in rule(read)] == []
    result = compare(original, tmp_path)
    assert (result.count("passed"), result.failures) == (len(SOURCES), [])


def test_a_stored_number_changed_by_hand_is_found_and_its_cell_named(verdict):
    first_line = SOURCES["sum"].splitlines()[0]
    assert verdict.failures[0] == f"notebooks/00_small.ipynb, cell 0 (sum): {first_line}"


def test_alt_text_is_compared_though_the_pixels_are_not(verdict):
    """Pixels differ between machines, so nbval leaves PNGs out; the words beside them it compares."""
    assert set(names_in_order(verdict)) & {"pixels", "words"} == {"words"}


def test_behind_the_sign_digits_may_change_and_nothing_else_may(verdict):
    about = {"measured", "seeds", "verdict", "moved", "lost", "table", "heading"}
    assert set(names_in_order(verdict)) & about == {"seeds", "verdict", "moved", "lost", "heading"}
    assert set(names_in_order(verdict)) <= {"sum", "words"} | about


def as_compared(text):
    """Return what is left to compare of `text` under the rule of tests/approx.txt, as nbval applies it."""
    for pattern, replacement in get_sanitize_patterns((ROOT / "tests" / "approx.txt").read_text("ascii")):
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize(
    "one, other",
    [
        ("gap ≈0.843 nats", "gap ≈-12 nats"),
        ("gap ≈0.843 nats", "gap ≈ +1.5e-05 nats"),
        ("| ≈999 | 3 |", "| ≈1,234,567.8 | 3 |"),
        ("a ≈ 9.50  b", "a≈10.25 b"),
        ("a   ≈\N{MINUS SIGN}.5\n", "a ≈1_000\n"),
        ("≈0.8 ±≈0.1", "≈0.9 ±≈0.02"),
    ],
)
def test_numbers_behind_the_sign_are_not_compared(one, other):
    assert one != other and as_compared(one) == as_compared(other)


@pytest.mark.parametrize(
    "one, other",
    [
        ("gap 0.843", "gap 0.844"),
        ("gap ≈0.843", "gap 0.843"),
        ("≈84 %", "≈84"),
        ("≈8 kB", "≈8 MB"),
        ("≈0.8 ±0.1", "≈0.8 ±0.2"),
        ("≈0.8", "≈nan"),
        ("≈0.8", "≈ inf"),
        ("≈0.8", "≈-inf"),
        ("≈0.8", "≈"),
        ("gap ≈0.8", "gap"),
        ("gap ≈0.8\nrest", "gap ≈0.8 rest"),
        ("≈nan", "≈inf"),
        ("≈1, 2 of 3", "≈1, 1 of 3"),
        ("≈1,23", "≈1,24"),
        ("≈0.8\n0.9", "≈0.8\n0.7"),
        ("≈0.8 0.9", "≈0.8 0.7"),
        ("≈3x4", "≈3x5"),
    ],
)
def test_everything_else_is_compared(one, other):
    assert as_compared(one) != as_compared(other)


def test_a_cell_that_was_never_run_escapes_nbval_but_not_our_rule(verdict, changed):
    assert not any("product" in failure for failure in verdict.failures)
    complaints = rules.run_in_order(nbformat.reads(json.dumps(changed), as_version=4))
    assert any("(product) was never run" in complaint for complaint in complaints)


def test_a_cell_past_its_limit_fails_and_so_does_one_that_needed_it(original, tmp_path):
    """nbval calls what goes wrong after a timeout an expected failure; here it is a failure.

    The limit is of the processor's time: a cell that waits past it passes.
    """
    content = json.loads(json.dumps(original))
    cells = {cell["id"]: cell for cell in content["cells"]}
    cells["sum"]["source"] = f"import time\ntime.sleep(2.5)\n{SOURCES['sum']}"
    cells["bar"]["source"] = "while time.process_time() < 60: pass\nx = 1"
    cells["measured"]["source"] += "\nx"
    result = compare(content, tmp_path, cell_limit=2)
    assert names_in_order(result)[:2] == ["bar", "measured"]
    assert "sum" not in names_in_order(result)


def test_what_the_workers_of_a_kernel_compute_counts(tmp_path):
    done = tmp_path / "done"
    work = "import pathlib, time\nwhile time.process_time() < 1.7: pass\n"
    work += f"pathlib.Path({str(done)!r}).touch(); time.sleep(60)"
    kernel = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    process = subprocess.Popen([sys.executable, "-c", kernel])
    try:
        while not done.exists():
            assert process.poll() is None
            time.sleep(0.05)
        assert cell_clock.processor_seconds(process.pid) > 1.5
    finally:
        for member in [*psutil.Process(process.pid).children(recursive=True), process]:
            member.kill()
        process.wait()
    assert cell_clock.processor_seconds(process.pid) == 0, "one that is gone computes nothing"


def test_a_cell_that_hangs_without_computing_ends_as_well(original, tmp_path):
    content = json.loads(json.dumps(original))
    content["cells"][2]["source"] = "import time\ntime.sleep(600)"
    assert "product" in names_in_order(compare(content, tmp_path, cell_limit=1))


def test_a_kernel_that_dies_is_noticed_at_once(original, tmp_path):
    content = json.loads(json.dumps(original))
    content["cells"][2]["source"] = "import os, signal\nos.kill(os.getpid(), 9)"
    result = compare(content, tmp_path, cell_limit=600)
    assert "product" in names_in_order(result)
    assert "sum" not in names_in_order(result)


@pytest.mark.parametrize(
    "source, words", [("1 / 0", "ZeroDivisionError"), ("import sys\nprint('x', file=sys.stderr)", "stderr")]
)
def test_refresh_does_not_write_a_notebook_that_failed(source, words, tmp_path, capsys):
    path = tmp_path / "00_bad.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)
    before = path.read_bytes()
    assert not refresh.refresh(path)
    assert path.read_bytes() == before
    assert words in capsys.readouterr().out


def test_a_refreshed_lesson_counts_only_what_it_finds_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))
    for lesson in ("00_small", "01_other"):
        run_store.record_finding(lesson, "of an earlier version", 1, "", "measured")
    path = tmp_path / "00_small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), path)
    monkeypatch.setattr(sys, "argv", ["refresh.py", "--store", str(tmp_path), str(path)])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # given back afterwards
    assert refresh.main() == 0
    assert [found.lesson for found in run_store.findings()] == ["01_other"]


def test_refresh_keeps_readable_ids_tags_and_folds_and_drops_noise():
    cells = [
        nbformat.v4.new_markdown_cell("## The floor", id="the-floor", metadata={"jp-MarkdownHeading": 1}),
        nbformat.v4.new_code_cell("x = 1", id="3f2a77bc", metadata={"tags": ["nbval-ignore-output"]}),
        nbformat.v4.new_code_cell("x = 1", id="9c1d0e4f", metadata={"collapsed": True, "tags": []}),
        nbformat.v4.new_code_cell("x", id="draw", metadata={"jupyter": {"source_hidden": True, "x": 1}}),
        nbformat.v4.new_code_cell("x", id="open", metadata={"jupyter": {"source_hidden": False}}),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {}, "colab": {}})
    refresh.tidy(notebook)
    assert [cell.id for cell in notebook.cells] == ["the-floor", "x-1", "x-1-2", "draw", "open"]
    kept = [{}, {"tags": ["nbval-ignore-output"]}, {}, {"jupyter": {"source_hidden": True}}, {}]
    assert [dict(cell.metadata) for cell in notebook.cells] == kept
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
