"""Checks for the exercises of lesson 16: traces kept, learned and translated, language, held-out scores."""

from lessons_lib.checks.distillation.accept import ACCEPTED
from lessons_lib.checks.distillation.held_out import HELD_OUT_SCORE
from lessons_lib.checks.distillation.language import LANGUAGE_REWARD
from lessons_lib.checks.distillation.response import RESPONSE_LOSS
from lessons_lib.checks.distillation.vocabulary import TRANSLATE

EXERCISES = (ACCEPTED, RESPONSE_LOSS, LANGUAGE_REWARD, TRANSLATE, HELD_OUT_SCORE)

check_accepted, passes_accepted = ACCEPTED.check, ACCEPTED.passes
check_response_loss, passes_response_loss = RESPONSE_LOSS.check, RESPONSE_LOSS.passes
check_language_reward, passes_language_reward = LANGUAGE_REWARD.check, LANGUAGE_REWARD.passes
check_translate, passes_translate = TRANSLATE.check, TRANSLATE.passes
check_held_out_score, passes_held_out_score = HELD_OUT_SCORE.check, HELD_OUT_SCORE.passes

__all__ = [
    "check_accepted",
    "check_held_out_score",
    "check_language_reward",
    "check_response_loss",
    "check_translate",
    "passes_accepted",
    "passes_held_out_score",
    "passes_language_reward",
    "passes_response_loss",
    "passes_translate",
]
