"""The readers' gate takes the first seeds that can read, tells which cannot, and gives up in a sentence."""

from types import SimpleNamespace

import pytest
from reasoning_helpers import BASE

from lessons_lib.reasoning import ready, ready_bases
from lessons_lib.runs import Seeds
from lessons_lib.runs.progress import Silent


def with_readers(monkeypatch, readers: set[int]) -> list[int]:
    """Let nothing be trained: only the seeds in `readers` can read. Return what is asked for."""
    asked: list[int] = []

    def base(seed):
        asked.append(seed)
        skill = SimpleNamespace(weakest=0.99 if seed in readers else 0.25)
        return SimpleNamespace(seed=seed, ready=seed in readers, skill=skill)

    def jobs_under_a_bar(jobs):
        ((name, (function, config, seeds)),) = jobs.items()
        assert function is alone and config == BASE and not asked  # one bar, for the first of them
        return {name: Seeds({seed: base(seed) for seed in seeds})}

    def alone(config, seed, *, progress):
        assert config == BASE and isinstance(progress, Silent) and asked
        return base(seed)

    monkeypatch.setattr(ready, "run_jobs", jobs_under_a_bar)
    monkeypatch.setattr(ready, "pretrain", alone)
    return asked


def test_the_first_readers_are_taken_and_those_refused_are_told(monkeypatch):
    asked = with_readers(monkeypatch, {1, 3, 4, 5})
    found, refused = ready_bases(BASE, n=3, most=8)
    assert found.seeds == (1, 3, 4) and [base.seed for base in refused] == [0, 2]
    assert asked == [0, 1, 2, 3, 4]  # no seed is trained that is not needed


def test_too_few_readers_end_in_a_sentence(monkeypatch):
    asked = with_readers(monkeypatch, {1})
    with pytest.raises(RuntimeError, match="1 of 4 bases can read, 2 are needed; they read 0.25, 0.99, 0.25"):
        ready_bases(BASE, n=2, most=4)
    assert asked == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="3 bases cannot be found among 2"):
        ready_bases(BASE, n=3, most=2)
