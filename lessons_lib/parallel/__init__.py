"""Where the model is: processes, experts spread over them, replicas placed on devices, pipelines filled."""

from lessons_lib.parallel.dispatch import Dispatch, Level, add_up_gradients, own_experts, spread_experts
from lessons_lib.parallel.pipeline import Costs, simulate
from lessons_lib.parallel.placement import device_load, place_experts, to_slots
from lessons_lib.parallel.processes import new_group, run_processes
from lessons_lib.parallel.running import step_in_pipeline
from lessons_lib.parallel.schedules import make_schedule
from lessons_lib.parallel.step import (
    ExpertStep,
    StepResult,
    expert_step,
    expert_steps,
    node_levels,
    whole_gradients,
)

__all__ = [
    "Costs",
    "Dispatch",
    "ExpertStep",
    "Level",
    "StepResult",
    "add_up_gradients",
    "device_load",
    "expert_step",
    "expert_steps",
    "make_schedule",
    "new_group",
    "node_levels",
    "own_experts",
    "place_experts",
    "run_processes",
    "simulate",
    "spread_experts",
    "step_in_pipeline",
    "to_slots",
    "whole_gradients",
]
