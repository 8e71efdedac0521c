"""Checks for the exercises of lesson 01, the parts of a small GPT and what is done with it.

A file for each part; every exercise has an oracle that is a plain loop or torch's own function, and
its known mistakes as functions of the same arguments.
"""

from lessons_lib.checks.small_gpt.attention import CAUSAL_ATTENTION
from lessons_lib.checks.small_gpt.floor import FLOOR
from lessons_lib.checks.small_gpt.norm import RMS_NORM
from lessons_lib.checks.small_gpt.prediction import LOSS, SAMPLE
from lessons_lib.checks.small_gpt.rotary import ROTATE

EXERCISES = (FLOOR, RMS_NORM, CAUSAL_ATTENTION, ROTATE, LOSS, SAMPLE)

check_entropy_floor, passes_entropy_floor = FLOOR.check, FLOOR.passes
check_rms_norm, passes_rms_norm = RMS_NORM.check, RMS_NORM.passes
check_causal_attention, passes_causal_attention = CAUSAL_ATTENTION.check, CAUSAL_ATTENTION.passes
check_rotate_halves, passes_rotate_halves = ROTATE.check, ROTATE.passes
check_loss_without_padding, passes_loss_without_padding = LOSS.check, LOSS.passes
check_sample, passes_sample = SAMPLE.check, SAMPLE.passes

__all__ = [
    "check_entropy_floor",
    "check_rms_norm",
    "check_causal_attention",
    "check_rotate_halves",
    "check_loss_without_padding",
    "check_sample",
    "passes_entropy_floor",
    "passes_rms_norm",
    "passes_causal_attention",
    "passes_rotate_halves",
    "passes_loss_without_padding",
    "passes_sample",
]
