"""In Jupyter: the same output whether trained or loaded, the progress bar too, and nothing on stderr."""

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from training_helpers import ROOT

SETUP = """import sys
sys.path[:0] = [ROOT, ROOT + "/tests"]
import torch
from training_helpers import TINY
from lessons_lib.runs import run_seeds, run_store
from lessons_lib.training import train
torch.set_num_threads(1)"""
ONE = """run = train(TINY)
print(f"{run.held_out_loss:.2f}")"""
TWO = """for run in run_seeds([(train, TINY, 0), (train, TINY, 1)], workers=1):
    print(f"{run.held_out_loss:.2f}")"""


def test_a_cell_shows_the_same_whether_its_run_was_trained_or_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    setup = SETUP.replace("ROOT", repr(str(ROOT)))
    cells = [new_code_cell(source) for source in (setup, ONE, ONE, TWO, TWO)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    NotebookClient(notebook, timeout=120, record_timing=False, store_widget_state=False).execute()
    nbformat.validate(notebook)
    shown = [[texts(output) for output in cell.outputs] for cell in notebook.cells]
    assert shown[0] == []
    assert shown[1] == shown[2] and shown[3] == shown[4]
    assert shown[1][0] == ("display_data", "train, seed 0:   0%|          | 0/12 [00:00<?, ?step/s]")
    assert shown[3][0] == ("display_data", "2 runs:   0%|          | 0/24 [00:00<?, ?step/s]")
    assert [len(outputs) for outputs in shown] == [0, 2, 2, 2, 2]
    assert all(outputs[1][0] == "stdout" for outputs in shown[1:])


def texts(output):
    """What strict nbval compares of an output."""
    if output.output_type == "stream":
        return output.name, output.text
    return output.output_type, output.data["text/plain"]
