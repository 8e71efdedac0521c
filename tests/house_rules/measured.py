"""Rules for what a lesson shows of its measurements: values behind `≈`, each bounded where it is printed.

Two processors round differently, so a trained value is one draw of many. It is shown all the same, behind
`≈`: comparing notebooks leaves out that sign and the number behind it (tests/approx.txt), and an assert in
the same cell holds what the text says of it. What is left is exact, and compared to the letter.
"""

import ast
import re

from .notebook import code_cells, syntax_of, tags, texts

LEAST_VALUES = 3  # in a lesson that trains or measures
# Lessons that are exact by nature: 00 derives published figures, 21 reads what the others kept.
EXACT = {"00", "21"}

ABOUT = "\N{ALMOST EQUAL TO}"
BOOLEAN = re.compile(r": (True|False)\b")
HISTORY = re.compile(r"\bwhen this (?:\w+ )?was written\b", re.IGNORECASE)
# What only a clock, a machine or an optional package decides is named like this in a cell's source.
CLOCK_OR_MACHINE = re.compile(
    r"(?:\b|_)(?:seconds|times|clock|perf_counter|process_time|in_turn|machine|cuda|NotImplementedError)(?:\b|_)"
)


def shown_by(cell: dict) -> str:
    """Return all that a cell shows as text, alt texts included."""
    return "\n".join(text for output in cell.get("outputs", []) for text in texts(output))


def asserts_something(cell: dict) -> bool:
    """Does the cell hold an assert that could fail: one of something else than a constant?"""
    nodes = ast.walk(syntax_of(cell))
    return any(isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant) for node in nodes)


def bounded(notebook: dict) -> list[str]:
    """Where an output holds `≈`, the same cell asserts how far the value may go."""
    return [
        f"{name} shows a value behind {ABOUT} and asserts nothing about it"
        for name, cell in code_cells(notebook)
        if ABOUT in shown_by(cell) and not asserts_something(cell)
    ]


def no_verdicts_for_values(notebook: dict) -> list[str]:
    """No output reads `...: True`: readers see the value, and an equality its largest difference."""
    return [
        f"{name} prints {found[0]!r} where a reader wants the value"
        for name, cell in code_cells(notebook)
        if (found := BOOLEAN.search(shown_by(cell)))
    ]


def values_in_sight(notebook: dict) -> list[str]:
    """A lesson that trains or measures shows three values or more behind `≈` in compared cells."""
    title = re.match(r"# (\d\d)\.", notebook["cells"][0]["source"])
    if title and title[1] in EXACT:
        return []
    cells = [cell for _, cell in code_cells(notebook) if "nbval-ignore-output" not in tags(cell)]
    count = sum(shown_by(cell).count(ABOUT) for cell in cells)
    if count >= LEAST_VALUES:
        return []
    return [f"{count} values behind {ABOUT} in compared cells, a lesson that measures shows {LEAST_VALUES}"]


def no_history(notebook: dict) -> list[str]:
    """No "when this was written": what a value was once is no business of a reader who sees their own."""
    complaints = []
    for number, cell in enumerate(notebook["cells"]):
        if found := HISTORY.search(f"{cell['source']}\n{shown_by(cell)}"):
            complaints.append(f"cell {cell.get('id', number)} says {found[0]!r}; point at the output instead")
    return complaints


def ignored_only_for_clocks(notebook: dict) -> list[str]:
    """What is not compared at all comes from a clock or describes a machine; for the rest there is `≈`."""
    return [
        f"{name} is not compared, and its source names neither a clock nor a machine; use {ABOUT}"
        for name, cell in code_cells(notebook)
        if "nbval-ignore-output" in tags(cell) and not CLOCK_OR_MACHINE.search(cell["source"])
    ]


RULES = [bounded, no_verdicts_for_values, no_history, ignored_only_for_clocks]
# For lessons alone: an exercise has nothing to measure.
RULES_FOR_LESSONS = [values_in_sight]
