"""A reader's first ten minutes: JupyterLab opens lesson 00, everything runs, a slider moves the picture.

The real JupyterLab with the real widgets in Chromium, driven by Playwright, on a copy of the notebooks,
so that autosave never touches the checkout. Skipped, saying so, where there is no Chromium; where CI is
set it fails instead.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest
from house_rules import ROOT, lessons

pytestmark = pytest.mark.browser

SERVER_LIMIT, RUN_LIMIT = 120, 240  # seconds on a busy machine; about 10 and 20 on a free one

NOTEBOOK = "window.jupyterapp?.shell.currentWidget"
IDLE = f"{NOTEBOOK}?.sessionContext?.session?.kernel?.status == 'idle'"
# A command's promise is kept on the page and not waited for: one that a test waits for is held by a weak
# reference only, and on a busy machine the browser once collected it before the cells had run. What is waited
# for is what a reader sees: numbers beside the cells.
COMMAND = "name => { window.commanded = window.jupyterapp.commands.execute('notebook:' + name) }"
CELLS = f"() => {NOTEBOOK}.content.model.toJSON().cells.filter(cell => cell.cell_type == 'code')"
RUN = f"() => {IDLE} && ({CELLS})().every(cell => cell.execution_count !== null)"
CLEARED = f"() => ({CELLS})().every(cell => cell.execution_count === null)"
# JupyterLab draws a cell when it comes near the window, so the slider's has to be scrolled to.
SCROLL = f"""async index => {{
    const notebook = {NOTEBOOK}.content;
    notebook.activeCellIndex = index;
    await notebook.scrollToCell(notebook.widgets[index], 'center');
}}"""


def find_chromium():
    """Return Playwright's module and the path of a Chromium or Chrome (None: Playwright's own), or skip."""
    try:
        from playwright import sync_api
    except ImportError:
        return give_up("Playwright is not installed (pip install -r requirements-dev.txt)")
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"):
        if path := shutil.which(name):
            return sync_api, path
    with sync_api.sync_playwright() as p:
        if os.path.exists(p.chromium.executable_path):
            return sync_api, None
    return give_up(
        "there is no Chromium (Linux: apt install chromium; anywhere: playwright install chromium)"
    )


def give_up(reason):
    """Skip these tests, saying why; in CI, where everything has to be there, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@contextmanager
def jupyterlab(folder):
    """Serve a copy of the notebooks by JupyterLab, its settings in `folder` too; yield its address."""
    shutil.copytree(
        ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints")
    )
    settings = folder / "config" / "labconfig"
    settings.mkdir(parents=True)
    # The question about Jupyter's news would cover the page, and asks the network.
    (settings / "page_config.json").write_text(
        '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}'
    )
    env = os.environ | {"OMP_NUM_THREADS": "1", "DEEPSEEK_COURSE_RUNS": str(folder / "runs")}
    names = [
        "JUPYTER_RUNTIME_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTERLAB_SETTINGS_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
    ]
    env |= {name: str(folder / name.lower()) for name in [*names, "IPYTHONDIR"]}
    env["JUPYTER_CONFIG_DIR"] = str(folder / "config")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder / 'notebooks'}",
        "--LabApp.expose_app_in_browser=True",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")  # a container in CI
    address, log = f"http://127.0.0.1:{port}", folder / "jupyterlab.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + SERVER_LIMIT
            while True:
                try:
                    urllib.request.urlopen(f"{address}/api", timeout=5).close()
                    break
                except OSError:
                    assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
                    time.sleep(0.3)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def code_cells(page):
    """Return the page's code cells with their outputs, as JupyterLab would save them."""
    return page.evaluate(CELLS)


