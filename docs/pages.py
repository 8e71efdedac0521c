"""Makes the site's pages: of the notebooks, of the glossary, of the library's rooms.

They are written beside this file, into folders that git ignores, at each build; a page that did not change is
left alone, so that Sphinx need not read it again.
"""

import base64
import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from house_rules.course import Term, read_glossary, whole_word
from myst_parser.slugs import github_slugify

from lessons_lib.lessons import BY_NUMBER, LESSONS, PARTS

ROOT = Path(__file__).resolve().parent.parent
# What a search for a term's first use must not touch: code, formulas, links, HTML, headings.
NOT_PROSE = re.compile(
    r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|!?\[[^\]]*\]\([^)]*\)|<[^>]*>|^#.*?$",
    re.DOTALL | re.MULTILINE,
)
NO_ROOM = {"checks"}  # its references are the answers


def write(docs: Path, repository: str) -> dict[str, str]:
    """Write all pages and figures; return what `index.md` puts in: the tables of contents."""
    terms = read_glossary(ROOT / "notebooks" / "glossary.md")
    lessons = [lesson for lesson in LESSONS if lesson.written()]
    made = {docs / "glossary.md": glossary(terms)}
    for lesson in lessons:
        introduced = [term for term in terms if term.lesson == int(lesson.number)]
        made |= page(docs, f"notebooks/{lesson.stem}.ipynb", introduced, repository)
    exercises = [f"exercises/{path.name}" for path in sorted((ROOT / "exercises").glob("[0-9]*.ipynb"))]
    for name in exercises:
        made |= page(docs, name, [], repository)
    rooms = [path for path in sorted((ROOT / "lessons_lib").iterdir()) if (path / "__init__.py").exists()]
    rooms = [room for room in rooms if room.name not in NO_ROOM]
    made |= {docs / "api" / f"{room.name}.rst": room_page(room) for room in rooms}
    for folder in ("notebooks", "exercises", "figures", "api"):
        for path in (docs / folder).rglob("*.*") if (docs / folder).exists() else ():
            if path not in made:  # a lesson that was renamed
                path.unlink()
    for path, content in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        content = content if isinstance(content, bytes) else content.encode()
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
    shutil.copyfile(ROOT / "notebooks" / "images" / "course_map.png", docs / "_static" / "course_map.png")
    by_part = "\n".join(
        toctree(name, [f"notebooks/{x.stem}" for x in lessons if x.part == part])
        for part, name in {"": "", **{key: f"{key}. {name}" for key, name in PARTS.items()}}.items()
    )
    beside = [
        str(path.relative_to(docs)) for path in sorted([*docs.glob("help.md"), *docs.glob("teaching/*.md")])
    ]
    return {
        "lessons": by_part,
        "more": toctree("Exercises", exercises, hidden=True)
        + toctree("More", ["glossary.md", *beside], hidden=True)
        + toctree("The library", [f"api/{room.name}.rst" for room in rooms], hidden=True),
    }


def toctree(caption: str, names: list[str], hidden: bool = False) -> str:
    rows = [":maxdepth: 1", *([f":caption: {caption}"] if caption else []), *([":hidden:"] if hidden else [])]
    names = [re.sub(r"[.]\w+$", "", name) for name in names]
    return "\n".join(["```{toctree}", *rows, "", *names, "```", ""]) if names else ""


# ---- notebooks


def page(docs: Path, name: str, terms: list[Term], repository: str) -> dict[Path, str | bytes]:
    """Return the page made of the notebook `name` (a path in the course), and its figures."""
    notebook = json.loads((ROOT / name).read_text(encoding="utf-8"))
    stem, made, waiting = Path(name).stem, {}, list(terms)
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            text, waiting = with_glossary_links(links_of_the_site(text, name, repository), waiting)
            cell["source"] = text
        elif cell["metadata"].get("jupyter", {}).get("source_hidden"):
            cell["metadata"].setdefault("tags", []).append("hide-input")
        cell["outputs"] = (
            [o for o in cell.get("outputs", []) if not is_progress_bar(o)]
            if cell["cell_type"] == "code"
            else []
        )
        for output in cell["outputs"]:
            for kind in {"text/markdown", "text/html"} & set(output.get("data", {})):
                words = "".join(output["data"][kind])
                output["data"][kind] = re.sub(r"(\d\d_\w+)[.]ipynb(?=[)\"])", r"\1.html", words)
            if "image/png" in output.get("data", {}):
                file = f"{stem}-{len(made) + 1}.png"
                made[docs / "figures" / file] = base64.b64decode("".join(output["data"]["image/png"]))
                about = output["metadata"].get("image/png", {})
                output["data"] = {"text/html": image(file, about.get("alt", ""), about.get("width"))}
        if cell["cell_type"] == "markdown":
            del cell["outputs"]
    if repository:
        notebook["cells"][0]["source"] += "\n\n" + open_in(name, repository)
    return {docs / name: json.dumps(notebook, ensure_ascii=False), **made}


def is_progress_bar(output: dict) -> bool:
    """One that was drawn before its first step: nothing moves on a page."""
    data = output.get("data", {})
    return set(data) == {"text/plain"} and "?step/s]" in "".join(data["text/plain"])


def image(file: str, alt: str, width: int | None) -> str:
    size = f' width="{width}"' if width else ""
    return f'<img class="figure" src="../_static/{file}" alt="{html.escape(alt)}"{size} loading="lazy">'


