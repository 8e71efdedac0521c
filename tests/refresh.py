"""Execute notebooks and write their outputs, ready to commit.

Without names: all lessons in order, then the exercises' solutions, on a run store that starts
empty, as `start.py test` will run them. With names, only those; what an earlier lesson trained
is then trained again, unless --store names a folder that has it. Clocks, widget states and
random ids are left out, and cells without a readable id get one from their first words. A
notebook in which a cell fails or writes to stderr is not written at all: the file stays as it
was.

  python tests/refresh.py                  everything, from nothing
  python tests/refresh.py --tidy           run nothing, tidy ids and metadata
  python tests/refresh.py --store .runs-test/lessons notebooks/02_sharing_keys_and_values.ipynb
"""

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from house_rules import lessons, solutions
from house_rules.notebook import AUTO_ID, FOLDED, READABLE_ID
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from run import with_demo_reader

from lessons_lib.runs import run_store

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = ("tags", "nbgrader", "editable", "deletable")
WIDGET = "application/vnd.jupyter.widget-view+json"
CELL_LIMIT = 1800  # seconds


def readable_id(source: str) -> str:
    """Return an id made of the first words of a cell: at most five of them, 40 characters."""
    words = re.findall(r"[a-z0-9]+", source.lower())[:5]
    text = "-".join(words)[:40].strip("-")
    return text if READABLE_ID.fullmatch(text) and not AUTO_ID.fullmatch(text) else f"cell-{text}".strip("-")


def name_cells(notebook: nbformat.NotebookNode) -> None:
    """Give a readable id to each cell whose own is missing, an editor's random one, or taken."""
    taken = set()
    for cell in notebook.cells:
        cell_id = cell.get("id", "")
        if not READABLE_ID.fullmatch(cell_id) or AUTO_ID.fullmatch(cell_id) or cell_id in taken:
            base, number = readable_id(cell.source), 1
            cell_id = base
            while cell_id in taken:
                number += 1
                cell_id = f"{base}-{number}"
        cell["id"] = cell_id
        taken.add(cell_id)


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Drop what changes with every run or editor; keep tags, nbgrader's marks and which cells are folded."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    name_cells(notebook)
    for cell in notebook.cells:
        kept = {k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA}
        if not kept.get("tags", True):
            del kept["tags"]
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            kept["jupyter"] = FOLDED
        cell.metadata = nbformat.from_dict(kept)
        for output in cell.get("outputs", []):
            # The id of a widget means nothing in another kernel; the picture beside it stays.
            output.get("data", {}).pop(WIDGET, None)
            output.get("metadata", {}).pop(WIDGET, None)
        if "outputs" in cell:
            cell.outputs = merge_streams(cell.outputs)


def merge_streams(outputs: list) -> list:
    """Join what was printed in pieces: where a print is cut depends on how busy the machine was."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def execute(notebook: nbformat.NotebookNode, folder: Path) -> str | None:
    """Run all cells in a fresh kernel that starts in `folder`; return what went wrong, or None."""
    client = NotebookClient(
        notebook,
        timeout=CELL_LIMIT,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=lambda cell, cell_index: print(
            f"\r  cell {cell_index + 1} of {len(notebook.cells)}", end="", flush=True
        ),
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as problem:
        return str(problem).strip()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                return f"cell {cell.id} writes to stderr:\n{output.text.strip()[-500:]}"
    return None


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the whole file or nothing."""
    partial = path.with_suffix(".partial")
    partial.write_text(nbformat.writes(notebook).rstrip() + "\n", encoding="utf-8", newline="\n")
    os.replace(partial, path)


def refresh(path: Path, *, run: bool = True) -> bool:
    """Execute (or only tidy) one notebook in place; return False, file as it was, if it failed."""
    notebook, start = nbformat.read(path, as_version=4), time.monotonic()
    print(path.name, flush=True)
    tidy(notebook)  # ids before the run, so that a message can name a cell
    if run and (problem := execute(notebook, path.parent)):
        print(f"\r  not written: {problem}", flush=True)
        return False
    tidy(notebook)
    nbformat.validate(notebook)
    write(notebook, path)
    print(f"\r  written after {time.monotonic() - start:.0f} s", flush=True)
    return True


def main() -> int:
    """Refresh what was asked for; return 1 when one notebook was not written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all lessons, then all solutions")
    parser.add_argument(
        "--store",
        type=Path,
        help="run store to use and fill; default: a fresh one, dropped afterwards",
    )
    parser.add_argument("--tidy", action="store_true", help="run nothing, tidy ids and metadata")
    options = parser.parse_args()
    paths = [path.resolve() for path in options.notebooks] or [*lessons(), *solutions()]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(missing)}")
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as fresh:
        store = (options.store or Path(fresh)).resolve()
        store.mkdir(parents=True, exist_ok=True)
        os.environ["DEEPSEEK_COURSE_RUNS"] = str(with_demo_reader(store))
        if not options.tidy:
            for path in paths:  # what an earlier version of a lesson found is not counted with its own
                run_store.record_findings(path.stem, [])
        failed = [path.name for path in paths if not refresh(path, run=not options.tidy)]
    if failed:
        print(f"{len(failed)} of {len(paths)} not written: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
