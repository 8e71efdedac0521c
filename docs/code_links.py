"""In the code of a lesson, each name that it imports from `lessons_lib` leads to the library's page."""

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A name as Pygments marks it, unless it is an attribute of something.
NAME = re.compile(r'(?<!<span class="o">\.</span>)<span class="(n|nn)">(\w+)</span>')


def imported(path: Path) -> dict[str, str]:
    """Return {name: module it is imported from} of a notebook, without what its code calls something else."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    nodes = list(ast.walk(ast.parse(code)))
    taken = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    taken |= {node.arg for node in nodes if isinstance(node, (ast.arg, ast.keyword))}
    taken |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    lines = [
        node
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lessons_lib")
    ]
    found = {
        alias.asname or alias.name: f"{line.module}.{alias.name}" for line in lines for alias in line.names
    }
    return {name: whole for name, whole in found.items() if name not in taken}


def documented(whole: str, objects) -> tuple[str, str] | None:
    """Return page and anchor of what is imported as `whole`; it may live in a module further down."""
    package, _, name = whole.rpartition(".")
    found = [
        o
        for key, o in objects.items()
        if key == whole or re.fullmatch(rf"{re.escape(package)}\..*\.{name}", key)
    ]
    found = [o for o in found if o.objtype != "module"] or found
    return (found[0].docname, found[0].node_id) if len(found) == 1 else None


def link(app, name: str, template: str, context: dict, doctree) -> None:
    path = ROOT / f"{name}.ipynb"
    if not path.exists():
        return
    objects, links = app.env.domains["py"].objects, {}
    for word, whole in imported(path).items():
        if target := documented(whole, objects):
            links[word] = f"{app.builder.get_relative_uri(name, target[0])}#{target[1]}"

    def linked(found: re.Match) -> str:
        word = found[2]
        return f'<a class="api" href="{links[word]}">{found[0]}</a>' if word in links else found[0]

    context["body"] = NAME.sub(linked, context["body"])


def setup(app):
    app.connect("html-page-context", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
