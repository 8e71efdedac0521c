"""What pages repeat of the list of lessons, and how it is written again: `start.py new-lesson --sync`.

README has a table between two marks. A lesson's first cell begins with its number and question and ends with
links to its neighbours and exercises. Anywhere in a text cell, "lesson 07 (to come)" becomes a link once
lesson 07 is written. What a cell printed isn't touched: the lesson has to be run again for that.
"""

import base64
import json
import os
import re
from pathlib import Path

from lessons_lib.lessons import BY_NUMBER, LESSONS, PARTS, Lesson

BEGIN = "<!-- written by `python start.py new-lesson --sync` -->"
END = "<!-- to here -->"
NEIGHBOURS = ("**Previous:**", "**Back:**", "**Next:**", "**Exercises:**")
TO_COME = re.compile(r"(?P<words>lesson (?P<a>\d\d)|(?P<b>\d\d)\. [^()\[\]\n]+?) \(to come\)")


def reference(lesson: Lesson, notebooks: Path) -> str:
    """Return a link to a lesson, or its name marked "to come"."""
    words = f"{lesson.number}. {lesson.name}"
    return f"[{words}]({lesson.stem}.ipynb)" if lesson.written(notebooks) else f"{words} (to come)"


def neighbours(lesson: Lesson, root: Path) -> str:
    """Return the last paragraph of a lesson's first cell: previous, next, exercises.

    Where a neighbour is to come, the nearest written lesson stands behind it.
    """
    at, notebooks, parts = LESSONS.index(lesson), root / "notebooks", []
    for label, joint, others in (
        ("Previous", "before it", LESSONS[:at][::-1]),
        ("Next", "then", LESSONS[at + 1 :]),
    ):
        nearest = next((other for other in others if other.written(notebooks)), None)
        shown = [other for other in dict.fromkeys((*others[:1], nearest)) if other]
        if shown:
            links = f", {joint} ".join(reference(other, notebooks) for other in shown)
            parts.append(f"**{label}:** {links}")
    if (root / "exercises" / f"{lesson.stem}.ipynb").is_file():
        parts.append(f"**Exercises:** [{lesson.number}](../exercises/{lesson.stem}.ipynb)")
    return " |\n".join(parts)


def first_cell(text: str, lesson: Lesson, root: Path) -> str:
    """Return a lesson's first cell with the heading and the last paragraph that the list gives."""
    paragraphs = text.strip().split("\n\n")
    if paragraphs[0].startswith("# "):
        del paragraphs[0]
    if paragraphs and paragraphs[-1].startswith(NEIGHBOURS):
        del paragraphs[-1]
    return "\n\n".join([f"# {lesson.number}. {lesson.question}", *paragraphs, neighbours(lesson, root)])


def without_marks(text: str, notebooks: Path) -> str:
    """Return `text` with "to come" replaced by links where the lesson is written."""

    def link(match: re.Match) -> str:
        lesson = BY_NUMBER.get(match["a"] or match["b"])
        is_written = lesson is not None and lesson.written(notebooks)
        return f"[{match['words']}]({lesson.stem}.ipynb)" if is_written else match[0]

    return TO_COME.sub(link, text)


def readme_table(notebooks: Path) -> str:
    """Return README's table of the lessons by part."""
    rows, last = ["| part | lessons | |", "|---|---|---|"], ""
    for lesson in LESSONS:
        part = f"{lesson.part} {PARTS[lesson.part]} " if lesson.part != last else ""
        last, is_written = lesson.part, lesson.written(notebooks)
        number = f"[{lesson.number}](notebooks/{lesson.stem}.ipynb)" if is_written else lesson.number
        rows.append(f"| {part}| {number} {lesson.question} | {'here' if is_written else 'to come'} |")
    return "\n".join(rows)


def _readme(root: Path) -> str:
    """Return README with its table as it should be; ValueError where its marks are gone."""
    text = (root / "README.md").read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has lost the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{readme_table(root / 'notebooks')}\n\n{END}{after}"


def moment(notebooks: Path) -> bytes:
    """Return README's picture, a PNG: what lesson 14's cell `see-strip` shows."""
    content = json.loads((notebooks / "14_r1_zero.ipynb").read_text(encoding="utf-8"))
    (cell,) = (cell for cell in content["cells"] if cell.get("id") == "see-strip")
    (picture,) = (o["data"]["image/png"] for o in cell["outputs"] if "image/png" in o.get("data", {}))
    return base64.b64decode("".join(picture))


def _notebook(path: Path, lesson: Lesson, root: Path) -> str:
    """Return a lesson's file with its text cells as they should be; unchanged ones byte for byte."""
    text = path.read_text(encoding="utf-8")
    content, is_changed = json.loads(text), False
    for place, cell in enumerate(content["cells"]):
        if cell["cell_type"] != "markdown":
            continue
        old = "".join(cell["source"])
        new = first_cell(old, lesson, root) if place == 0 else without_marks(old, root / "notebooks")
        if new != old:
            cell["source"], is_changed = new.splitlines(keepends=True), True
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n" if is_changed else text


def out_of_date(root: Path) -> dict[Path, str]:
    """Return {file: the text it should have} of the pages that don't say what the list says."""
    texts = {root / "README.md": _readme(root)}
    for lesson in LESSONS:
        if lesson.written(root / "notebooks"):
            path = root / "notebooks" / f"{lesson.stem}.ipynb"
            texts[path] = _notebook(path, lesson, root)
    return {path: text for path, text in texts.items() if path.read_text(encoding="utf-8") != text}


def write(root: Path) -> list[Path]:
    """Write all of it again, whole files; return those that changed."""
    changed = out_of_date(root)
    for path, text in changed.items():
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    return list(changed)
