"""What the tests of `lessons_lib.training` share: a run of a blink, and what "the same bits" means."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from lessons_lib.config import CorpusConfig, ModelConfig, OptimizerConfig, TrainConfig

ROOT = Path(__file__).resolve().parents[1]

TINY = TrainConfig(
    ModelConfig(vocab_size=106, dim=16, n_layers=1, n_heads=2, max_seq_len=32),
    CorpusConfig("languages", n=3),
    steps=12,
    batch_size=4,
    length=16,
    optimizer=OptimizerConfig(warmup_steps=3),
    eval_every=5,
    eval_windows=12,
    checkpoint_every=3,
)


class Counter:
    """Stands where the progress bar stands, and calls `at[n]` when n steps in all have been reported."""

    def __init__(self, **at):
        self.updates = []
        self.at = {int(name.removeprefix("step")): action for name, action in at.items()}

    def update(self, n=1):
        self.updates.append(n)
        if action := self.at.get(sum(self.updates)):
            action()


def was_trained(progress):
    """A loaded run fills the bar at once, a trained one step by step."""
    assert sum(progress.updates) == TINY.steps
    return progress.updates != [TINY.steps]


def assert_same_bits(one, other):
    """Two runs agree in every loss and in every bit of every weight."""
    assert one.history == other.history
    assert one.per_domain == other.per_domain
    assert one.gap_per_domain == other.gap_per_domain
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    assert list(mine) == list(theirs)
    for name in mine:
        assert torch.equal(mine[name], theirs[name]), name


def shorter(**changes):
    """Return TINY with some fields changed."""
    return replace(TINY, **changes)


def start_python(code, store, **options):
    """Start a Python process that can import lessons_lib and these helpers, with a run store of its own."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": path, "DEEPSEEK_COURSE_RUNS": str(store)}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# Jobs, which a worker process imports from here as it imports those of lessons_lib.


def scale(configuration, seed):
    """A job without steps: it counts as one."""
    print(f"scaling by {configuration['factor']}")
    return {"seed": seed, "values": torch.full((2,), float(configuration["factor"] * seed))}


def crash(configuration, seed):
    """A job that fails in its own way."""
    raise KeyError("no such thing")


def vanish(configuration, seed):
    """A job whose process is gone, as when the system runs out of memory."""
    os._exit(3)
