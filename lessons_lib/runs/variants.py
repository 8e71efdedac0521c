"""Many variants and seeds in one pool: asked for by name, answered by name."""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, TypeVar

from lessons_lib.runs.seeds import Seeds
from lessons_lib.runs.workers import run_seeds
from lessons_lib.signatures import checked

Name = TypeVar("Name", bound=Hashable)


@checked(workers="1..")
def run_variants(
    function: Callable, configurations: Mapping[Name, Any], seeds: Collection[int], workers: int = 2
) -> dict[Name, Seeds]:
    """Return {name: Seeds of results of `function(configuration, seed)`}, with one bar for all runs."""
    return run_jobs({name: (function, config, seeds) for name, config in configurations.items()}, workers)


@checked(workers="1..")
def run_jobs(
    jobs: Mapping[Name, tuple[Callable, Any, int | Collection[int]]], workers: int = 2
) -> dict[Name, Any]:
    """Return the results of {name: (function, configuration, seeds)}, by name, as `run_seeds` makes them.

    Where `seeds` are several, the results are `Seeds`; where it is one number, the result itself. Raises
    ValueError where a seed is asked for twice, and what `run_seeds` raises.
    """
    wanted = {}
    for name, (_, _, seeds) in jobs.items():
        wanted[name] = [seeds] if isinstance(seeds, int) else list(seeds)
        if len(set(wanted[name])) < len(wanted[name]):
            raise ValueError(f"{name}: a seed is there twice in {wanted[name]}")
    results = iter(run_seeds([(*jobs[name][:2], seed) for name in jobs for seed in wanted[name]], workers))
    found = {name: {seed: next(results) for seed in wanted[name]} for name in jobs}
    several = {name for name, (_, _, seeds) in jobs.items() if not isinstance(seeds, int)}
    return {
        name: Seeds(by_seed) if name in several else by_seed.popitem()[1] for name, by_seed in found.items()
    }
