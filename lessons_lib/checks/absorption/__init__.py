"""Checks for the exercises of lesson 04: absorbed matrices, what they cost, and YaRN."""

from lessons_lib.checks.absorption.count import COUNT_PRODUCTS
from lessons_lib.checks.absorption.look import ATTEND_TO_LATENTS
from lessons_lib.checks.absorption.query import ABSORB_QUERY
from lessons_lib.checks.absorption.ramp import YARN_RAMP
from lessons_lib.checks.absorption.stretch import SLOW_PAIRS, YARN_SCORES

EXERCISES = (ABSORB_QUERY, ATTEND_TO_LATENTS, COUNT_PRODUCTS, YARN_RAMP, SLOW_PAIRS, YARN_SCORES)

check_absorb_query, passes_absorb_query = ABSORB_QUERY.check, ABSORB_QUERY.passes
check_attend_to_latents, passes_attend_to_latents = ATTEND_TO_LATENTS.check, ATTEND_TO_LATENTS.passes
check_count_products, passes_count_products = COUNT_PRODUCTS.check, COUNT_PRODUCTS.passes
check_yarn_ramp, passes_yarn_ramp = YARN_RAMP.check, YARN_RAMP.passes
check_slow_pairs, passes_slow_pairs = SLOW_PAIRS.check, SLOW_PAIRS.passes
check_yarn_scores, passes_yarn_scores = YARN_SCORES.check, YARN_SCORES.passes

__all__ = [
    "check_absorb_query",
    "check_attend_to_latents",
    "check_count_products",
    "check_yarn_ramp",
    "check_slow_pairs",
    "check_yarn_scores",
    "passes_absorb_query",
    "passes_attend_to_latents",
    "passes_count_products",
    "passes_yarn_ramp",
    "passes_slow_pairs",
    "passes_yarn_scores",
]
