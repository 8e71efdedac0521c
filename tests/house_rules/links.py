"""Rules about what a page points to: files, headings, lessons that are written or to come.

A page is a notebook or a Markdown file; `read_page` gives the Markdown of either. `root` is the
folder of the repository, so that the tests of these rules can build a small one of their own.
"""

import json
import re
from pathlib import Path
from urllib.parse import unquote

from lessons_lib.lessons import LESSONS

N_LESSONS = len(LESSONS)  # more of them are named than are written

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:href|src)\s*=\s*[\"']([^\"']+)[\"']")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
# "lesson 05 (to come)", "lessons 05 to 07 (to come)", "| 10 | Training in FP8 | to come |"
TO_COME = re.compile(
    r"\b(\d\d)(?:_\w+)?\b(?:(\s*(?:to|-|\N{EN DASH}|and|,)\s*)(\d\d)\b)?"
    r"(?:(?!\b\d\d\b|to come|\n).){0,90}[(|,]\s*[*_]*to come",
    re.IGNORECASE,
)
MENTION = re.compile(r"\blessons?\s+(\d\d)\b(?:(?:\s*(?:to|-|\N{EN DASH})\s*)(\d\d)\b)?", re.IGNORECASE)


def read_page(path: Path) -> str:
    """Return what a reader sees of a page: the file, or a notebook's text cells and formatted outputs."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    parts = []
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] == "markdown":
            parts.append(cell["source"])
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts.append(data.get("text/markdown", data.get("text/html", "")))
    return "\n\n".join("".join(part) for part in parts)


def anchors(path: Path) -> set[str]:
    """Return what may follow a link's #: headings as JupyterLab and GitHub spell them, and ids."""
    text = re.sub(r"```.*?```", "", read_page(path), flags=re.DOTALL)
    found = set(re.findall(r"(?:id|name)\s*=\s*[\"']([^\"']+)[\"']", text))
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading)
        found.add(plain.replace(" ", "-"))  # JupyterLab
        found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))  # GitHub
    return found


def links_of(path: Path) -> list[str]:
    """Return the targets of all links of a page, code apart."""
    return [a or b for a, b in LINK.findall(CODE.sub("", read_page(path)))]


def links_resolve(path: Path, root: Path) -> list[str]:
    """Every relative link leads to a file inside the repository and to a heading that is there."""
    complaints = []
    for target in links_of(path):
        if re.match(r"(https?|mailto|data):", target) or target.startswith("attachment:"):
            continue
        file_part, _, fragment = unquote(target).partition("#")
        aim = (path.parent / file_part).resolve() if file_part else path
        if file_part.startswith("/") or not aim.is_relative_to(root.resolve()):
            complaints.append(f"{target} leads outside the repository")
        elif not aim.exists():
            complaints.append(f"{target} leads to nothing")
        elif fragment and aim.suffix in (".ipynb", ".md") and fragment not in anchors(aim):
            complaints.append(f"{target}: {aim.name} has no heading #{fragment}")
    return complaints


def numbers(first: str, joint: str, last: str) -> list[int]:
    """Return the lessons meant by "05", "05 to 07" or "05, 06"."""
    if not last:
        return [int(first)]
    if "and" not in joint and "," not in joint:
        return list(range(int(first), int(last) + 1))
    return [int(first), int(last)]


def marked_to_come(text: str) -> set[int]:
    """Return the numbers of the lessons that a page marks as 'to come'."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "")
    return {n for match in TO_COME.findall(plain) for n in numbers(*match)}


def marks_of_unwritten_lessons(path: Path, written: set[int]) -> list[str]:
    """Lessons that exist are not marked 'to come'; a page that names an unwritten one marks it."""
    text = read_page(path)
    marked = marked_to_come(text)
    named = set()
    for first, last in MENTION.findall(text):
        named |= set(range(int(first), int(last or first) + 1))
    named = {n for n in named if n < N_LESSONS}
    late = [f"lesson {n:02d} exists and is still marked 'to come'" for n in sorted(marked & written)]
    bare = [
        f"lesson {n:02d} is not written and nowhere on the page marked 'to come'"
        for n in sorted(named - written - marked)
    ]
    return late + bare
