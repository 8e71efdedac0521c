"""Checks for the exercises of lesson 02: heads, shared keys and values, and the cache that holds them."""

from lessons_lib.checks.sharing.append import APPEND
from lessons_lib.checks.sharing.heads import SHARE_HEADS, SPLIT_HEADS
from lessons_lib.checks.sharing.size import CACHE_BYTES
from lessons_lib.checks.sharing.step import STEP

EXERCISES = (SPLIT_HEADS, APPEND, STEP, SHARE_HEADS, CACHE_BYTES)

check_split_heads, passes_split_heads = SPLIT_HEADS.check, SPLIT_HEADS.passes
check_append_to_cache, passes_append_to_cache = APPEND.check, APPEND.passes
check_cached_step, passes_cached_step = STEP.check, STEP.passes
check_share_heads, passes_share_heads = SHARE_HEADS.check, SHARE_HEADS.passes
check_cache_bytes, passes_cache_bytes = CACHE_BYTES.check, CACHE_BYTES.passes

__all__ = [
    "check_split_heads",
    "check_append_to_cache",
    "check_cached_step",
    "check_share_heads",
    "check_cache_bytes",
    "passes_split_heads",
    "passes_append_to_cache",
    "passes_cached_step",
    "passes_share_heads",
    "passes_cache_bytes",
]
