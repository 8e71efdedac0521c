"""Every house rule can fail: each one meets a sample that breaks it, and a plain one that does not.

A rule that never complains looks exactly like a repository without faults.
"""

import json
import shutil

import pytest
from house_rules import ROOT, course, exceptions, library, links, measured, notebook

PICTURE = {"image/png": "iVBORw0KGgo=", "text/plain": "Bars falling from lesson to lesson."}


def code(source, *, count=1, outputs=(), tags=(), cell_id="the-cell"):
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": metadata,
        "source": source,
        "execution_count": count,
        "outputs": list(outputs),
    }


def words(source, cell_id="the-words"):
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}


def shown(**data):
    mime = {key.replace("__", "/").replace("_svg", "/svg+xml"): value for key, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": mime}


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def with_picture(**changes):
    return {"output_type": "display_data", "metadata": {}, "data": PICTURE | changes}


def book(*cells, **metadata):
    kernel = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}}
    return {"metadata": kernel | metadata, "cells": list(cells)}


GOOD = book(
    words("# 00. A title\n\nA question? See [the paper](https://arxiv.org/abs/2412.19437), section 3 / 4."),
    code("x = 1\nprint(x)  # one;", outputs=[printed("1\n")]),
    code("show(x)", count=2, cell_id="a-figure", outputs=[with_picture()]),
    code("clock()\nassert x", count=3, cell_id="a-clock", tags=["nbval-ignore-output"]),
)

ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
RESULT = {"output_type": "execute_result", "execution_count": 7, "metadata": {}, "data": {"text/plain": "1"}}

