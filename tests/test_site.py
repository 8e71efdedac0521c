"""The site, built once from nothing: whole, small, its links lead somewhere, nothing comes from the network.

Browser tests of it are in `test_site_browser.py`, on the same build.
"""

import atexit
import functools
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

import pytest
from docutils.nodes import make_id
from house_rules import ROOT, lessons

from lessons_lib.lessons import BY_NUMBER

sys.path.append(str(ROOT / "docs"))
import mathml
import pages

SECONDS, MEGABYTES, FIRST_PAGE = 120, 60, 1e6  # of one processor; of all files; bytes with what it loads
LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
}


class Page(html.parser.HTMLParser):
    """What a page loads, links to, and offers as targets; its pictures and its text outside of code."""

    def __init__(self, path):
        super().__init__()
        self.loads, self.links, self.ids, self.alts, self.classes = [], [], set(), [], []
        self.words, self.code = [], 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given.get("id"), given.get("name")} - {None}
        self.classes += (given.get("class") or "").split()
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") not in (
            "canonical",
            "index",
            "search",
            "next",
            "prev",
            "author",
        ):
            self.loads.append(given["href"])
        if given.get(LOADS.get(tag)):
            self.loads.append(given[LOADS[tag]])
        if tag == "img":
            self.alts.append(given.get("alt"))
        self.code += tag in ("pre", "code", "script", "style")

    def handle_endtag(self, tag):
        self.code -= tag in ("pre", "code", "script", "style")

    def handle_data(self, data):
        if not self.code:
            self.words.append(data)


