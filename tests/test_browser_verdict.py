"""The page that travels, in a real browser: axe finds nothing serious, and it prints on two pages.

Without findings, and with some for every question. Skipped where `test_browser.py` is.
"""

import re

import pytest
from test_browser import find_chromium
from test_show_verdicts import whole_store

from lessons_lib.runs.findings import Finding
from lessons_lib.show.story import paper_and_laptop, questions, send

pytestmark = pytest.mark.browser


def some_for_the_figure():
    """Findings for every question, and for what the figure needs beside them."""
    found = whole_store()
    for row in paper_and_laptop.ROWS:
        value = 0.5 if row.axis == paper_and_laptop.KEPT else 5.0
        for name in row.names:
            found.setdefault((row.lesson, name), Finding(row.lesson, name, value, "", "measured"))
    return found


@pytest.fixture(scope="module", params=["empty", "full"])
def address(request, tmp_path_factory):
    found = {} if request.param == "empty" else some_for_the_figure()
    path = tmp_path_factory.mktemp(request.param) / "verdict.html"
    path.write_text(send.whole_page(found), encoding="utf-8", newline="\n")
    return path.as_uri()


@pytest.fixture
def page(address):
    """The page opened as a file; nothing else was asked for."""
    sync_api, chromium = find_chromium()
    with sync_api.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page, asked = browser.new_page(viewport={"width": 1280, "height": 900}), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        yield page
        browser.close()
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []


def test_axe_finds_nothing_serious_with_every_row_open(page):
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        serious = {
            f["id"]: f["nodes"][0]["html"][:200] for f in found if f["impact"] in ("serious", "critical")
        }
        assert serious == {}, scheme


def test_every_picture_has_words_and_every_row_all_of_its_evidence(page):
    alts = page.locator("img").evaluate_all("all => all.map(one => one.getAttribute('alt') || '')")
    assert alts and all(len(alt.split()) > 20 for alt in alts)
    text = page.evaluate("document.body.textContent")
    for asked in questions.ASKED.values():
        assert asked.ask in text, asked.key


def test_it_prints_on_two_pages(page):
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page(?![a-zA-Z])", printed)) == 2


def test_a_phone_reads_it_without_scrolling_sideways(page):
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
