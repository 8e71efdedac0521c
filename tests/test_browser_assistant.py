"""The assistant of lesson 17 in JupyterLab: type a problem, watch words come, stop it half-way, by keyboard.

A notebook of one cell builds it around a writer that never ends, so that what is stopped is certain to be
still going on; the real models are in the lesson. Skipped where `test_browser.py` is.
"""

import time

import nbformat
import pytest
from test_browser import opened, run_all, wait_until

pytestmark = pytest.mark.browser

CELL = """
from itertools import chain, cycle

from lessons_lib.show import hunt_words
from lessons_lib.show.assistant import Assistant, Task
from lessons_lib.show.thinking import as_it_thinks

problem = hunt_words.understand("2 0 1 4 5 3 1")
tries = ["d0", "r2", "cross", "wait"]
found = "<think> d2 r1 star </think> <answer> d2 </answer> <eos>".split()
writers = {"endless": lambda *_: chain(["<think>"], cycle(tries)), "quick": lambda *_: iter(found)}
task = Task(hunt_words.understand, hunt_words.tell, hunt_words.split, hunt_words.verdict, as_it_thinks)
Assistant(task, writers, {"short": 1, "long": 2}, [problem], pause=0.1)
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The one cell has run, and the chat stands on the page; `page.errors` collects what goes wrong."""
    folder = tmp_path_factory.mktemp("assistant")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.strip())])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}

    def put_into_it():
        nbformat.write(notebook, folder / "notebooks" / "chat.ipynb")

    with opened(folder, "chat.ipynb", "assistant", put_into_it) as page:
        run_all(page)
        page.locator(".jp-OutputArea input.widget-input").wait_for()
        yield page


def chat(page):
    return page.locator("[role=log]").inner_text() if page.locator("[role=log]").count() else ""


def seen(page):
    """Return the sentence below the picture of the answer."""
    return page.locator(".seen").inner_text() if page.locator(".seen").count() else ""


def drawn(page):
    return page.locator(".jp-OutputArea .widget-image, .jp-OutputArea img").first.get_attribute("src")


def ask(page, text, who):
    """Choose who answers, type `text` and press Enter."""
    page.locator(".jp-OutputArea select").select_option(label=who)
    box = page.locator(".jp-OutputArea input.widget-input")
    box.focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_free_text_gets_a_kind_answer_that_says_what_the_model_knows(page):
    ask(page, "What is the capital of France?", "quick")
    wait_until(lambda: "treasure hunts" in chat(page), "no explanation came")
    assert "What is the capital of France?" in chat(page)


def test_a_typed_problem_is_answered_and_judged(page):
    ask(page, "2 0 1 4 5 3 1", "quick")
    wait_until(lambda: "Verifier: right" in chat(page), f"no verdict: {chat(page)}")
    assert "quick thinks: d2 r1 star" in chat(page)
    assert seen(page).endswith("It answers d2: right.") and drawn(page).startswith("blob:")


def test_words_come_one_by_one_and_stop_works_while_it_thinks_by_keyboard(page):
    ask(page, "2 0 1 4 5 3 1", "endless")
    wait_until(lambda: chat(page).count("cross") >= 2, "no words came")
    early = chat(page).count("cross")
    picture, tries = drawn(page), seen(page)
    assert tries.startswith("Try ")
    wait_until(lambda: chat(page).count("cross") > early, "the words did not go on")
    wait_until(lambda: seen(page) != tries and drawn(page) != picture, "the doors are not drawn on")
    stop = page.locator("button", has_text="Stop").last
    for _ in range(6):  # from the box by Tab alone
        if stop.evaluate("button => button === document.activeElement"):
            break
        page.keyboard.press("Tab")
    assert stop.evaluate("button => button === document.activeElement"), "Tab does not reach Stop"
    page.keyboard.press("Space")
    wait_until(lambda: "you stopped it" in chat(page), "Stop was not heard")
    words = chat(page)
    time.sleep(1)
    assert chat(page) == words, "it went on after Stop"
    assert stop.is_disabled() and page.locator("button", has_text="Ask").last.is_enabled()


def test_the_slider_of_the_budget_moves_by_keyboard(page):
    handle, number = page.locator(".noUi-handle").last, page.locator(".widget-readout").last
    assert number.inner_text() == "long"
    handle.focus()
    page.keyboard.press("ArrowLeft")
    wait_until(lambda: number.inner_text() == "short", "the slider did not move")


def test_the_browser_has_no_error_to_report(page):
    assert page.errors == []
    for said in ("Error displaying widget", "Click to show javascript error", "Loading widget"):
        assert page.get_by_text(said).count() == 0, said
