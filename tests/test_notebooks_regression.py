"""Comparing notebooks finds what it should: a changed number, and what nbval itself does not see.

A small notebook is executed and tidied by tests/refresh.py and compared by tests/run.py, as lessons are;
then one thing in the file is changed by hand.
"""

import json

import nbformat
import pytest
import refresh
import run
from house_rules import notebook as rules

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
SHOW = f"""from base64 import b64decode
from IPython.display import display
display({{"image/png": b64decode("{DOT}"), "text/plain": "A single black dot."}}, raw=True)"""
SOURCES = {
    "sum": "print(f'the sum is {sum(range(5))}')\nprint('and no more')",
    "product": "print(f'the product is {2 * 3}')",
    "pixels": SHOW,
    "words": SHOW,
    "bar": "from tqdm.auto import tqdm\nfor _ in tqdm(range(20)):\n    pass",
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
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "ROOT", folder)
        return run.compare_notebook("notebooks", path, run.environment(folder / "runs"), cell_limit)


@pytest.fixture(scope="module")
def changed(original):
    """The same with a false number, a cell never run, other pixels, and other words for a picture."""
    content = json.loads(json.dumps(original).replace("the sum is 10", "the sum is 11"))
    cells = {cell["id"]: cell for cell in content["cells"]}
    cells["product"] |= {"execution_count": None, "outputs": []}
    cells["pixels"]["outputs"][0]["data"]["image/png"] = "iVBORw0KGgo="
    cells["words"]["outputs"][0]["data"]["text/plain"] = "Two black dots."
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
    assert [complaint for rule in rules.RULES for complaint in rule(read)] == []
    result = compare(original, tmp_path)
    assert (result.passed, result.failures) == (len(SOURCES), [])


def test_a_stored_number_changed_by_hand_is_found_and_its_cell_named(verdict):
    first_line = SOURCES["sum"].splitlines()[0]
    assert verdict.failures[0] == f"notebooks/00_small.ipynb, cell 0 (sum): {first_line}"


def test_alt_text_is_compared_though_the_pixels_are_not(verdict):
    """Pixels differ between machines, so nbval leaves PNGs out; the words beside them it compares."""
    assert [failure.split("(")[1].split(")")[0] for failure in verdict.failures] == ["sum", "words"]


def test_a_cell_that_was_never_run_escapes_nbval_but_not_our_rule(verdict, changed):
    assert not any("product" in failure for failure in verdict.failures)
    complaints = rules.run_in_order(nbformat.reads(json.dumps(changed), as_version=4))
    assert any("(product) was never run" in complaint for complaint in complaints)


def test_a_cell_past_its_limit_fails_and_so_does_one_that_needed_it(original, tmp_path):
    """nbval calls what goes wrong after a timeout an expected failure; here it is a failure."""
    content = json.loads(json.dumps(original))
    content["cells"][1]["source"] = "import time\ntime.sleep(60)\nx = 1"
    content["cells"][2]["source"] = "print(f'the product is {6 * x}')"
    result = compare(content, tmp_path, cell_limit=1)
    assert [failure.split("(")[1].split(")")[0] for failure in result.failures] == ["sum", "product"]


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


def test_refresh_keeps_readable_ids_and_tags_and_drops_noise():
    cells = [
        nbformat.v4.new_markdown_cell("## The floor", id="the-floor", metadata={"jp-MarkdownHeading": 1}),
        nbformat.v4.new_code_cell("x = 1", id="3f2a77bc", metadata={"tags": ["nbval-ignore-output"]}),
        nbformat.v4.new_code_cell("x = 1", id="9c1d0e4f", metadata={"collapsed": True, "tags": []}),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {}, "colab": {}})
    refresh.tidy(notebook)
    assert [cell.id for cell in notebook.cells] == ["the-floor", "x-1", "x-1-2"]
    assert [dict(cell.metadata) for cell in notebook.cells] == [{}, {"tags": ["nbval-ignore-output"]}, {}]
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_quick_takes_one_lesson_of_each_part_that_is_there(tmp_path):
    paths = [tmp_path / f"{n}_x.ipynb" for n in ("00", "01", "03", "12", "10")]
    assert [path.name[:2] for path in run.quick_choice(paths)] == ["00", "03", "10"]


def test_the_summary_names_failures_and_ends_in_the_count(capsys):
    good = run.Result("lint", "ruff check", passed=1)
    bad = run.Result("notebooks", "01.ipynb", passed=4, failures=["01.ipynb, cell 3 (loss): print(loss)"])
    assert run.summary([good, bad]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "  notebooks: 01.ipynb, cell 3 (loss): print(loss)" in lines
    assert lines[-1] == "5 passed, 1 failed"
    assert run.summary([good]) == 0
    assert run.summary([]) == 1, "a suite that ran nothing is not green"
