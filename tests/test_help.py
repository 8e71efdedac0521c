"""Help where it is needed: every message of start.py and of the run store leads to a part of docs/help.md.

Messages are read from the source, with `x` for what is filled in; each leads to an anchor that is there, or
is exempted here by name.
"""

import ast
import re
import sys

import pytest
from house_rules import ROOT

from lessons_lib import helping, training
from lessons_lib.runs import run_store
from lessons_lib.runs.fingerprint import fingerprint

sys.path.insert(0, str(ROOT))
import start

PAGE = (ROOT / helping.PAGE).read_text(encoding="utf-8")
ANCHORS = re.findall(r'<a id="([\w-]+)"></a>', PAGE)
PARTS = re.findall(r'(?:^<a id="[\w-]+"></a>\n)+### (?:(?!^<a id|^## ).*\n)+', PAGE, flags=re.MULTILINE)

# What a mistyped command says needs no page; it says what to type. By words of it.
SAYS_IT_ALL = (
    "a port is a number",
    "setup knows --wheels",
    "--wheels needs a folder",
    "--with knows",
    "repair takes nothing more",
    "--with knows",
    "parallel needs a layout",
    "update takes nothing more",
    "is no command: there are",
)


def words_of(node, names):
    """The text of an expression, `x` for what is filled in; that of a name where it was made above."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Call) and node.args:  # with_help(...)
        return words_of(node.args[0], names)
    return ""


def said(path, wanted):
    """Yield (line, text) for each call in a file whose function is called `wanted`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        names = {
            node.targets[0].id: words_of(node.value, {})
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == wanted and node.args:
                if text := words_of(node.args[0], names):
                    yield node.lineno, text


def of_start():
    filled = {"disk": "the disk of x", "wheels": "x"}
    texts = [words.format("x", "x", **filled) for _, words in start.SENTENCES]
    texts += [text for _, text in said(ROOT / "start.py", "Trouble")]
    texts += [text for _, text in said(ROOT / "start.py", "with_help")]
    texts += [text for _, text in said(ROOT / "tools" / "update.py", "Trouble")]
    tree = ast.parse((ROOT / "start.py").read_text(encoding="utf-8"))
    raised = [node for node in ast.walk(tree) if isinstance(node, ast.Raise) and "Trouble" in ast.dump(node)]
    assert len(texts) > len(start.SENTENCES) + len(raised) - 8  # others hand on what a function returned
    texts = [text.replace("there x of your own", "there are 2 commits of your own") for text in texts]
    return [text.replace("Python x.x is too x", "Python 3.9 is too old") for text in texts]


def of_the_store():
    found = []
    for path in sorted((ROOT / "lessons_lib" / "runs").glob("*.py")):
        found += [(path.name, line, text) for line, text in said(path, "print")]
    return found


def test_each_symptom_has_an_anchor_of_its_own_and_says_what_why_and_what_to_do():
    assert len(ANCHORS) == len(set(ANCHORS)) and len(PARTS) == PAGE.count("\n### ") > 25
    for part in PARTS:
        order = [part.find(mark) for mark in ("<a id=", "\n### ", "**You see.**", "**Why.**", "**Do.**")]
        assert -1 not in order and order == sorted(order), part[:80]


def test_every_anchor_that_the_table_names_is_on_the_page():
    assert {anchor for anchor, _ in helping.HELP} <= set(ANCHORS)


@pytest.mark.parametrize("text", of_start(), ids=lambda text: text[:40])
def test_every_message_of_start_leads_to_help_or_says_it_all(text):
    exempt = [words for words in SAYS_IT_ALL if words in text]
    assert helping.anchor_for(text) in ANCHORS or exempt, text
    assert not (helping.anchor_for(text) and exempt)


@pytest.mark.parametrize("file, line, text", of_the_store(), ids=str)
def test_every_message_of_the_store_leads_to_help_and_carries_the_link(file, line, text):
    assert helping.anchor_for(text) in ANCHORS, text
    source = (ROOT / "lessons_lib" / "runs" / file).read_text(encoding="utf-8").splitlines()
    assert "with_help(" in source[line - 1]


def test_every_row_of_the_table_helps_with_some_message():
    texts = [*of_start(), *(text for *_, text in of_the_store())]
    texts += ["[Errno 28] No space left on device", "runs have nowhere to go"]
    for anchor, pattern in helping.HELP:
        assert any(re.search(pattern, text) for text in texts), (anchor, pattern)


def test_a_message_ends_in_its_link_and_stays_one_sentence(capsys):
    assert start.main(["parallel"]) == 1
    assert "help" not in capsys.readouterr().err  # it says it all
    sentence = start.with_help("the memory ran out and the system ended pip: close other programs.")
    assert sentence.endswith("close other programs (help: docs/help.md#memory).")
    assert start.with_help("quite another thing.") == "quite another thing."


def test_with_a_public_address_the_link_leads_there(monkeypatch):
    monkeypatch.setenv("COURSE_REPOSITORY", "https://example.org/course/")
    assert helping.link("offline") == "https://example.org/course/blob/main/docs/help.md#offline"


def test_a_start_without_the_rest_of_the_course_says_its_sentence_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(start, "ROOT", tmp_path)
    assert start.with_help("the memory ran out.") == "the memory ran out."


def test_the_table_can_be_read_by_a_python_that_is_too_old():
    source = (ROOT / "lessons_lib" / "helping.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 6))
    names = {node.names[0].name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}
    assert names == {"os", "re"}


def test_a_damaged_file_says_where_help_is(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))
    for name in ("reader.json", "findings.json"):
        (tmp_path / name).write_text("[", encoding="utf-8")
    run_store.findings()
    assert f"(help: {helping.link('store-damaged')})." in capsys.readouterr().out


def test_what_help_says_does_not_make_a_stored_run_outdated():
    assert "lessons_lib.helping" not in fingerprint(training.train.__module__)


def test_the_page_names_only_files_commands_and_variables_that_exist():
    for command in set(re.findall(r"python start\.py ([a-z-]+)", PAGE)):
        assert f"python start.py {command}" in start.__doc__, command
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    code = (ROOT / "lessons_lib" / "runs" / "place.py").read_text(encoding="utf-8")
    assert all(name in code for name in re.findall(r"`(DEEPSEEK_\w+)`", PAGE))
