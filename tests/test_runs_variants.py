"""Variants by name are the jobs of run_seeds, all in one pool."""

import pytest
import torch
from training_helpers import TINY, Counter, assert_same_bits, scale, shorter

from lessons_lib.runs import Seeds, run_jobs, run_variants, variants, workers
from lessons_lib.training import train


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(workers, "IMPORTABLE", {"lessons_lib", "training_helpers"})


def test_variants_are_found_by_name_and_seed():
    found = run_variants(train, {"long": TINY, "short": shorter(steps=7)}, seeds=(2, 0), workers=1)
    assert list(found) == ["long", "short"] and all(isinstance(of, Seeds) for of in found.values())
    assert [len(run.history["step"]) for of in found.values() for run in of] == [12, 12, 7, 7]
    for seed in (2, 0):
        assert found["short"].seeds == (2, 0) and found["short"][seed].seed == seed
        assert_same_bits(found["long"][seed], train(TINY, seed, progress=Counter()))


def test_several_functions_share_one_pool(monkeypatch):
    pools = []

    def one_pool(jobs, workers):
        pools.append((jobs, workers))
        return [function(configuration, seed) for function, configuration, seed in jobs]

    monkeypatch.setattr(variants, "run_seeds", one_pool)
    found = run_jobs(
        {
            "twice": (scale, {"factor": 2}, range(3)),
            "once": (scale, {"factor": 5}, 4),
            "of one": (scale, {"factor": 7}, [4]),
        },
        workers=3,
    )
    assert len(pools) == 1 and len(pools[0][0]) == 5 and pools[0][1] == 3
    assert [values["values"][0].item() for values in found["twice"]] == [0.0, 2.0, 4.0]
    assert torch.equal(found["once"]["values"], torch.tensor([20.0, 20.0]))  # one seed: the result itself
    assert found["of one"].map(lambda result: result["values"][0].item()).items() == ((4, 28.0),)


def test_a_seed_that_is_there_twice_is_refused():
    with pytest.raises(ValueError, match=r"slow: a seed is there twice in \[0, 1, 0\]"):
        run_variants(scale, {"slow": {"factor": 1}}, seeds=(0, 1, 0))
