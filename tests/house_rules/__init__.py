"""The house rules as functions: each takes a tree or a notebook and returns its complaints, as
sentences.

`notebook.py` reads one notebook, `links.py` what it points to, `library.py` the modules of
`lessons_lib`, `course.py` the course's terms and imports in lesson order. `tests/test_structure.py` calls
them on the repository, `tests/test_structure_rules.py` on bad samples, so that every rule is
known to fail.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def lessons(root: Path = ROOT) -> list[Path]:
    """Return the lessons' notebooks in the order in which they are read."""
    return sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def solutions(root: Path = ROOT) -> list[Path]:
    """Return the exercises' source notebooks, with solutions and outputs, in lesson order."""
    return sorted((root / "exercises" / "solutions").glob("[0-9][0-9]_*.ipynb"))


def blanks(root: Path = ROOT) -> list[Path]:
    """Return the exercises as readers get them, in lesson order."""
    return sorted((root / "exercises").glob("[0-9][0-9]_*.ipynb"))
