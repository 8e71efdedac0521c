"""Checks for the exercises of lesson 05: routing, dispatch, load, its loss, and what a layer holds."""

from lessons_lib.checks.experts.dispatch import ASK_EXPERTS
from lessons_lib.checks.experts.load import LOAD_SHARES
from lessons_lib.checks.experts.loss import AUXILIARY_LOSS
from lessons_lib.checks.experts.route import ROUTE, ROUTE_TO_ONE
from lessons_lib.checks.experts.size import COUNT_PARAMETERS

EXERCISES = (ROUTE, ROUTE_TO_ONE, ASK_EXPERTS, LOAD_SHARES, AUXILIARY_LOSS, COUNT_PARAMETERS)

check_route, passes_route = ROUTE.check, ROUTE.passes
check_route_to_one, passes_route_to_one = ROUTE_TO_ONE.check, ROUTE_TO_ONE.passes
check_ask_experts, passes_ask_experts = ASK_EXPERTS.check, ASK_EXPERTS.passes
check_load_shares, passes_load_shares = LOAD_SHARES.check, LOAD_SHARES.passes
check_auxiliary_loss, passes_auxiliary_loss = AUXILIARY_LOSS.check, AUXILIARY_LOSS.passes
check_count_parameters, passes_count_parameters = COUNT_PARAMETERS.check, COUNT_PARAMETERS.passes

__all__ = [
    "check_route",
    "check_route_to_one",
    "check_ask_experts",
    "check_load_shares",
    "check_auxiliary_loss",
    "check_count_parameters",
    "passes_route",
    "passes_route_to_one",
    "passes_ask_experts",
    "passes_load_shares",
    "passes_auxiliary_loss",
    "passes_count_parameters",
]
