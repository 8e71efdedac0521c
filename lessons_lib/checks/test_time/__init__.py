"""Checks for the exercises of lesson 17: pass@k, votes, best-of-n, budgets of tokens, verdicts."""

from lessons_lib.checks.test_time.best import BEST_OF_N
from lessons_lib.checks.test_time.chance import CHANCE_OF_PASS
from lessons_lib.checks.test_time.cut import RIGHT_WHEN_CUT
from lessons_lib.checks.test_time.force import NEXT_TOKEN
from lessons_lib.checks.test_time.pass_at_k import PASS_AT_K
from lessons_lib.checks.test_time.verdict import VERDICTS
from lessons_lib.checks.test_time.vote import VOTE

EXERCISES = (PASS_AT_K, CHANCE_OF_PASS, VOTE, BEST_OF_N, RIGHT_WHEN_CUT, NEXT_TOKEN, VERDICTS)

check_pass_at_k, passes_pass_at_k = PASS_AT_K.check, PASS_AT_K.passes
check_chance_of_pass, passes_chance_of_pass = CHANCE_OF_PASS.check, CHANCE_OF_PASS.passes
check_vote, passes_vote = VOTE.check, VOTE.passes
check_best_of_n, passes_best_of_n = BEST_OF_N.check, BEST_OF_N.passes
check_right_when_cut, passes_right_when_cut = RIGHT_WHEN_CUT.check, RIGHT_WHEN_CUT.passes
check_next_token, passes_next_token = NEXT_TOKEN.check, NEXT_TOKEN.passes
check_verdicts, passes_verdicts = VERDICTS.check, VERDICTS.passes

__all__ = [
    "check_best_of_n",
    "check_chance_of_pass",
    "check_next_token",
    "check_pass_at_k",
    "check_right_when_cut",
    "check_verdicts",
    "check_vote",
    "passes_best_of_n",
    "passes_chance_of_pass",
    "passes_next_token",
    "passes_pass_at_k",
    "passes_right_when_cut",
    "passes_verdicts",
    "passes_vote",
]
