"""Lesson 20's cells for packages that a reader need not have: each says so where its package is missing.

That their figures hold where trl, accelerate and datasets are there, the lesson itself asserts; torchao is
not among what the tests install (requirements-bridge.txt says why), so it is fetched for its cell alone.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
CELLS = {c["id"]: c for c in nbformat.read(ROOT / "notebooks/20_beyond_one_laptop.ipynb", 4).cells}
NEEDS = {"trainer-run": "accelerate", "trl-run": "datasets", "fp8-torchao": "torchao.float8"}
BEFORE = (
    "setup",
    "muon-train",
    "plain-loop",
    "fp8-ours",
    "fp8-cosine",
)  # what torchao's cell needs of the lesson


@pytest.mark.parametrize("cell", NEEDS)
def test_a_cell_without_its_package_says_so_and_the_lesson_goes_on(cell, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, NEEDS[cell], None)  # as if it were not installed
    exec(CELLS[cell]["source"], {})
    assert capsys.readouterr().out.startswith("not on this machine: ")
    assert "nbval-ignore-output" in CELLS[cell]["metadata"]["tags"]


@pytest.mark.deep
def test_torchaos_cell_holds_and_nothing_warns(tmp_path):
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path)]
    line = [*fetch, "-c", str(ROOT / "constraints.txt"), "torchao"]
    fetched = subprocess.run(line, capture_output=True, timeout=300)
    if fetched.returncode:
        pytest.skip("torchao can't be fetched here")
    program = "\n\n".join(CELLS[cell]["source"] for cell in (*BEFORE, "fp8-torchao"))
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and not done.stderr, done.stderr
    print(done.stdout)
    assert done.stdout.count("layers in 8 bits, cosine") == 2