def links_of_the_site(text: str, name: str, repository: str) -> str:
    """Links to files that are no page lead into the repository; without an address they are paths."""

    def elsewhere(found: re.Match) -> str:
        words, target = found.groups()
        path = ((ROOT / name).parent / target).resolve().relative_to(ROOT).as_posix()
        if re.fullmatch(r"(notebooks|exercises)/\d\d_\w+[.]ipynb", path):
            return found[0]
        if path == "notebooks/glossary.md":
            return f"[{words}](../glossary.md)"
        return f"[{words}]({repository}/blob/main/{path})" if repository else f"{words} (`{path}`)"

    return re.sub(r"(?<!!)\[([^\]]*)\]\(((?!https?:|#)[^)#]+)\)", elsewhere, text)


def with_glossary_links(text: str, waiting: list[Term]) -> tuple[str, list[Term]]:
    """Link the first use of each term; return the text, and the terms that it does not use."""
    for term in list(waiting):
        prose = NOT_PROSE.sub(lambda found: "\0" * len(found[0]), text)
        uses = [re.search(whole_word(spelling), prose, re.IGNORECASE) for spelling in term.spellings]
        if first := min((use for use in uses if use), key=lambda use: use.start(), default=None):
            shown = " ".join(first[0].split())
            link = f"{{term}}`{shown} <{term.name}>`"
            text = text[: first.start()] + link + text[first.end() :]
            waiting = [other for other in waiting if other is not term]
    return text, waiting


def open_in(name: str, repository: str) -> str:
    place = repository.removeprefix("https://github.com/")
    links = {
        "Open in Colab": f"https://colab.research.google.com/github/{place}/blob/main/{name}",
        "Open in Codespaces": f"https://codespaces.new/{place}",
        "See the notebook": f"{repository}/blob/main/{name}",
    }
    return " | ".join(f"[{words}]({link})" for words, link in links.items())


# ---- pages written by hand


def written_for_both(repository: str) -> Callable[[object, str, list[str]], None]:
    """Return what turns a page that is read in the repository as well into one of the site's."""

    def turn(app: object, name: str, source: list[str]) -> None:
        if name == "help" or name.startswith("teaching/"):
            text = re.sub(r'^<a id="([\w-]+)"></a>$', r"(\1)=", source[0], flags=re.MULTILINE)
            source[0] = to_pages(with_cell_links(text), f"docs/{name}.md", repository)

    return turn


def with_cell_links(text: str) -> str:
    """Make a link of each cell that is named: `02 §6 align-price` leads to that section of lesson 02."""

    def linked(found: re.Match) -> str:
        stem = BY_NUMBER[found[1]].stem
        heading = next(x for x in headings(f"notebooks/{stem}.ipynb") if x.startswith(f"{found[2]}."))
        target = f"../../notebooks/{stem}.ipynb#{github_slugify(heading)}"
        return f"[{found[0].strip('`')}]({target})"

    return re.sub(r"`(\d\d) §(\d+) [\w-]+`", linked, text)


def headings(name: str) -> list[str]:
    """Return the headings of a notebook's sections, such as `6. Merge the heads of your own model`."""
    cells = json.loads((ROOT / name).read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"^## (\d+[.] .*?)\s*$", text, re.MULTILINE)


def to_pages(text: str, name: str, repository: str) -> str:
    """Lead links out of `docs/` to the site's pages, to the repository, or nowhere without an address."""

    def turned(found: re.Match) -> str:
        words, target, rest = found.groups()
        path = ((ROOT / name).parent / target).resolve().relative_to(ROOT).as_posix()
        if path.startswith("docs/"):
            return found[0]
        if re.fullmatch(r"(notebooks|exercises)/\d\d_\w+[.]ipynb", path):
            up = "../" * (name.count("/") - 1)
            return f"[{words}]({up}{path}{rest or ''})"
        return f"[{words}]({repository}/blob/main/{path})" if repository else f"{words} (`{path}`)"

    return re.sub(r"(?<!!)\[([^\]]*)\]\(((?!https?:|#)[^)#]+)(#[^)]*)?\)", turned, text)


# ---- glossary and library


def glossary(terms: list[Term]) -> str:
    """Return the page: its introduction as in the notebooks' folder, its table as a list to link to."""
    head = (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8").split("\n|")[0]
    stems = {int(lesson.number): lesson.stem for lesson in LESSONS}
    rows = []
    for term in terms:
        symbol = f"`{term.symbol}`: " if term.symbol else ""
        link = f"[lesson {term.lesson:02d}](notebooks/{stems[term.lesson]}.ipynb)"
        rows += [*term.spellings, f"  {symbol}{term.shape}; {link}", ""]
    return "\n".join([head, "", "```{glossary}", *rows, "```", ""])


def room_page(room: Path) -> str:
    """Return the API page of one room: the package's words, then each module with what is public in it."""
    rows = [room.name, "=" * len(room.name), "", f".. automodule:: lessons_lib.{room.name}", ""]
    for path in sorted(room.rglob("*.py")):
        if path.name.startswith("_"):
            continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        title = module.removeprefix("lessons_lib.")
        rows += [title, "-" * len(title), "", f".. automodule:: {module}", "   :members:", ""]
    return "\n".join(rows)


def docstring_as_rest(app, what, name, obj, options, lines: list[str]) -> None:
    """Docstrings are plain text: paragraphs flow, what is laid out in columns or indented stays so."""
    rest = []
    for paragraph in "\n".join(lines).strip("\n").split("\n\n"):
        rows = paragraph.splitlines()
        if any(row[:1] == " " or re.search(r"\S {3,}\S", row) for row in rows):
            rest += ["::", "", *["   " + row for row in rows], ""]
        else:
            rest += [re.sub(r"`[^`]+`|\*\w+\*|[*|_\\]", escaped, row) for row in rows] + [""]
    lines[:] = rest


def escaped(found: re.Match) -> str:
    """Code and *stress* keep their marks; a mark alone is only a letter."""
    return found[0] if len(found[0]) > 1 else "\\" + found[0]
