"""Texts of a case: shown one a line, counted; and fixed ones, each tied to a phrase of the exercise."""

from collections.abc import Callable
from typing import Any


def one_a_line(texts: tuple[str, ...]) -> str:
    """Return Python code for a tuple of texts; a very long one is written as a product."""
    lines = (f"    {_shortened(text)},  # {number}" for number, text in enumerate(texts))
    return "\n".join(("(", *lines, "  )"))


def phrases(
    argument: str, value: str, made: Callable[[int], dict[str, tuple[str, ...]]]
) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """Return extremes named by phrases of a text: `made(number)` are the texts that go with each of them."""

    def extreme(phrase: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda case: {argument: made(case[value])[phrase]}

    return {f'the text says: "{phrase}"': extreme(phrase) for phrase in made(7)}


def _shortened(text: str) -> str:
    return repr(text) if len(set(text)) > 1 or len(text) < 100 else f"{text[0]!r} * {len(text)}"