BAD_NOTEBOOKS = [
    (notebook.small_cells, book(code("x = 1\n" * 31)), "31 lines"),
    (notebook.short_notebook, book(code("x = 1\n" * 11)), "median"),
    (notebook.short_notebook, book(*[code("x = 1")] * 46), "46 code cells"),
    (notebook.short_notebook, book(*[words("word " * 139)] * 18), "2,502 words"),
    (notebook.small_cells, book(code("  \n")), "is empty"),
    (notebook.small_cells, book(words("word " * 151)), "151 words"),
    (notebook.run_in_order, book(code("1", count=None)), "never run"),
    (notebook.run_in_order, book(code("1"), code("2", count=3)), "count 3"),
    (notebook.run_in_order, book(code("1", outputs=[RESULT])), "output of run 7"),
    (notebook.plain_metadata, book(kernelspec={"name": "my-env"}), "my-env"),
    (notebook.plain_metadata, book(widgets={}), "state of widgets"),
    (notebook.plain_metadata, book(colab={}), "colab"),
    (notebook.plain_metadata, book(language_info={"name": "python", "version": "3.11"}), "version"),
    (notebook.plain_metadata, book(words("a", cell_id="3f2a77bc")), "is not a name"),
    (notebook.plain_metadata, book(words("a"), words("b")), "stands twice"),
    (notebook.plain_metadata, book(words("a") | {"metadata": {"execution": {}}}), "execution"),
    (
        notebook.plain_metadata,
        book(words("a") | {"metadata": {"jupyter": {"outputs_hidden": True}}}),
        "folded",
    ),
    (
        notebook.plain_metadata,
        book(code("x") | {"metadata": {"jupyter": {"source_hidden": True, "outputs_hidden": True}}}),
        "folded",
    ),
    (notebook.clean_outputs, book(code("f()", outputs=[ERROR])), "stores an error"),
    (notebook.clean_outputs, book(code("f()", outputs=[printed("careful", "stderr")])), "stderr"),
    (notebook.clean_outputs, book(code("f()", outputs=[shown(image_svg="<svg/>")])), "SVG"),
    (notebook.clean_outputs, book(code("f()", outputs=[printed("<A at 0x7f3a12bc>")])), "address"),
    (
        notebook.clean_outputs,
        book(code("f()", outputs=[with_picture(**{"application/vnd.jupyter.widget-view+json": {}})])),
        "random id",
    ),
    (notebook.no_local_paths, book(code("open('/home/ada/data.txt')")), "path of one machine"),
    (notebook.no_local_paths, book(words("see /tmp/run")), "path of one machine"),
    (notebook.no_local_paths, book(code("f()", outputs=[printed("C:\\Users\\ada")])), "path"),
    (notebook.no_remote_images, book(words("![a](https://example.org/a.png)")), "network"),
    (notebook.no_remote_images, book(words('<img width="3" src="http://example.org/a">')), "network"),
    (notebook.plain_code, book(code("import sys\nsys.path.insert(0, '..')")), "sys.path"),
    (notebook.plain_code, book(code("%matplotlib inline")), "magic"),
    (notebook.plain_code, book(code("!pip install x")), "magic"),
    (notebook.plain_code, book(code("interact(f, x=3)")), "interact"),
    (notebook.plain_code, book(code("with widgets.Output():\n    f()")), "Output"),
    (notebook.plain_code, book(code("plt.savefig('a.png')")), "saves a figure"),
    (notebook.plain_code, book(code("f()  # NBVAL_SKIP")), "steers nbval"),
    (notebook.plain_code, book(code("plt.plot(x);  # hush")), "ends in ';'"),
    (notebook.few_ignored, book(code("f()", tags=["nbval-skip"])), "nbval-skip"),
    (notebook.few_ignored, book(code("f()", tags=["nbval-ignore-output"])), "asserts anything"),
    (
        notebook.few_ignored,
        book(*[code("assert 1", tags=["nbval-ignore-output"]) for _ in range(3)]),
        "3 of 3",
    ),
    (notebook.alt_text, book(code("f()", outputs=[with_picture(**{"text/plain": "<Figure size>"})])), "alt"),
    (notebook.alt_text, book(code("f()", outputs=[with_picture(**{"text/plain": ""})])), "alt text"),
    (measured.bounded, book(code("print(x)", outputs=[printed("gap ≈0.8")])), "asserts nothing"),
    (measured.bounded, book(code("show(x)", outputs=[shown(text__html="<td>≈0.8</td>")])), "asserts nothing"),
    (
        measured.bounded,
        book(code("show(x)", outputs=[with_picture(**{"text/plain": "It falls to ≈0.8."})])),
        "asserts nothing",
    ),
    (measured.bounded, book(code("assert True\nprint(x)", outputs=[printed("≈0.8")])), "asserts nothing"),
    (
        measured.bounded,
        book(code("assert x", cell_id="a"), code("f()", outputs=[printed("≈1")], cell_id="b")),
        "(b)",
    ),
    (
        measured.no_verdicts_for_values,
        book(code("f()", outputs=[printed("below the floor: False\n")])),
        "': False'",
    ),
    (
        measured.no_verdicts_for_values,
        book(code("f()", outputs=[shown(text__plain="equal: True")])),
        "': True'",
    ),
    (measured.no_history, book(words("It took 3 s when this was written.")), "when this was written"),
    (
        measured.no_history,
        book(code("f()", outputs=[printed("When this lesson was written: 3")])),
        "When this lesson",
    ),
    (
        measured.ignored_only_for_clocks,
        book(code("print(gap)\nassert gap", tags=["nbval-ignore-output"])),
        "neither a clock",
    ),
    (
        measured.values_in_sight,
        book(words("# 02. A lesson"), code("assert x", outputs=[printed("≈1 ≈2")])),
        "2 values",
    ),
    (
        measured.values_in_sight,
        book(
            words("# 02. A lesson"),
            code("assert x", outputs=[printed("≈1 ≈2 ≈3")], tags=["nbval-ignore-output"]),
        ),
        "0 values",
    ),
]
RULES = [*notebook.RULES, *measured.RULES, *measured.RULES_FOR_LESSONS]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_plain_notebook_gets_no_complaint(rule):
    assert rule(GOOD) == []


