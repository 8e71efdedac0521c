"""The site in a real browser, without and with a server: read, search, jump, dark, narrow, keyboard, axe.

Skipped where `test_browser.py` is.
"""

import functools
import http.server
import threading

import pytest
from house_rules import lessons
from test_browser import find_chromium
from test_site import built

from lessons_lib.lessons import LESSONS, PARTS

pytestmark = pytest.mark.browser

WRITTEN = {path.stem for path in lessons()}
FIRST_OF_PART = [next(x.stem for x in LESSONS if x.part == part and x.stem in WRITTEN) for part in PARTS]
READ = ["index", *(f"notebooks/{stem}" for stem in FIRST_OF_PART)]
# What lies wider than the window, but inside what scrolls by itself: code, tables, formulas.
TOO_WIDE = """() => [...document.querySelectorAll('article *')].filter(part => {
    const scrolls = part.closest('pre, .highlight, .table-wrapper, .formula, table, math');
    return !scrolls && part.getBoundingClientRect().right > window.innerWidth + 1;
}).map(part => part.outerHTML.slice(0, 120))"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=built()[0]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    sync_api, chromium = find_chromium()
    with sync_api.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, request):
    """A window, 1280 wide or as asked for; at the end nothing failed, and nothing foreign was asked for."""
    options = {"viewport": {"width": 1280, "height": 900}, **getattr(request, "param", {})}
    page, asked, errors = browser.new_page(**options), [], []
    page.set_default_timeout(60_000)
    page.on("request", lambda request: asked.append(request.url))
    # Opened as a file, the search shows no excerpts: a browser lets no page read another there.
    page.on("pageerror", lambda error: errors.append(str(error)) if "fetch" not in str(error) else None)
    page.on("response", lambda got: errors.extend([got.url] if got.status >= 400 else []))
    yield page
    page.close()
    assert errors == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "file://", "data:"))] == []


def phone(**more):
    return {"viewport": {"width": 400, "height": 800}, **more}


@pytest.mark.parametrize("name", READ)
def test_a_page_is_read_without_serious_findings(page, address, name):
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{address}/{name}.html")
        found = Axe().run(page).response["violations"]
        serious = {
            f["id"]: f["nodes"][0]["html"][:200] for f in found if f["impact"] in ("serious", "critical")
        }
        assert serious == {}, (name, scheme)


@pytest.mark.parametrize("page", [phone()], indirect=True)
@pytest.mark.parametrize("name", [*READ, "glossary", "api/model"])
def test_a_phone_scrolls_sideways_only_inside_code_and_tables(page, address, name):
    page.goto(f"{address}/{name}.html")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 400 and page.evaluate(TOO_WIDE) == []


def test_search_finds_latent_without_a_server(page):
    page.goto((built()[0] / "search.html").as_uri() + "?q=latent")
    page.wait_for_selector("ul.search li a")
    found = page.locator("ul.search li a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    assert any("notebooks/03_latent_attention.html" in link for link in found)
    assert any("glossary.html" in link for link in found)


def test_a_term_leads_to_the_glossary_and_back(page, address):
    page.goto(f"{address}/notebooks/03_latent_attention.html")
    page.locator("a[href$='#term-latent']").first.click()
    page.wait_for_url("**/glossary.html#term-latent")
    page.wait_for_function("document.querySelector('#term-latent').getBoundingClientRect().top < 900")
    page.locator("#term-latent + dd a, #term-latent ~ dd a").first.click()
    page.wait_for_url("**/notebooks/03_latent_attention.html")


def test_dark_is_one_click_away_and_is_kept(page, address):
    dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(part => part < 60)"
    page.goto(f"{address}/notebooks/03_latent_attention.html")
    assert not page.evaluate(dark)
    for _ in range(3):  # light, dark, as the system
        if not page.evaluate(dark):
            page.locator(".theme-toggle:visible").first.click()
    assert page.evaluate(dark)
    page.goto(f"{address}/notebooks/04_absorbing_the_projections.html")
    assert page.evaluate(dark)
    white = page.locator("img.figure").first.evaluate("it => getComputedStyle(it).backgroundColor")
    assert white == "rgb(255, 255, 255)"


def test_the_keyboard_is_enough(page, address):
    page.goto(f"{address}/notebooks/03_latent_attention.html")
    page.keyboard.press("Tab")
    assert "skip" in page.evaluate("document.activeElement.textContent").lower()
    page.keyboard.press("Enter")
    folded = page.locator("details.hide summary").first
    assert not page.locator("details.hide").first.evaluate("it => it.open")
    folded.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.hide").first.evaluate("it => it.open")
    following = page.locator(".related-pages a.next-page")
    following.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/notebooks/04_absorbing_the_projections.html")
