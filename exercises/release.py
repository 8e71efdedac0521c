"""Make the exercises that readers get from the sources in `solutions/`: `python exercises/release.py`.

The work is nbgrader's: its own preprocessors, in its order, put a stub in place of every solution,
clear outputs, drop hidden tests and lock the cells that are graded. What they do to the notebook needs
no gradebook, so the one that fills it is left out. Added by us: the notebooks move up one folder, so
their links do too.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)
from traitlets.config import Config, PyFileConfigLoader

HERE = Path(__file__).resolve().parent
STEPS = (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ClearHiddenTests, ComputeChecksums)
LINK = re.compile(r"\]\(\.\./([^)]+)\)")  # ](../target): one folder up from solutions/


def read_config() -> Config:
    """Return what `nbgrader_config.py` sets."""
    return PyFileConfigLoader("nbgrader_config.py", path=str(HERE)).load_config()


def release(source: Path) -> str:
    """Return the text of the notebook that readers get from the source at this path."""
    config, notebook, resources = read_config(), nbformat.read(source, as_version=4), {}
    for step in STEPS:
        notebook, resources = step(config=config).preprocess(notebook, resources)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(r"](\1)", cell.source)
    return nbformat.writes(notebook).rstrip() + "\n"


def main() -> None:
    """Release every source, or those named on the command line."""
    names = [Path(name).name for name in sys.argv[1:]]
    for source in sorted((HERE / "solutions").glob("[0-9][0-9]_*.ipynb")):
        if not names or source.name in names:
            (HERE / source.name).write_text(release(source), encoding="utf-8", newline="\n")
            print(f"released {source.name}")


if __name__ == "__main__":
    main()