@pytest.mark.parametrize("rule, sample, words_of_it", BAD_NOTEBOOKS)
def test_a_bad_notebook_gets_a_complaint(rule, sample, words_of_it):
    complaints = rule(sample)
    assert any(words_of_it in complaint for complaint in complaints), complaints


def test_every_notebook_rule_has_a_bad_sample():
    assert {rule for rule, _, _ in BAD_NOTEBOOKS} == set(RULES)


def test_a_folded_cell_a_bounded_value_and_a_lesson_that_is_exact_by_nature_are_fine():
    folded = code("assert x > 0.5\nprint(x)", outputs=[printed("≈0.8 ±≈0.1, ≈3 %")])
    folded["metadata"] = {"jupyter": {"source_hidden": True}}
    lesson = book(words("# 02. A lesson"), folded)
    assert [complaint for rule in RULES for complaint in rule(lesson)] == []
    assert measured.values_in_sight(book(words("# 00. Start here"))) == []


def test_an_exception_hides_known_complaints_and_is_refused_without_need():
    not_yet = {"05": {"no_history"}}
    assert exceptions.judge("05", "no_history", ["cell a"], not_yet) == []
    assert exceptions.judge("05", "bounded", ["cell a"], not_yet) == ["cell a"]
    assert exceptions.judge("06", "no_history", ["cell a"], not_yet) == ["cell a"]
    assert exceptions.judge("06", "no_history", [], not_yet) == []
    assert "take it off" in exceptions.judge("05", "no_history", [], not_yet)[0]


# ---- the library

FINE = '"""A room."""\n\nimport os\n\nimport torch\n\n\ndef f():\n    """Do it."""\n    return os.environ\n'

BAD_MODULES = [
    (library.imports_one_way, "model/norm.py", "from lessons_lib.training import train", "before"),
    (library.imports_one_way, "config.py", "import lessons_lib.model.norm", "before"),
    (library.imports_one_way, "model/norm.py", "from ..show import plots", "before"),
    (library.imports_one_way, "model/norm.py", "def f():\n    from lessons_lib import checks", "before"),
    (library.imports_one_way, "training/loop.py", "from lessons_lib.show import curves", "before"),
    (library.imports_one_way, "utils/a.py", "import torch", "not a room"),
    (library.no_circles, "model/a.py", "def f():\n    from .a import g", "import each other"),
    (library.only_show_draws, "checks/a.py", "def f():\n    import matplotlib.pyplot as plt", "only show"),
    (library.no_network, "corpus/a.py", "from urllib.request import urlopen", "network"),
    (library.quiet_on_import, "model/a.py", "import torch\ntorch.manual_seed(0)", "sets the seed"),
    (library.quiet_on_import, "model/a.py", "import os\nHOME = os.environ.get('HOME')", "environment"),
    (library.quiet_on_import, "model/a.py", "import os\ndef f(x=os.getenv('A')): ...", "environment"),
    (library.quiet_on_import, "model/a.py", "import os\nclass A:\n    x = os.getenv('A')", "environment"),
    (library.quiet_on_import, "model/a.py", "from os import environ", "by name"),
    (library.documented, "model/a.py", "x = 1", "no docstring"),
    (library.documented, "model/a.py", '"""A."""\ndef f(): ...', "f has no docstring"),
    (library.documented, "model/a.py", '"""A."""\nclass A: ...', "A has no docstring"),
    (library.short_modules, "model/a.py", "x = 1\n" * 201, "201 lines"),
]


def house(folder, where, source):
    """Build a small lessons_lib with one module and return its folder."""
    path = folder / "lessons_lib" / where
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    return folder / "lessons_lib"


@pytest.mark.parametrize("rule", library.RULES, ids=lambda rule: rule.__name__)
def test_a_plain_module_gets_no_complaint(rule, tmp_path):
    assert rule(house(tmp_path, "training/loop.py", FINE + "\nfrom lessons_lib.model import A\n")) == []


