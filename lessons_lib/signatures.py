"""Refuse what does not fit a public function's annotations, before it computes, in one sentence.

    @checked(rewards="number answers", group_size="1..", eps="0<..")
    def group_advantages(rewards: Tensor, group_size: int, normalize_std: bool = True, eps: float = 1e-4)

Annotations say the kind: whole numbers, finite numbers, texts, choices, classes, functions, and sequences or
mappings of them; what has none is not looked at. A spec says more: a tensor's axes as `takes` reads them, or
limits of a number, of a sequence's length: "1..", "0..1", "0<.." (above 0), "0..inf" (infinite as well).
Annotations are read at the first call, when all names that they use exist.
"""

import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, ParamSpec, TypeVar, Union

from torch import Tensor

from lessons_lib.arguments import listed, takes

P = ParamSpec("P")
R = TypeVar("R")
Fits = Callable[[Any], bool]

PLAIN: dict[Any, tuple[str, Fits]] = {
    bool: ("True or False", lambda value: isinstance(value, bool)),
    int: ("a whole number", lambda value: type(value) is int or _is(value, Integral)),
    float: ("a number", lambda value: type(value) in (float, int) or _is(value, Real)),
    str: ("text", lambda value: isinstance(value, str)),
    type(None): ("None", lambda value: value is None),
}
LARGEST = 1e300  # of a float: what lies beyond is infinity to any further sum or product
FAR = 10**6  # the place of an argument that can only be given by name


def checked(**specs: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that refuses arguments which do not fit the annotations and `specs`.

    TypeError for another kind of thing; ValueError for a number, length, choice or shape out of its limits.
    """
    limits = {name: spec for name, spec in specs.items() if ".." in spec.replace("...", "")}
    shapes = {name: spec for name, spec in specs.items() if name not in limits}

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        name = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]
        inner = takes(**shapes)(function) if shapes else function
        rules: list[tuple[int, str, Callable[[str, str, Any], None]]] = []
        is_read = False

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            nonlocal is_read
            if not is_read:
                rules.extend(rules_of(function, limits, shapes))
                is_read = True
            n = len(args)
            for place, parameter, refuse in rules:
                if place < n:
                    refuse(name, parameter, args[place])
                elif parameter in kwargs:
                    refuse(name, parameter, kwargs[parameter])
            return inner(*args, **kwargs)

        return call

    return decorate


def rules_of(function: Callable, limits: Mapping[str, str], shapes: Collection[str]) -> list:
    """Return (place, name, what refuses a value) of every parameter that is looked at."""
    hints = typing.get_type_hints(function)
    rules = []
    for place, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        is_one = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if name in hints and name not in shapes and is_one:
            by_name = parameter.kind is parameter.KEYWORD_ONLY
            rules.append((FAR if by_name else place, name, _refusal(hints[name], limits.get(name))))
    return rules


def _refusal(hint: Any, limit: str | None) -> Callable[[str, str, Any], None]:
    """Return a function of (function's name, parameter, value) that raises where the value does not fit."""
    words, fits = _kind(hint)
    low, above, high = _limits(limit or "..")
    least = f"above {low:g}" if above else f"at least {low:g}"
    within = least + (f" and at most {high:g}" if high < math.inf else "")
    infinite = bool(limit) and str(limit).endswith("inf")
    is_choice = typing.get_origin(hint) is Literal
    has_floats = float in (hint, *typing.get_args(hint))
    largest = LARGEST if has_floats else 2**63
    is_done = limit is None and not has_floats

    def refuse(function: str, name: str, value: Any) -> None:
        if not fits(value):
            kind = ValueError if is_choice and isinstance(value, str) else TypeError
            raise kind(f"{function}: {name} must be {words}, got {_shown(value)}")
        is_counted = isinstance(value, int) or (
            has_floats and isinstance(value, float) and math.isfinite(value)
        )
        if is_counted and not -largest < value < largest:
            raise ValueError(f"{function}: {name} must be below {largest:.3g} in size, got {_shown(value)}")
        if is_done or value is None:
            return
        size = value
        if not isinstance(value, Real):
            if limit is None:
                return
            size, name = len(value), f"the length of {name}"
        elif (
            not isinstance(value, Integral)
            and not math.isfinite(value)
            and not (infinite and value == math.inf)
        ):
            raise ValueError(f"{function}: {name} must be finite, got {value}")
        if not low <= size <= high or (above and size == low):
            raise ValueError(f"{function}: {name} must be {within}, got {_shown(size)}")

    return refuse


def _limits(limit: str) -> tuple[float, bool, float]:
    """Return the least, whether it is itself left out, and the most of "1..", "0..1", "0<.."."""
    least, _, most = limit.partition("..")
    above = least.endswith("<")
    return float(least.rstrip("<") or -math.inf), above, float(most or math.inf)


def _kind(hint: Any) -> tuple[str, Fits]:
    """Return what an annotation asks for, in words, and a function that says whether a value is one."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return listed(map(str, arguments)), lambda value: any(
            type(value) is type(choice) and value == choice for choice in arguments
        )
    if origin in (Union, types.UnionType):
        kinds = [_kind(argument) for argument in arguments]
        words = " or ".join(dict.fromkeys(words for words, _ in kinds))
        return words, lambda value: any(fits(value) for _, fits in kinds)
    kind = origin or hint
    if not isinstance(kind, type) or kind in (object, Any):
        return "", lambda value: True
    if kind.__name__ == "Callable":
        return "a function", callable
    word = _word(kind)
    if issubclass(kind, Mapping) and arguments:
        (key, key_fits), (item, item_fits) = map(_kind, arguments)
        return (
            f"{word} from {key or 'anything'} to {item or 'anything'}",
            lambda value: (
                isinstance(value, kind) and all(map(key_fits, value)) and all(map(item_fits, value.values()))
            ),
        )
    if issubclass(kind, Iterable) and arguments:
        return _many(kind, word, arguments)
    return word, lambda value: isinstance(value, kind)


def _many(kind: type, word: str, arguments: tuple) -> tuple[str, Fits]:
    """Return words and test for a sequence; elements of what can be read only once are not looked at."""
    apart = kind is tuple and arguments[-1] is not Ellipsis
    kinds = [_kind(argument) for argument in arguments if argument is not Ellipsis]

    def fits(value: Any) -> bool:
        if isinstance(value, (str, bytes)) or not issubclass(type(value), kind):
            return False
        if isinstance(value, Tensor):
            return value.ndim == 1 and arguments[0] in (int, float)
        if apart:
            return len(value) == len(kinds) and all(kinds[i][1](item) for i, item in enumerate(value))
        return not isinstance(value, Sequence) or all(map(kinds[0][1], value))

    return f"{word} of {', '.join(words or 'anything' for words, _ in kinds)}", fits


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _word(kind: type) -> str:
    name = kind.__name__.lower() if kind.__module__ in ("builtins", "collections.abc") else kind.__name__
    return f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    try:
        text = f"{value!r:.60}"
    except Exception:  # a whole number of 5,000 digits, or an object of the reader's
        text = "a value that cannot be written here"
    plain = value is None or isinstance(value, (bool, int, float, str))
    return text if plain else f"{type(value).__name__} {text}"
