"""Which code made a run: the modules it depends on, read without comments, docstrings and layout.

Imports are followed from the module of the training function, inside its package only, in the syntax
tree. `from lessons_lib.model import Transformer` leads to the module that defines `Transformer`, not to
everything in the room: what a package's `__init__` merely passes on does not count. Nor does what cannot
change a number: how runs are kept and shown, presets (a configuration is hashed by value) and refusals.

A module's hash is that of its tokens, which are the same under Python 3.11 to 3.14; a syntax tree, or
the text made from one, is not. Only f-strings are cut otherwise since 3.12, and are put together again.

The sources are read when this module is imported, at about the time Python reads them itself. Someone
who edits a file while a kernel runs therefore keeps the fingerprint of the code that the kernel runs.
"""

import ast
import functools
import hashlib
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOM_OF_RUNS = "lessons_lib.runs."
CAN_CHANGE_A_NUMBER = {"randomness", "disturbance"}  # of the modules in that room
REFUSALS = {"lessons_lib.axes", "lessons_lib.arguments", "lessons_lib.signatures"}
REFUSALS |= {"lessons_lib.config.validation", "lessons_lib.model.refusals"}
CANNOT = REFUSALS | {"lessons_lib.config.presets"}
UNSEEN = {"ENCODING", "COMMENT", "NL", "ENDMARKER"}
LAYOUT = {"NEWLINE": "\n", "INDENT": "\n>", "DEDENT": "\n<"}  # whatever their blanks


@functools.cache
def fingerprint(module: str, folder: Path | None = None) -> dict[str, str]:
    """Return {module name: hash of its code} for `module` and all that it needs of its package.

    The package is read from where it was imported, or from `folder`.
    """
    root = module.split(".")[0]
    sources = _snapshot(root, folder)
    reached: dict[str, str] = {}
    seen: set[tuple[str, str | None]] = set()

    def reach(name: str) -> None:
        if name in reached or name not in sources or not _counts(name):
            return
        source, is_package = sources[name]
        reached[name] = hash_of_code(source)
        for base, wanted in _imports(_tree(source), name, is_package):
            follow(base, wanted)

    def follow(base: str, wanted: str | None) -> None:
        if (base, wanted) in seen:
            return
        seen.add((base, wanted))
        if wanted and f"{base}.{wanted}" in sources:
            return reach(f"{base}.{wanted}")
        if wanted and base in sources and sources[base][1]:  # a package: where is the name from?
            for origin, name, known_as in _passed_on(_tree(sources[base][0]), base):
                if known_as == wanted:
                    return follow(origin, name)
        return reach(base)

    reach(module)
    return dict(sorted(reached.items()))


def _counts(name: str) -> bool:
    if name.startswith(ROOM_OF_RUNS):
        return name.removeprefix(ROOM_OF_RUNS) in CAN_CHANGE_A_NUMBER
    return name not in CANNOT


@functools.cache
def hash_of_code(source: str) -> str:
    """Return the hash of a module's tokens without comments, docstrings, blanks and empty lines."""
    said = hashlib.sha256()
    line: list[tuple[bool, str]] = []  # of one statement: is it a string, how is it written
    for is_string, text in _tokens(source):
        line.append((is_string, text))
        if text in LAYOUT.values():
            strings = [found for found, _ in line[:-1]]
            if not strings or not all(strings):  # a statement of strings alone is a docstring
                said.update("\0".join(text for _, text in line).encode() + b"\0")
            line = []
    return said.hexdigest()[:16]


def _tokens(source: str) -> Iterator[tuple[bool, str]]:
    """Yield (is it a plain string, its text) for every token that Python sees; f-strings whole."""
    lines = list(io.StringIO(source))
    depth, start = 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind.endswith("STRING_START"):  # FSTRING_START, and TSTRING_START since 3.14
            start = start if depth else token.start
            depth += 1
        elif kind.endswith("STRING_END"):
            depth -= 1
            if not depth:
                yield False, _between(lines, start, token.end)
        elif not depth and kind not in UNSEEN:
            yield kind == "STRING", LAYOUT.get(kind, token.string)


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return the text from one (line, column) to another."""
    text = "".join(lines[start[0] - 1 : end[0]])
    return text[start[1] : len(text) - len(lines[end[0] - 1]) + end[1]]


def _imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name asked of it or None) for every import in `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            for alias in node.names:
                yield base, None if alias.name == "*" else alias.name


def _passed_on(tree: ast.Module, package: str) -> Iterator[tuple[str, str, str]]:
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


_tree = functools.cache(ast.parse)


@functools.cache
def _snapshot(root: str, folder: Path | None = None) -> dict[str, tuple[str, bool]]:
    """Return {module name: (source, is it a package)} of everything under the top package `root`."""
    file = folder / "__init__.py" if folder else Path(sys.modules[root].__file__ or "")
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
