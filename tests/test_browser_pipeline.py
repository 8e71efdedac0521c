"""The pipeline that fills, in JupyterLab: arrow keys move its time, the play button lets it run.

A notebook of lesson 11's own cell. Skipped where `test_browser.py` is.
"""

import time

import nbformat
import pytest
from house_rules import ROOT
from test_browser import opened, run_until_it_plays, said, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The lesson's set-up and the cell that plays have run."""
    folder = tmp_path_factory.mktemp("pipeline")
    lesson = nbformat.read(ROOT / "notebooks" / "11_filling_the_pipeline.ipynb", as_version=4)
    cells = [cell for cell in lesson.cells if cell.id in ("setup", "play-widget")]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=lesson.metadata)

    def put_into_it():
        nbformat.write(notebook, folder / "notebooks" / "play.ipynb")

    with opened(folder, "play.ipynb", "pipeline", put_into_it) as page:
        run_until_it_plays(page)
        yield page


def test_arrow_keys_move_time_and_the_sentence_follows(page):
    wait_until(lambda: said(page).startswith("At time 5, "), "the first sentence")
    picture = page.locator(".jp-OutputArea .widget-image, .jp-OutputArea img").first
    before = picture.get_attribute("src")
    page.locator(".jp-OutputArea .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    wait_until(lambda: said(page).startswith("At time 6, "), "one step to the right")
    assert picture.get_attribute("src") != before
    page.keyboard.press("ArrowLeft")
    wait_until(lambda: said(page).startswith("At time 5, "), "one step back")


def test_the_play_button_lets_time_run_and_stops_it(page):
    play = page.locator(".jp-OutputArea .widget-play button").first
    play.focus()
    page.keyboard.press("Enter")
    wait_until(lambda: said(page).startswith(("At time 7, ", "At time 8, ")), "two steps by themselves")
    page.keyboard.press("Enter")
    time.sleep(1.5)
    stopped = said(page)
    time.sleep(1.5)
    assert said(page) == stopped


def test_another_schedule_is_drawn_at_the_same_time(page):
    before = said(page)
    page.locator(".jp-OutputArea select").first.select_option(label="DualPipe")
    wait_until(lambda: said(page) != before, "another sentence")
    assert said(page).split(",")[0] == before.split(",")[0]
    assert page.errors == []
