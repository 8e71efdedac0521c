"""Checks for the exercises of lesson 03: what latent attention remembers, rebuilds, scores and weighs."""

from lessons_lib.checks.latent_attention.memory import MAKE_MEMORY
from lessons_lib.checks.latent_attention.rebuild import REBUILD
from lessons_lib.checks.latent_attention.scores import LATENT_SCORES
from lessons_lib.checks.latent_attention.size import LATENT_CACHE_BYTES

EXERCISES = (MAKE_MEMORY, REBUILD, LATENT_SCORES, LATENT_CACHE_BYTES)

check_make_memory, passes_make_memory = MAKE_MEMORY.check, MAKE_MEMORY.passes
check_rebuild, passes_rebuild = REBUILD.check, REBUILD.passes
check_latent_scores, passes_latent_scores = LATENT_SCORES.check, LATENT_SCORES.passes
check_latent_cache_bytes, passes_latent_cache_bytes = LATENT_CACHE_BYTES.check, LATENT_CACHE_BYTES.passes

__all__ = [
    "check_make_memory",
    "check_rebuild",
    "check_latent_scores",
    "check_latent_cache_bytes",
    "passes_make_memory",
    "passes_rebuild",
    "passes_latent_scores",
    "passes_latent_cache_bytes",
]
