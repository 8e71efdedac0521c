"""Find a function in the cells of a notebook that somebody handed in, with all that it uses, and run nothing.

Cells are read as text. Taken are the statements at their top level that bind the function's name, or a name
that these use, and those that change such a name's value (`table["a"] = 1`, `rows.append(2)`). Everything
else stays behind: prints, checks, whatever patches a module. A cell that is no Python is named and left out.
"""

import ast
import builtins
import contextlib
import linecache
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

STUB = "raise NotImplementedError('write your answer here')"  # as ast.unparse writes it
_BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)  # what a text can do to Python's parser
_NUMBERS = count(1)


@dataclass(frozen=True)
class Piece:
    """A statement at the top level of a cell, as text and as a tree."""

    text: str
    tree: ast.stmt

    @property
    def binds(self) -> set[str]:
        """The names that it gives a value to."""
        return set(_bound(self.tree))

    @property
    def reads(self) -> set[str]:
        """The names of the notebook that it uses, also inside of functions, whose own names don't count."""
        return set(_used(symtable.symtable(self.text, "piece", "exec")))

    @property
    def changes(self) -> set[str]:
        """The names whose value it changes without binding them: `a[0] = 1`, `a.b = 1`, `a.append(1)`."""
        tree = self.tree
        places: list[ast.expr] = []
        if isinstance(tree, ast.Assign):
            places = tree.targets
        elif isinstance(tree, ast.AugAssign):
            places = [tree.target]
        elif isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Call):
            places = [tree.value.func]
        return {name for place in places if (name := _root(place)) is not None}

    @property
    def is_stub(self) -> bool:
        """Whether it is a function that still has the line which an answer replaces."""
        return isinstance(self.tree, ast.FunctionDef) and STUB in ast.unparse(self.tree).replace('"', "'")


@dataclass
class HandedIn:
    """A function that was handed in, as text: an attempt that is only ever run in a process of its own.

    `pieces` make it, in their order; `trouble` says why there is none, or what was left out.
    """

    name: str
    pieces: list[str]
    trouble: str = ""
    file: str = field(default_factory=lambda: f"<handed in {next(_NUMBERS)}>")

    def parameters(self) -> list[str]:
        """The names that it takes, as far as its text says so."""
        trees = [node for piece in self.pieces for node in ast.parse(piece).body]
        own = [t.args for t in trees if isinstance(t, ast.FunctionDef) and t.name == self.name]
        return [a.arg for a in [*own[-1].posonlyargs, *own[-1].args, *own[-1].kwonlyargs]] if own else []

    def placed(self) -> Iterator[tuple[int, str]]:
        """Yield the pieces with the number of their first line; lines of the whole are quoted in messages."""
        line = 1
        for piece in self.pieces:
            yield line, piece
            line += piece.count("\n") + 1

    def quotable(self) -> None:
        """Let messages quote its lines."""
        text = "\n".join(self.pieces)
        lines = [f"{line}\n" for line in text.split("\n")]
        linecache.cache[self.file] = (len(text), None, lines, self.file)


def find(cells: Sequence[str], name: str) -> HandedIn:
    """Return the function of this name from a notebook's code cells, in their order."""
    pieces: list[Piece] = []
    broken = ""
    for cell in cells:
        try:
            pieces += split(cell)
        except _BROKEN as error:
            if f"def {name}" in cell:
                line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
                broken = f"its cell is no Python ({str(error).split(' (')[0]}{line})"
    taken = _taken(pieces, name)
    if not any(name in piece.binds for piece in taken):
        return HandedIn(name, [], broken or "the notebook has no such function")
    found = HandedIn(name, [_text(piece, _wanted(taken, name)) for piece in taken], broken)
    found.quotable()
    return found


def split(cell: str) -> list[Piece]:
    """Return the statements of a cell; what begins with % or ! is IPython's and left out."""
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    lines = cell.split("\n")
    plain = ["" if line.lstrip().startswith(("%", "!", "?")) else line for line in lines]
    text = "\n".join(plain)
    compile(text, "cell", "exec", dont_inherit=True)  # which sees more faults than the parser
    return [Piece(_lines_of(tree, text, plain), tree) for tree in ast.parse(text).body]


def _lines_of(tree: ast.stmt, text: str, lines: list[str]) -> str:
    decorators = getattr(tree, "decorator_list", [])
    first = min([tree.lineno, *(node.lineno for node in decorators)])
    if tree.col_offset == 0 and ";" not in lines[tree.end_lineno - 1]:  # type: ignore[operator]
        return "\n".join(lines[first - 1 : tree.end_lineno])
    return ast.get_source_segment(text, tree) or ""


def _taken(pieces: list[Piece], name: str) -> list[Piece]:
    wanted, size = {name}, 0
    taken: list[Piece] = []
    while len(wanted) > size:
        size = len(wanted)
        taken = [piece for piece in pieces if piece.binds & wanted or _changes_data(piece, pieces, wanted)]
        for piece in taken:
            imported = isinstance(piece.tree, (ast.Import, ast.ImportFrom))
            wanted |= set() if imported else piece.reads - set(dir(builtins))
    written = set().union(*(piece.binds for piece in taken if not piece.is_stub))
    return [piece for piece in taken if not (piece.is_stub and piece.binds <= written)]


def _changes_data(piece: Piece, pieces: list[Piece], wanted: set[str]) -> bool:
    """Whether it changes a value that a wanted name was given; a module or a function is left as it is."""
    data = {n for p in pieces if isinstance(p.tree, (ast.Assign, ast.AnnAssign)) for n in p.binds}
    return bool(piece.changes & wanted & data)


def _wanted(taken: list[Piece], name: str) -> set[str]:
    return {name}.union(*(p.reads for p in taken if not isinstance(p.tree, (ast.Import, ast.ImportFrom))))


def _text(piece: Piece, wanted: set[str]) -> str:
    """Return the text; of an import only the wanted names."""
    tree = piece.tree
    if isinstance(tree, (ast.Import, ast.ImportFrom)):
        tree.names = [alias for alias in tree.names if alias.name == "*" or _binds(alias) in wanted]
        return ast.unparse(tree)
    return piece.text


def _used(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global() or (table.get_type() == "module" and symbol.is_referenced()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _used(inner)


def _binds(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]


def _root(place: ast.expr) -> str | None:
    """Return `a` of `a[0]`, `a.b` or `a.b.c`; None of a plain name."""
    inner = place
    while isinstance(inner, (ast.Attribute, ast.Subscript)):
        inner = inner.value
    return inner.id if isinstance(inner, ast.Name) and inner is not place else None


def _bound(tree: ast.AST) -> Iterator[str]:
    """Yield what a statement binds at its own level, not inside the functions that it defines."""
    if isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield tree.name
        return
    if isinstance(tree, (ast.Import, ast.ImportFrom)):
        yield from map(_binds, tree.names)
        return
    if isinstance(tree, ast.Name) and isinstance(tree.ctx, ast.Store):
        yield tree.id
    if isinstance(tree, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return
    for child in ast.iter_child_nodes(tree):
        with contextlib.suppress(RecursionError):
            yield from _bound(child)
