"""One wide set of keys and values for all heads, from the first step: it ends as low as four wide ones.

Lesson 02 shows that one wide set beats four narrow ones, and sends here who asks about four wide ones.
*When* each learns to copy is not asserted: a run that rests on a plateau (one in ten) outweighs the
others, and twenty seeds left it open.
"""

import pytest

from lessons_lib.config import CorpusConfig, ModelConfig, OptimizerConfig, TrainConfig
from lessons_lib.corpus import Corpus
from lessons_lib.runs import run_variants
from lessons_lib.training import train
from lessons_lib.training.cost import count_parameters

DOMAINS = ("copy", "language_1")
SMALL = {
    "vocab_size": Corpus(domains=DOMAINS).vocab_size,
    "dim": 64,
    "n_layers": 2,
    "n_heads": 4,
    "head_dim": 8,
}
SHAPES = {
    "own": ModelConfig(**SMALL, inter_dim=156),
    "shared": ModelConfig(**SMALL, n_kv_heads=1, inter_dim=172),
}


@pytest.mark.deep
def test_a_shared_set_ends_as_low_as_four_of_its_width(tmp_path, monkeypatch):
    """Ten seeds, 600 steps, equally many weights; the margin is a fiftieth of a nat (about 4 minutes)."""
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))
    assert len({count_parameters(shape).total for shape in SHAPES.values()}) == 1
    setting = dict(steps=600, optimizer=OptimizerConfig(learning_rate=3e-3))
    plans = {
        name: TrainConfig(shape, CorpusConfig(domains=DOMAINS), **setting) for name, shape in SHAPES.items()
    }
    gaps = {
        name: of.map(lambda run: run.gap) for name, of in run_variants(train, plans, range(10, 20)).items()
    }
    worse = gaps["shared"].less(gaps["own"])
    assert worse.verdict(0.02) == "equal", worse.words()
    assert gaps["own"].high < 0.05  # it is learned, and the comparison is not one of failures
