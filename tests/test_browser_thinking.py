"""See it think, in JupyterLab: arrow keys write words and change the step, the play button writes by itself.

A notebook of one made-up cell. Skipped where `test_browser.py` is.
"""

import json
import time

import pytest
from test_browser import opened, run_until_it_plays, said, wait_until

pytestmark = pytest.mark.browser

SOURCE = """
from lessons_lib import show
from lessons_lib.reasoning.hunts import Problem
from lessons_lib.show.thinking import see_it_think
show.use_style()
said = {
    "the base": "<think> d5 r3 star </think> <answer> d5 </answer> <eos>".split(),
    "after 5 steps": "<think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>".split(),
}
see_it_think(Problem(((2, 0, 1, 4, 5, 3),), 1), said)
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("thinking")
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    cell = dict(cell_type="code", id="live", metadata={}, execution_count=None, outputs=[], source=SOURCE)

    def written():
        notebook = dict(cells=[cell], metadata=kernel, nbformat=4, nbformat_minor=5)
        (folder / "notebooks" / "thinking.ipynb").write_text(json.dumps(notebook))

    with opened(folder, "thinking.ipynb", "thinking", written) as page:
        run_until_it_plays(page)
        yield page


def test_arrow_keys_write_words_and_change_the_step(page):
    wait_until(lambda: "Nothing is written yet" in said(page), "the first sentence")
    picture = page.locator(".jp-OutputArea .widget-image, .jp-OutputArea img").first
    before = picture.get_attribute("src")
    learned, written = (page.locator(".jp-OutputArea .noUi-handle").nth(i) for i in (0, 1))
    written.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_until(lambda: said(page) == "Try 1 of its thought is d5.", "two words")
    assert picture.get_attribute("src") != before
    learned.focus()
    page.keyboard.press("ArrowRight")
    wait_until(lambda: said(page) == "Try 1 of its thought is d0.", "the answer after five steps")


def test_the_play_button_writes_to_the_end_and_says_whether_it_is_right(page):
    play = page.locator(".jp-OutputArea .widget-play button").first
    play.focus()
    page.keyboard.press("Enter")
    wait_until(lambda: said(page).endswith("It answers d2: right."), "the end of the answer")
    time.sleep(1)
    assert said(page).endswith("It answers d2: right.") and page.errors == []
