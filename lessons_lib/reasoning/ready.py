"""The readers' gate: bases are tried in the order of their seeds, until enough of them can read.

Whether a base of 650 steps can read is a matter of its seed: reading comes suddenly, and not always in
time. So a comparison after learning by reward takes the first `n` seeds that pass, and tells which did not.
"""

from lessons_lib.config import BaseConfig
from lessons_lib.reasoning.pretraining import Base, pretrain
from lessons_lib.runs import Seeds, run_jobs
from lessons_lib.runs.progress import Silent
from lessons_lib.signatures import checked


@checked(n="1..", most="1..")
def ready_bases(config: BaseConfig, n: int = 3, most: int = 8) -> tuple[Seeds[Base], list[Base]]:
    """Return the first `n` bases that pass the gate, by seed 0, 1, 2, ..., and those refused before.

    At most `most` seeds are tried, from the run store or trained: the first `n` under one progress bar, so
    that what a notebook shows doesn't hang on who passes. RuntimeError, with what each of them reads worst,
    where fewer than `n` pass; ValueError where `most` is below `n`.
    """
    if most < n:
        raise ValueError(f"{n} bases cannot be found among {most}")
    tried: list[Base] = []
    while (missing := n - sum(base.ready for base in tried)) > 0:
        seeds = range(len(tried), min(len(tried) + missing, most))
        if not seeds:
            worst = ", ".join(f"{base.skill.weakest:.2f}" for base in tried)
            raise RuntimeError(f"{n - missing} of {most} bases can read, {n} are needed; they read {worst}")
        if tried:  # in place of those refused: without a bar, for how many come is not known before
            tried += [pretrain(config, seed, progress=Silent()) for seed in seeds]
        else:
            tried += run_jobs({"bases": (pretrain, config, seeds)})["bases"]
    return Seeds({b.seed: b for b in tried if b.ready}), [b for b in tried if not b.ready]