@pytest.mark.parametrize("rule, where, source, words_of_it", BAD_MODULES)
def test_a_bad_module_gets_a_complaint(rule, where, source, words_of_it, tmp_path):
    complaints = rule(house(tmp_path, where, source))
    assert any(words_of_it in complaint for complaint in complaints), complaints


def test_show_and_checks_may_use_every_room(tmp_path):
    source = "from lessons_lib.training import train\nfrom lessons_lib.show import style"
    assert library.imports_one_way(house(tmp_path, "checks/sharing.py", source)) == []


def test_a_circle_of_three_modules_is_found_and_a_chain_is_none(tmp_path):
    folder = house(tmp_path, "model/a.py", "from .b import x")
    (folder / "model/b.py").write_text("from lessons_lib.model.c import x", encoding="utf-8")
    (folder / "model/c.py").write_text("x = 1", encoding="utf-8")
    assert library.no_circles(folder) == []
    (folder / "model/c.py").write_text("def f():\n    import lessons_lib.model.a", encoding="utf-8")
    (complaint,) = library.no_circles(folder)
    assert all(f"model.{name}" in complaint for name in "abc")


def test_every_library_rule_has_a_bad_sample():
    assert {rule for rule, *_ in BAD_MODULES} == set(library.RULES)


# ---- links and the order of lessons


def shelf(folder, **lessons):
    """Write lessons called l00="first cell", l01=... into folder/notebooks; return their paths."""
    (folder / "notebooks").mkdir()
    paths = []
    for key, cells in sorted(lessons.items()):
        cells = [cells] if isinstance(cells, str) else cells
        path = folder / "notebooks" / f"{key[1:]}_lesson.ipynb"
        cells = [c if isinstance(c, dict) else words(c) for c in cells]
        path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
        paths.append(path)
    return paths


