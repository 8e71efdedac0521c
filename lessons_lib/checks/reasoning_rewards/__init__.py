"""Checks for the exercises of lesson 14: what earns a reward, and which tokens are blamed for it."""

from lessons_lib.checks.reasoning_rewards.rewards import REWARDS
from lessons_lib.checks.reasoning_rewards.sampled import SAMPLED
from lessons_lib.checks.reasoning_rewards.score import SCORE
from lessons_lib.checks.reasoning_rewards.sums import RIGHT_SUMS

EXERCISES = (REWARDS, RIGHT_SUMS, SAMPLED, SCORE)

check_rewards, passes_rewards = REWARDS.check, REWARDS.passes
check_right_sums, passes_right_sums = RIGHT_SUMS.check, RIGHT_SUMS.passes
check_sampled, passes_sampled = SAMPLED.check, SAMPLED.passes
check_score, passes_score = SCORE.check, SCORE.passes

__all__ = [
    "check_rewards",
    "check_right_sums",
    "check_sampled",
    "check_score",
    "passes_rewards",
    "passes_right_sums",
    "passes_sampled",
    "passes_score",
]
