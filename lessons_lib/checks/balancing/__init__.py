"""Checks for the exercises of lesson 06: V3's router, its layer, its balance, and who learned what."""

from lessons_lib.checks.balancing.bias import MOVE_BIAS
from lessons_lib.checks.balancing.groups import CHOOSE_IN_GROUPS
from lessons_lib.checks.balancing.information import EXPERT_INFORMATION
from lessons_lib.checks.balancing.layer import ADD_UP_EXPERTS
from lessons_lib.checks.balancing.route import ROUTE_WITH_BIAS
from lessons_lib.checks.balancing.sequence import SEQUENCE_LOSS

EXERCISES = (ROUTE_WITH_BIAS, ADD_UP_EXPERTS, MOVE_BIAS, SEQUENCE_LOSS, CHOOSE_IN_GROUPS, EXPERT_INFORMATION)

check_route_with_bias, passes_route_with_bias = ROUTE_WITH_BIAS.check, ROUTE_WITH_BIAS.passes
check_add_up_experts, passes_add_up_experts = ADD_UP_EXPERTS.check, ADD_UP_EXPERTS.passes
check_move_bias, passes_move_bias = MOVE_BIAS.check, MOVE_BIAS.passes
check_sequence_loss, passes_sequence_loss = SEQUENCE_LOSS.check, SEQUENCE_LOSS.passes
check_choose_in_groups, passes_choose_in_groups = CHOOSE_IN_GROUPS.check, CHOOSE_IN_GROUPS.passes
check_expert_information, passes_expert_information = EXPERT_INFORMATION.check, EXPERT_INFORMATION.passes

__all__ = [
    "check_route_with_bias",
    "check_add_up_experts",
    "check_move_bias",
    "check_sequence_loss",
    "check_choose_in_groups",
    "check_expert_information",
    "passes_route_with_bias",
    "passes_add_up_experts",
    "passes_move_bias",
    "passes_sequence_loss",
    "passes_choose_in_groups",
    "passes_expert_information",
]
