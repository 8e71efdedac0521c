"""How a run is kept: its random numbers, its store, its checkpoints, its workers, its progress, its findings.

Nothing here knows what is trained; whatever trains, above in the house, hands itself in as a function.
"""

from lessons_lib.runs import run_store
from lessons_lib.runs.clock import in_turn
from lessons_lib.runs.progress import progress
from lessons_lib.runs.randomness import make_generator, seed_for
from lessons_lib.runs.seeds import Seeds
from lessons_lib.runs.variants import run_jobs, run_variants
from lessons_lib.runs.workers import run_seeds

__all__ = [
    "Seeds",
    "in_turn",
    "make_generator",
    "progress",
    "run_jobs",
    "run_seeds",
    "run_store",
    "run_variants",
    "seed_for",
]
