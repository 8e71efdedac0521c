"""Checks for the exercises of lesson 13: from a reward to a gradient, and what keeps the step small."""

from lessons_lib.checks.policy_gradients.advantages import ADVANTAGES
from lessons_lib.checks.policy_gradients.bandit import BANDIT_LOSS
from lessons_lib.checks.policy_gradients.clip import CLIPPED_LOSS
from lessons_lib.checks.policy_gradients.divergence import DIVERGENCE
from lessons_lib.checks.policy_gradients.mean import MEAN_OVER_ANSWERS
from lessons_lib.checks.policy_gradients.ratio import ANSWER_RATIOS

EXERCISES = (BANDIT_LOSS, ADVANTAGES, CLIPPED_LOSS, DIVERGENCE, MEAN_OVER_ANSWERS, ANSWER_RATIOS)

check_bandit_loss, passes_bandit_loss = BANDIT_LOSS.check, BANDIT_LOSS.passes
check_advantages, passes_advantages = ADVANTAGES.check, ADVANTAGES.passes
check_clipped_loss, passes_clipped_loss = CLIPPED_LOSS.check, CLIPPED_LOSS.passes
check_divergence, passes_divergence = DIVERGENCE.check, DIVERGENCE.passes
check_mean_over_answers, passes_mean_over_answers = MEAN_OVER_ANSWERS.check, MEAN_OVER_ANSWERS.passes
check_answer_ratios, passes_answer_ratios = ANSWER_RATIOS.check, ANSWER_RATIOS.passes

__all__ = [
    "check_advantages",
    "check_answer_ratios",
    "check_bandit_loss",
    "check_clipped_loss",
    "check_divergence",
    "check_mean_over_answers",
    "passes_advantages",
    "passes_answer_ratios",
    "passes_bandit_loss",
    "passes_clipped_loss",
    "passes_divergence",
    "passes_mean_over_answers",
]