@pytest.mark.parametrize(
    "text, words_of_it",
    [
        ("[a](02_nowhere.ipynb)", "leads to nothing"),
        ("[a](#No-such-heading)", "no heading"),
        ("[a](01_lesson.ipynb#Gone)", "01_lesson.ipynb has no heading"),
        ("[a](../../outside.md)", "outside the repository"),
        ("[a](/etc/hosts)", "outside the repository"),
        ('<a href="gone.md">a</a>', "leads to nothing"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text, words_of_it, tmp_path):
    first, _ = shelf(tmp_path, l00=text, l01="# 01. Here")
    assert any(words_of_it in complaint for complaint in links.links_resolve(first, tmp_path))


def test_a_link_in_a_table_that_a_cell_shows_is_followed_too(tmp_path):
    table = {"output_type": "display_data", "data": {"text/markdown": "| [a](gone.ipynb) |"}}
    (path,) = shelf(tmp_path, l00=[code("show_table()", outputs=[table])])
    assert links.links_resolve(path, tmp_path) == ["gone.ipynb leads to nothing"]


def test_links_that_lead_somewhere_are_fine(tmp_path):
    text = (
        "[a](01_lesson.ipynb#The-floor,-exactly) [b](01_lesson.ipynb#the-floor-exactly) "
        "[c](https://arxiv.org) `[d](gone.md)` [e](#here)\n\n<a id='here'></a>"
    )
    first, _ = shelf(tmp_path, l00=text, l01="## The floor, exactly")
    assert links.links_resolve(first, tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "lesson 01 (to come)",
        "lessons 01 to 03 (to come)",
        "lessons 01 and 02 (to come)",
        "lesson 00, lesson 01 (*to come*)",
        "lesson 01, Training in FP8 (to come)",
        "`01_a_small_gpt` (to come)",
        "[lesson 01](01_lesson.ipynb) (to come)",
        "| 01 | A small GPT | to come |",
    ],
)
def test_a_lesson_that_exists_and_is_still_marked_is_found(text, tmp_path):
    path, _ = shelf(tmp_path, l00=text, l01="")
    complaints = links.marks_of_unwritten_lessons(path, {0, 1})
    assert any("lesson 01 exists" in complaint for complaint in complaints), complaints


def test_an_unwritten_lesson_without_a_mark_is_found(tmp_path):
    (path,) = shelf(tmp_path, l00="Lesson 05 shows it; lesson 06 (to come) and lesson 00 too.")
    assert links.marks_of_unwritten_lessons(path, {0}) == [
        "lesson 05 is not written and nowhere on the page marked 'to come'"
    ]


def test_a_written_lesson_before_an_unwritten_one_is_not_taken_for_it(tmp_path):
    (path,) = shelf(tmp_path, l00="Next: [lesson 01](01_lesson.ipynb), then lesson 02 (to come).")
    assert links.marks_of_unwritten_lessons(path, {0, 1}) == []


# ---- the glossary and the order of code


def glossary(folder, *rows):
    path = folder / "glossary.md"
    path.write_text("\n".join(["| term | symbol | shape | lesson |", "|---|---|---|---|", *rows]))
    return course.read_glossary(path)


FLOOR, CACHE = "| entropy floor | H | number | 01 |", "| KV cache / cache | | (B, K, T, d) | 02 |"


def test_a_glossary_in_order_gets_no_complaint(tmp_path):
    paths = shelf(
        tmp_path,
        l00="Nothing yet.\n\n- a KV cache is lesson 02's subject",
        l01="The **entropy\nfloor** is exact; `cache` in code is no use of the word.",
        l02="Two caches.",
    )
    assert course.glossary_in_order(glossary(tmp_path, FLOOR, CACHE), paths) == []


@pytest.mark.parametrize(
    "rows, texts, words_of_it",
    [
        ([FLOOR], {"l00": "The Entropy floor.", "l01": "Entropy floors."}, "used in 00"),
        ([FLOOR], {"l01": "No such term: entropy flooring."}, "never used in lesson 01"),
        ([FLOOR], {"l00": ""}, "lesson 01, which is not written"),
        ([CACHE, FLOOR], {"l01": "entropy floor", "l02": "cache"}, "too late in the glossary"),
        ([FLOOR, FLOOR], {"l01": "entropy floor"}, "stands twice"),
    ],
)
def test_a_glossary_out_of_order_is_found(rows, texts, words_of_it, tmp_path):
    complaints = course.glossary_in_order(glossary(tmp_path, *rows), shelf(tmp_path, **texts))
    assert any(words_of_it in complaint for complaint in complaints), complaints


def test_a_malformed_row_is_named_with_its_line(tmp_path):
    with pytest.raises(ValueError, match="glossary.md:3 is not"):
        glossary(tmp_path, "| floor | 01 |")


@pytest.mark.parametrize(
    "source",
    [
        "from lessons_lib.model import KVCache",
        "from lessons_lib.model.cache import KVCache as K",
        "def f():\n    import lessons_lib.precision.formats",
    ],
)
def test_code_of_a_later_lesson_is_found(source, tmp_path):
    early, late = shelf(tmp_path, l01=[code(source)], l19=[code(source)])
    assert course.nothing_before_its_lesson(early) != []
    assert course.nothing_before_its_lesson(late) == []


def test_the_rules_complain_about_the_real_library_once_it_is_broken(tmp_path):
    """Not only about samples made to be bad: one line added to a copy of the real thing."""
    copy = tmp_path / "lessons_lib"
    shutil.copytree(ROOT / "lessons_lib", copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = library.imports_one_way(copy)
    norm = copy / "model" / "norm.py"
    norm.write_text(norm.read_text(encoding="utf-8") + "\nfrom lessons_lib.training import train\n")
    assert len(library.imports_one_way(copy)) == len(before) + 1
