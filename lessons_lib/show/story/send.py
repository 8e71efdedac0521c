"""The verdict as one HTML file that travels: `python start.py verdict FILE.html`.

The table, the reader's own numbers with the kind of machine that they are from, the figure and links. It
needs no network and no other file, and prints on two pages. Nothing that the reader wrote is in it, unless
they ask.
"""

from __future__ import annotations

import argparse
import html
import os
import platform
import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import ipywidgets as W

from lessons_lib.runs.approx import approx
from lessons_lib.show.story import appendix, foretold, page, paper_and_laptop
from lessons_lib.show.story.evidence import Findings, read_findings
from lessons_lib.show.story.questions import ASKED
from lessons_lib.show.story.verdicts import answers_to_all
from lessons_lib.show.style import png, use_style
from lessons_lib.show.widgets import bundle
from lessons_lib.signatures import checked

MARK = "<!-- a verdict of DeepSeek on a Laptop -->"
COURSE_LINK = re.compile(r'<a href="\d\d_\w+\.ipynb">(\d\d)</a>')  # of a notebook, which does not travel
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{5}(?:v\d+)?)")
STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.4 system-ui, sans-serif; max-width: 62em; margin: 1.5em auto; padding: 0 1em;
  background: white; color: #1b1b1b; overflow-wrap: break-word }
h1 { font-size: 1.5em; margin: 0 } h2 { font-size: 1.1em; margin: 1em 0 0.3em }
table { border-collapse: collapse; width: 100% } caption { text-align: left; font-weight: bold }
small { font-size: 0.85em } summary { cursor: pointer }
img { max-width: 100%; height: auto; background: white }
.numbers { columns: 2; font-size: 0.85em; padding-left: 1.2em } a { color: #0b57d0 }
@media (prefers-color-scheme: dark) {
  body { background: #121212; color: #e8e8e8 } a { color: #9ecbff }
}
@media screen and (max-width: 45em) {
  thead { display: none } table, tbody, tr, th, td { display: block; width: auto !important }
  body { overflow-wrap: anywhere }
}
@media print {
  @page { size: A4; margin: 8mm }
  body { font-size: 7.8pt; line-height: 1.14; margin: 0; max-width: none; color: black; background: white }
  a { color: #0b57d0 } table { max-width: none !important }
  details, .asked { display: none } tr, img, li { break-inside: avoid } .second { break-before: page }
  td, th { padding: 0.2em 0.4em !important } td { width: 17% } td:last-child { width: auto }
  img { max-height: 95mm } .numbers { font-size: 6pt; columns: 3 } ul { margin: 0.3em 0; padding-left: 1.2em }
}
"""


@checked()
def whole_page(found: Findings, words: bool = False) -> str:
    """Return the page as HTML; `words`: with the reader's predictions and verdicts in it."""
    use_style()
    own = foretold.own_by_claim() if words else None
    fig, alt = paper_and_laptop.draw(found, title="What papers report, and what this laptop found")
    picture = b64encode(png(fig)).decode()
    said = f"<h2>What I predicted</h2>{foretold.predictions_table(found).data['text/html']}" if words else ""
    numbers = "".join(f'<li data-rests="{key}">{html.escape(line)}</li>' for key, line in _numbers(found))
    body = (
        f"<h1>So, was the story true?</h1><p>{html.escape(_intro(found))}</p>"
        f"{page.verdicts_table(found, own).data['text/html']}{said}"
        '<h2 class="second">Papers beside this laptop</h2>'
        f'<img src="data:image/png;base64,{picture}" alt="{html.escape(alt)}">'
        f"<h2>The numbers behind it, on this machine</h2><p>{html.escape(_machine(found))}</p>"
        f'<ul class="numbers">{numbers}</ul>'
        f"<h2>What came of the methods</h2>{appendix.afterwards(found).data['text/html']}"
    )
    body = ARXIV.sub(r'<a href="https://arxiv.org/abs/\1">arXiv:\1</a>', COURSE_LINK.sub(r"\1", body))
    return (
        f'<!doctype html>\n{MARK}\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>DeepSeek on a Laptop: the verdict</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _intro(found: Findings) -> str:
    missing, _ = appendix.lessons_not_run(found)
    text = (
        "Eight claims of January 2025 about DeepSeek, each with a verdict, one number and what it rests on. "
        "Methods were rebuilt at toy scale: that shows that a mechanism works, not what it is worth at size. "
    )
    if not missing:
        return text + "All lessons of the course have run on this machine."
    return text + f"Not run on this machine: lesson {', '.join(missing)}."


def _machine(found: Findings) -> str:
    """Describe the machine by its kind and what lesson 00 measured, never by its name."""
    text = f"{platform.system()} on {platform.machine()}, {os.cpu_count()} threads"
    for name, unit, title in (
        ("arithmetic", "billion FLOP/s", "arithmetic"),
        ("memory bandwidth", "billion bytes/s", "memory"),
    ):
        kept = found.get(("00", name))
        if kept is not None and isinstance(kept.value, int | float):
            text += f"; {title} {approx(kept.value / 1e9, '.0f', unit)}"
    return f"{text}."


def _numbers(found: Findings) -> Iterator[tuple[str, str]]:
    for key, answer in answers_to_all(found).items():
        told = answer.numbers or answer.sentence
        yield key, f"{ASKED[key].lesson} {key} ({ASKED[key].kind}): {told} [{answer.state}]"


@checked()
def write_page(path: Path, words: bool = False) -> str:
    """Write the page to `path` and say so; ValueError for a name that can't be, or a file that isn't ours."""
    path = path.expanduser().absolute()
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"the page is HTML, so its name ends in .html, not {path.name!r}")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent}")
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace")[:200]:
        raise ValueError(f"{path.name} exists and is no verdict page; it stays as it is: choose another name")
    path.write_text(whole_page(read_findings(), words), encoding="utf-8", newline="\n")
    own = "your words are in it" if words else "none of your words are in it"
    return f"written: {path} ({path.stat().st_size / 1000:.0f} kB, opens without a network; {own})"


class VerdictFile(W.VBox):
    """A field for a file's name, a tick for one's own words, and a button that writes the page."""

    def __init__(self) -> None:
        self.name = W.Text(value="verdict.html", description="file", tooltip="name of the file to write")
        self.words = W.Checkbox(value=False, description="with my own predictions and verdicts", indent=False)
        self.button = W.Button(description="Write the page")
        self.note = W.HTML()
        self.button.on_click(lambda _: self._write())
        super().__init__([self.name, self.words, self.button, self.note])

    def _write(self) -> None:
        try:
            said = write_page(Path(self.name.value), self.words.value)
        except (ValueError, OSError) as trouble:
            said = f"not written: {trouble}"
        self.note.value = f'<span role="status" aria-live="polite">{html.escape(said)}</span>'

    def _repr_mimebundle_(self, **kwargs):
        plain = "[a button that writes the page; or: python start.py verdict FILE.html]"
        return bundle(super()._repr_mimebundle_(**kwargs), {"text/plain": plain, "text/html": plain})


def main(arguments: list[str] | None = None) -> int:
    """Write the page that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="start.py verdict", description="Write the verdict of this course, with your runs' numbers."
    )
    parser.add_argument("file", type=Path, help="the page to write, for example verdict.html")
    parser.add_argument("--with-my-words", action="store_true", help="your predictions and verdicts, too")
    options = parser.parse_args(arguments)
    try:
        print(write_page(options.file, options.with_my_words))
    except (ValueError, OSError) as trouble:
        print(f"not written: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