@functools.cache
def built():
    """Build the site as the command in README does; return (folder, seconds of the processor)."""
    folder = Path(tempfile.mkdtemp(prefix="site-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    env = {name: value for name, value in os.environ.items() if name != "COURSE_REPOSITORY"}
    before = os.times()
    command = [sys.executable, "docs/build.py", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    now = os.times()
    return folder, now.children_user + now.children_system - before.children_user - before.children_system


@pytest.fixture(scope="session")
def site():
    return built()[0]


@pytest.fixture(scope="session")
def read(site):
    """All pages, by their path in the site."""
    return {path.relative_to(site).as_posix(): Page(path) for path in sorted(site.rglob("*.html"))}


def bare(address):
    """The address without what a browser only uses to tell versions apart."""
    return urllib.parse.unquote(urllib.parse.urlsplit(address).path)


def test_it_is_built_in_time_and_small(site, read):
    assert built()[1] < SECONDS
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < MEGABYTES * 1e6
    first = [site / "index.html", *(site / bare(address) for address in read["index.html"].loads)]
    assert sum(path.stat().st_size for path in first) < FIRST_PAGE


def test_every_lesson_and_exercise_is_a_page_and_no_solution(site, read):
    for folder in ("notebooks", "exercises"):
        stems = [path.stem for path in sorted((ROOT / folder).glob("[0-9]*.ipynb"))]
        assert [path.stem for path in sorted((site / folder).glob("*.html"))] == stems
    for name in (name for name in read if name.startswith("exercises/")):
        source = json.loads((ROOT / name).with_suffix(".ipynb").read_text(encoding="utf-8"))
        blanks = sum("NotImplementedError" in "".join(cell["source"]) for cell in source["cells"])
        assert (site / name).read_text(encoding="utf-8").count("NotImplementedError") >= blanks > 0


def test_nothing_comes_from_the_network(site, read):
    foreign = [(name, address) for name, page in read.items() for address in page.loads if "//" in address]
    for style in site.rglob("*.css"):
        for address in re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", style.read_text(encoding="utf-8")):
            if "//" in address and not address.startswith("data:"):
                foreign.append((style.name, address))
    assert foreign == []


def test_every_internal_link_leads_somewhere(site, read):
    lost = []
    for name, page in read.items():
        for address in {*page.links, *page.loads}:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (site / name).parent / bare(address) if parts.path else site / name
            target = target.resolve()
            known = read.get(target.relative_to(site.resolve()).as_posix())
            anchor = urllib.parse.unquote(parts.fragment)
            if not target.is_file() or (anchor and known and anchor not in known.ids):
                lost.append((name, address))
    assert lost == []


def test_folded_cells_stay_folded(read):
    for path in lessons():
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        hidden = sum(bool(cell["metadata"].get("jupyter", {}).get("source_hidden")) for cell in cells)
        assert read[f"notebooks/{path.stem}.html"].classes.count("tag_hide-input") == hidden, path.stem


def test_every_figure_has_words_and_every_formula_is_drawn(read):
    for name, page in read.items():
        assert all(page.alts), name
        text = "".join(page.words)
        assert not re.search(r"\\(frac|mathrm|sum|text|ln)\b|\$\$", text), name
        assert "?step/s" not in text, name


def test_each_term_is_linked_where_its_lesson_first_uses_it(read):
    terms = pages.read_glossary(ROOT / "notebooks" / "glossary.md")
    stems = {path.stem[:2]: path.stem for path in lessons()}
    for term in terms:
        links = read[f"notebooks/{stems[f'{term.lesson:02d}']}.html"].links
        anchors = {"term-" + re.sub(r"[^\w]+", "-", spelling).strip("-") for spelling in term.spellings}
        assert any(
            link.startswith("../glossary.html#") and link.split("#")[1] in anchors for link in links
        ), term


def test_lessons_lead_to_the_library_and_to_their_neighbours(read):
    names = [f"{path.stem}.html" for path in lessons()]
    for before, name in zip([None, *names], names):
        links = read[f"notebooks/{name}"].links
        assert before is None or before in links, name
        assert name.startswith("00") or any(link.startswith("../api/") for link in links), name


def test_help_and_the_teachers_guide_are_pages_whose_cells_are_links(read):
    sources = [ROOT / "docs" / "help.md", *sorted((ROOT / "docs" / "teaching").glob("*.md"))]
    assert len(sources) > 6
    for source in sources:
        page = read[source.relative_to(ROOT / "docs").with_suffix(".html").as_posix()]
        text = source.read_text(encoding="utf-8")
        assert set(re.findall(r'^<a id="([\w-]+)">', text, re.MULTILINE)) <= page.ids, source.name
        for number, section in set(re.findall(r"`(\d\d) §(\d+) [\w-]+`", text)):
            stem = BY_NUMBER[number].stem
            heading = next(
                x for x in pages.headings(f"notebooks/{stem}.ipynb") if x.startswith(f"{section}.")
            )
            assert f"../notebooks/{stem}.html#{make_id(heading)}" in page.links, (
                source.name,
                number,
                section,
            )
    assert {"help.html", "teaching/index.html"} <= set(read["index.html"].links)


# ---- how pages are made


def test_a_named_cell_leads_to_its_section():
    stem = BY_NUMBER["02"].stem
    linked = pages.with_cell_links("(`02 §6 align-price`) and `run 01`")
    anchor = "6-merge-the-heads-of-your-own-model"
    assert linked == f"([02 §6 align-price](../../notebooks/{stem}.ipynb#{anchor})) and `run 01`"


def test_a_page_for_both_leads_out_of_the_docs_folder_to_pages_or_to_the_repository():
    text = (
        "[it](../../exercises/03_latent_attention.ipynb#x), [how](../../exercises/README.md), [on](part_2.md)"
    )
    turned = pages.to_pages(text, "docs/teaching/part_1.md", "https://github.com/o/n")
    assert turned == (
        "[it](../exercises/03_latent_attention.ipynb#x), "
        "[how](https://github.com/o/n/blob/main/exercises/README.md), [on](part_2.md)"
    )
    assert "how (`exercises/README.md`)" in pages.to_pages(text, "docs/teaching/part_1.md", "")
    source = ['<a id="offline"></a>\n### No network']
    pages.written_for_both("")(None, "help", source)
    assert source == ["(offline)=\n### No network"]


def test_without_an_address_a_link_to_a_file_is_a_path_and_with_one_it_leads_there():
    text = "[worked](solutions/03_latent_attention.ipynb), [it](../notebooks/03_latent_attention.ipynb)"
    name, path = "exercises/03_latent_attention.ipynb", "exercises/solutions/03_latent_attention.ipynb"
    assert pages.links_of_the_site(text, name, "").startswith(f"worked (`{path}`), [it](../")
    there = pages.links_of_the_site(text, name, "https://github.com/o/n")
    assert there.startswith(f"[worked](https://github.com/o/n/blob/main/{path})")


def test_buttons_hang_on_the_address(tmp_path):
    name = "notebooks/03_latent_attention.ipynb"
    for address in ("", "https://github.com/o/n"):
        made = pages.page(tmp_path, name, [], address)[tmp_path / name]
        assert ("colab.research.google.com/github/o/n/blob/main/" + name in made) is bool(address)
        assert ("codespaces.new/o/n" in made) is bool(address)


def test_no_output_leads_to_a_notebook(tmp_path):
    for name in ("notebooks/00_start_here.ipynb", "notebooks/21_was_it_a_sputnik_moment.ipynb"):
        for cell in json.loads(pages.page(tmp_path, name, [], "")[tmp_path / name])["cells"]:
            for output in cell.get("outputs", []):
                assert not re.search(r"\d\d_\w+[.]ipynb[)\"]", str(output.get("data", {})))


def test_a_first_use_is_linked_outside_of_code_formulas_links_and_headings():
    term = pages.Term(("latent", "MLA"), "c", "", 3)
    text = "# The latent\n\n`latent` $latent$ [latent](x.ipynb) a **latent** and a latent"
    linked, waiting = pages.with_glossary_links(text, [term])
    assert linked == text.replace("**latent**", "**{term}`latent <latent>`**") and waiting == []
    assert pages.with_glossary_links("`latent`", [term]) == ("`latent`", [term])


def test_docstrings_flow_and_keep_their_columns():
    lines = ["Take *all* of `x`", "and a*b or `y_`.", "", "  a    the first", "  b    the second"]
    pages.docstring_as_rest(None, "", "", None, None, lines)
    assert lines[:5] == ["Take *all* of `x`", "and a\\*b or `y_`.", "", "::", ""]
    assert lines[5:7] == ["     a    the first", "     b    the second"]


def test_a_formula_that_cannot_be_drawn_is_an_error():
    assert "<mfrac>" in mathml.mathml(r"\frac56\cdot\Big(\frac qp\Big)\dots", block=True)
    with pytest.raises(mathml.MathError):
        mathml.mathml(r"\nosuchcommand", block=False)
