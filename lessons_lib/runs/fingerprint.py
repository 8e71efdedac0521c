"""Which code made a run: the modules it depends on, read without comments and docstrings.

Imports are followed from the module of the training function, inside its package only, in the syntax
tree. `from lessons_lib.model import Transformer` leads to the module that defines `Transformer`, not to
everything in the room: what a package's `__init__` merely passes on does not count. What keeps and
shows runs (`KEEPERS`) does not count either, because it cannot change a number.

The sources are read when this module is imported, at about the time Python reads them itself. Someone
who edits a file while a kernel runs therefore keeps the fingerprint of the code that the kernel runs.
"""

import ast
import functools
import hashlib
import sys
from pathlib import Path

_KEEPERS = "checkpoint findings fingerprint packing progress run_store storage worker workers"
KEEPERS = {f"lessons_lib.runs.{name}" for name in _KEEPERS.split()}


@functools.cache
def fingerprint(module: str) -> dict[str, str]:
    """Return {module name: hash of its code} for `module` and all that it needs of its package."""
    root = module.split(".")[0]
    sources = _snapshot(root)
    reached: dict[str, str] = {}
    seen: set[tuple[str, str | None]] = set()

    def reach(name: str) -> None:
        if name in reached or name in KEEPERS or name not in sources:
            return
        tree = _tree(root, name)
        reached[name] = hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16]
        for base, wanted in _imports(tree, name, sources[name][1]):
            follow(base, wanted)

    def follow(base: str, wanted: str | None) -> None:
        if (base, wanted) in seen:
            return
        seen.add((base, wanted))
        if wanted and f"{base}.{wanted}" in sources:
            return reach(f"{base}.{wanted}")
        if wanted and base in sources and sources[base][1]:  # a package: where is the name from?
            for origin, name, known_as in _passed_on(_tree(root, base), base):
                if known_as == wanted:
                    return follow(origin, name)
        return reach(base)

    reach(module)
    return dict(sorted(reached.items()))


def _imports(tree: ast.AST, module: str, is_package: bool):
    """Yield (module, name asked of it or None) for every import in `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            for alias in node.names:
                yield base, None if alias.name == "*" else alias.name


def _passed_on(tree: ast.Module, package: str):
    """Yield (origin, name there, name here) for what a package's `__init__` imports by name."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield _absolute(node, package, True), alias.name, alias.asname or alias.name


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join(parts + ([node.module] if node.module else []))


@functools.cache
def _tree(root: str, module: str) -> ast.Module:
    """Return the syntax tree of `module` without docstrings; comments are not in a tree anyway."""
    tree = ast.parse(_snapshot(root)[module][0])
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
    return tree


@functools.cache
def _snapshot(root: str) -> dict[str, tuple[str, bool]]:
    """Return {module name: (source, is it a package)} of everything under the top package `root`."""
    file = Path(sys.modules[root].__file__)
    if file.name != "__init__.py":
        return {root: (file.read_text(encoding="utf-8"), False)}
    found = {}
    for path in sorted(file.parent.rglob("*.py")):
        parts = (root, *path.relative_to(file.parent).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found[name] = (path.read_text(encoding="utf-8"), is_package)
    return found


_snapshot(__name__.split(".")[0])
