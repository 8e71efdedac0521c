"""Lesson 07's pictures that a reader moves, in the real JupyterLab: a token's letters, and the devices' work.

Only their cells and what these need are run; see test_browser.py for the rest.
"""

import nbformat
import pytest
from house_rules import ROOT
from test_browser import opened, run_all
from test_browser_assistant import wait_until

pytestmark = pytest.mark.browser

NEEDED = ("setup", "choices", "explore-journey", "zipf-figure", "explore-zipf")
ZIPF = "zipf = 1 / torch.arange(1, 257, dtype=torch.float64)"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Both pictures stand on the page; `page.errors` collects what goes wrong."""
    folder = tmp_path_factory.mktemp("across devices")
    lesson = nbformat.read(ROOT / "notebooks" / "07_experts_across_devices.ipynb", as_version=4)
    cells = [cell for cell in lesson.cells if cell.id in NEEDED]
    assert len(cells) == len(NEEDED)
    cells.insert(1, nbformat.v4.new_code_cell(ZIPF))
    lesson.cells = cells

    def put_into_it():
        nbformat.write(lesson, folder / "notebooks" / "sliders.ipynb")

    with opened(folder, "sliders.ipynb", "across_devices", put_into_it) as page:
        run_all(page)
        page.locator("[role=status]").nth(1).wait_for()
        yield page


def sentence(page, number):
    return page.locator("[role=status]").nth(number).inner_text()


def test_a_token_may_write_to_each_expert_or_to_each_node(page):
    assert "one for each node" in sentence(page, 0)
    button = page.get_by_role("button", name="a letter for each expert")
    button.scroll_into_view_if_needed()
    button.click()
    wait_until(lambda: "one for each expert" in sentence(page, 0), "the sentence is still the old one")
    assert "mod-active" in button.get_attribute("class")


@pytest.mark.parametrize(("picture", "handle", "keys"), [(0, 1, "ArrowLeft"), (1, 2, "ArrowRight")])
def test_sliders_move_by_keyboard_and_the_sentence_and_the_picture_follow(page, picture, handle, keys):
    slider = page.locator(".jp-OutputArea .noUi-handle").nth(handle)
    slider.scroll_into_view_if_needed()
    image = page.locator(".jp-OutputArea .widget-image, .jp-OutputArea img.widget-image").nth(picture)
    before = sentence(page, picture), image.get_attribute("src")
    slider.focus()
    page.keyboard.press(keys)
    wait_until(lambda: sentence(page, picture) != before[0], f"still {before[0]}")
    wait_until(lambda: image.get_attribute("src") != before[1], "still the same picture")


def test_the_browser_has_no_error_to_report(page):
    assert page.errors == []
    for said in ("Error displaying widget", "Not drawn for", "Loading widget"):
        assert page.get_by_text(said).count() == 0, said
