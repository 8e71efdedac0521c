"""Rules about the order of the course: a term or a module is met where its lesson introduces it.

The glossary is a Markdown table | term | symbol | shape | lesson |, sorted by lesson and then by
first use. A term may be named earlier only where the same paragraph or table row also names the
lesson that explains it: a signpost, not a use. A term in several spellings separates them by " /
".
"""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.lessons import LESSONS

# What a later lesson builds; an earlier notebook may not import it. Modules and names alike.
INTRODUCED_IN = {key: int(lesson.number) for lesson in LESSONS for key in lesson.introduces}


@dataclass(frozen=True)
class Term:
    """One row of the glossary."""

    spellings: tuple[str, ...]
    symbol: str
    shape: str
    lesson: int

    @property
    def name(self) -> str:
        return self.spellings[0]

    def first_use(self, text: str) -> int | None:
        """Return where `text` first uses the term as a whole word, or its plural; None: nowhere."""
        found = [m.start() for s in self.spellings if (m := re.search(whole_word(s), text, re.IGNORECASE))]
        return min(found, default=None)


def whole_word(spelling: str) -> str:
    """Return a pattern for a term: a line may end between its words, the last may be a plural."""
    words = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", spelling))
    return rf"(?<![\w/]){words}(?:s|es)?(?![\w/])"


def read_glossary(path: Path) -> list[Term]:
    """Return the rows of the glossary's table; ValueError with the line where one is malformed."""
    terms = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("|") or re.match(r"\|\s*(term\s*\||:?-)", line):
            continue
        columns = [c.strip().replace("`", "") for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        lesson = re.search(r"\b(\d\d)\b", columns[-1])
        if len(columns) != 4 or not lesson or not columns[0]:
            raise ValueError(f"{path.name}:{number} is not | term | symbol | shape | lesson |: {line}")
        terms.append(Term(tuple(columns[0].split(" / ")), columns[1], columns[2], int(lesson[1])))
    return terms


def prose(path: Path) -> str:
    """Return a lesson's text cells as one text: no code, formulas, link targets or bold marks."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    text = re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", " ", text, flags=re.DOTALL)
    return re.sub(r"\*\*|\]\([^)]*\)|<[^>]*>", " ", text)


def passages(text: str) -> list[str]:
    """Split prose into paragraphs, and tables and lists into their rows."""
    return [p for p in re.split(r"\n\s*\n|\n(?=\s*(?:\||[-*] |\d+\. ))", text) if p.strip()]


def is_signpost(passage: str, lesson: int) -> bool:
    """Does this passage name the lesson that explains the term?"""
    return re.search(rf"\b{lesson:02d}\b", passage) is not None


def glossary_in_order(terms: list[Term], lessons: list[Path]) -> list[str]:
    """Each term is first used in the lesson that its row names; rows stand in order of first use."""
    texts = {int(path.name[:2]): prose(path) for path in lessons}
    complaints, last = [], (-1, -1)
    seen: set[str] = set()
    for term in terms:
        for spelling in term.spellings:
            if spelling.lower() in seen:
                complaints.append(f"{spelling!r} stands twice in the glossary")
            seen.add(spelling.lower())
        if term.lesson not in texts:
            complaints.append(f"{term.name!r} belongs to lesson {term.lesson:02d}, which is not written")
            continue
        for number in sorted(n for n in texts if n < term.lesson):
            for passage in passages(texts[number]):
                if term.first_use(passage) is not None and not is_signpost(passage, term.lesson):
                    around = " ".join(passage[max(0, term.first_use(passage) - 30) :].split())[:70]
                    complaints.append(
                        f"{term.name!r} is explained in lesson {term.lesson:02d} "
                        f"and used in {number:02d}: ...{around}..."
                    )
        place = term.first_use(texts[term.lesson])
        if place is None:
            complaints.append(f"{term.name!r} is never used in lesson {term.lesson:02d}, which introduces it")
            continue
        if (term.lesson, place) < last:
            complaints.append(
                f"{term.name!r} stands too late in the glossary: sort by lesson, then first use"
            )
        last = (term.lesson, place)
    return complaints


def nothing_before_its_lesson(path: Path) -> list[str]:
    """A notebook imports nothing that a later lesson builds."""
    number, complaints = int(path.name[:2]), []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        try:
            tree = ast.parse("".join(cell["source"]))
        except SyntaxError:  # a magic, which another rule complains about
            continue
        for name in imported_names(tree):
            for key, lesson in INTRODUCED_IN.items():
                is_it = name == key or name.startswith(key + ".") or name.endswith("." + key)
                if is_it and number < lesson:
                    complaints.append(f"imports {name}, which lesson {lesson:02d} builds")
    return sorted(set(complaints))


def imported_names(tree: ast.AST) -> list[str]:
    """Return every module and every module.name that a piece of code imports."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
