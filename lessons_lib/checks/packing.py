"""Pack a reader's function so that another process can run it, with all that it uses from the notebook.

What a cell defines has no module to be imported from, so pickle refuses it. Here such a function travels as
its compiled code, with those globals that the code names; a class, with its attributes; a module, by name.
"""

import builtins
import importlib
import io
import marshal
import pickle
from collections.abc import Iterator
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

from lessons_lib.checks.spots import is_theirs


class Unpackable(Exception):
    """A function uses something that cannot go to another process."""


def pack(value: Any, by_value: bool = False) -> bytes:
    """Return `value` as bytes; Unpackable if it holds what cannot travel (an open file, say).

    `by_value`: functions of the exercises' own modules travel too, for a process that cannot import those.
    """
    stream = io.BytesIO()
    try:
        _Packer(stream, by_value).dump(value)
    except Exception as error:  # pickle raises many kinds
        raise Unpackable(repr(error)) from error
    return stream.getvalue()


def code_names(code: CodeType) -> Iterator[str]:
    """Yield all names that a function and those inside it look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_names(constant)


class _Packer(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, by_value: bool = False) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self.by_value = by_value
        self.spaces: dict[int, dict[str, Any]] = {}  # one new space for the globals of each old one

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, ModuleType):
            return importlib.import_module, (value.__name__,)
        if isinstance(value, FunctionType) and (
            is_theirs(value.__code__.co_filename) or (self.by_value and _of_an_exercise(value))
        ):
            return self._of_function(value)
        if isinstance(value, type) and value.__module__ == "__main__":
            own = {k: v for k, v in vars(value).items() if k not in ("__dict__", "__weakref__")}
            return _empty_class, (type(value), value.__name__, value.__bases__), own, None, None, _fill_class
        if isinstance(value, CellType):
            return CellType, (), value.cell_contents, None, None, _fill_cell
        return NotImplemented

    def _of_function(self, value: FunctionType) -> tuple:
        space = self.spaces.setdefault(id(value.__globals__), {"__name__": "__main__"})
        names = set(code_names(value.__code__)) & set(value.__globals__)
        state = {
            "globals": {name: value.__globals__[name] for name in names},
            "__defaults__": value.__defaults__,
            "__kwdefaults__": value.__kwdefaults__,
        }
        made_of = marshal.dumps(value.__code__), space, value.__name__, value.__closure__
        return _empty_function, made_of, state, None, None, _fill_function


def _of_an_exercise(function: FunctionType) -> bool:
    """Whether it comes from a module in a folder of `checks`, not from the engine above them."""
    module = function.__module__ or ""
    return module.startswith(f"{__package__}.") and module.count(".") > __package__.count(".") + 1


def _empty_function(code: bytes, space: dict, name: str, closure: tuple | None) -> FunctionType:
    return FunctionType(marshal.loads(code), space, name, None, closure)


def _fill_function(function: FunctionType, state: dict[str, Any]) -> None:
    function.__globals__.update(state.pop("globals"), __builtins__=builtins)  # torch imports by way of them
    for name, value in state.items():
        setattr(function, name, value)


def _empty_class(meta: type, name: str, bases: tuple) -> type:
    return meta(name, bases, {"__module__": "__main__"})


def _fill_class(made: type, own: dict[str, Any]) -> None:
    for name, value in own.items():
        setattr(made, name, value)


def _fill_cell(cell: CellType, contents: Any) -> None:
    cell.cell_contents = contents