def wait_until(condition, what):
    """Wait until `condition()` holds; after RUN_LIMIT seconds fail with `what`."""
    deadline = time.monotonic() + RUN_LIMIT
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@contextmanager
def opened(folder, notebook, screenshot, prepare=lambda: None):
    """Give a page with `notebook` open in JupyterLab over `folder` and a kernel waiting.

    `prepare` is called before the page is opened. `page.errors` collects what the browser says.
    """
    sync_api, chromium = find_chromium()
    with jupyterlab(folder) as address, sync_api.sync_playwright() as p:
        prepare()
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(RUN_LIMIT * 1000)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"{address}/lab/tree/{notebook}?reset", wait_until="domcontentloaded")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function(IDLE)
        yield page
        if shots := os.environ.get("DEEPSEEK_COURSE_SCREENSHOTS"):  # for a person to look at
            page.screenshot(path=f"{shots}/{screenshot}.png")
        browser.close()


def run_all(page):
    """Run all cells, and wait until each has run."""
    page.evaluate(COMMAND, "clear-all-cell-outputs")  # what is seen afterwards comes from this run
    page.wait_for_function(CLEARED)
    page.evaluate(COMMAND, "run-all-cells")
    page.wait_for_function(RUN)


def run_until_it_plays(page):
    """Run all cells and wait for the button that plays."""
    run_all(page)
    page.locator(".jp-OutputArea .widget-play").wait_for()


def said(page):
    """Return the sentence that stands under the picture."""
    return page.locator(".jp-OutputArea [role=status]").first.inner_text()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Lesson 00 open in JupyterLab with a kernel waiting."""
    with opened(tmp_path_factory.mktemp("a reader's folder"), lessons()[0].name, "lesson_00") as page:
        yield page


def test_all_cells_of_lesson_00_run_without_an_error(page):
    run_all(page)
    cells = code_cells(page)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert len(outputs) > len(cells) / 2, "a lesson shows what it computes"
    assert [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"] == []


def test_moving_the_slider_by_keyboard_changes_the_number_and_the_picture(page):
    index = page.evaluate(
        f"{NOTEBOOK}.content.model.toJSON().cells.findIndex(c => c.source.includes('Explore('))"
    )
    assert index > 0, "lesson 00 has a slider"
    page.evaluate(SCROLL, index)
    output = page.locator(".jp-Notebook .jp-Cell").filter(has=page.locator(".noUi-handle")).first
    handle = output.locator(".noUi-handle").last
    handle.wait_for()
    handle.scroll_into_view_if_needed()
    picture, number = output.locator("img").first, output.locator(".widget-readout").last
    sentence = output.locator("[role=status]").first
    before = picture.get_attribute("src"), number.inner_text(), sentence.inner_text()
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    deadline = time.monotonic() + RUN_LIMIT
    while True:
        after = picture.get_attribute("src"), number.inner_text(), sentence.inner_text()
        if all(new != old for new, old in zip(after, before, strict=True)):
            break
        assert time.monotonic() < deadline, f"nothing moved: {before[1:]} is still {after[1:]}"
        time.sleep(0.2)
    page.wait_for_function(IDLE)
    assert float(number.inner_text()) > float(before[1]), "to the right means more"


def test_a_choice_is_kept_at_a_click_and_stays_pressed(page):
    index = page.evaluate(
        f"{NOTEBOOK}.content.model.toJSON().cells.findIndex(c => c.source.includes('show.Predictions('))"
    )
    page.evaluate(SCROLL, index)
    button = page.get_by_role("button", name="35 percent")
    button.wait_for()
    button.click()
    page.locator("[role=status]", has_text="kept").first.wait_for()
    assert "mod-active" in button.get_attribute("class")


def test_the_browser_has_no_error_to_report(page):
    assert page.errors == []
    for said in ("Error displaying widget", "Click to show javascript error", "Loading widget"):
        assert page.get_by_text(said).count() == 0, said
    pictures = page.locator(".jp-Notebook .jp-OutputArea img")
    drawn = pictures.evaluate_all("all => all.map(picture => picture.naturalWidth)")
    assert drawn and min(drawn) > 100, "a picture is missing or empty"
