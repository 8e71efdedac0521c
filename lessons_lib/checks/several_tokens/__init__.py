"""Checks for the exercises of lesson 08: an MTP module, its targets and loss, and speculative decoding."""

from lessons_lib.checks.several_tokens.accept import ACCEPT
from lessons_lib.checks.several_tokens.loss import MTP_LOSS
from lessons_lib.checks.several_tokens.module import MTP_LOGITS
from lessons_lib.checks.several_tokens.step import SPECULATIVE_STEP
from lessons_lib.checks.several_tokens.targets import MTP_TARGETS
from lessons_lib.checks.several_tokens.tiny import TinyCache, TinyModel

EXERCISES = (MTP_TARGETS, MTP_LOSS, MTP_LOGITS, ACCEPT, SPECULATIVE_STEP)

check_mtp_targets, passes_mtp_targets = MTP_TARGETS.check, MTP_TARGETS.passes
check_mtp_loss, passes_mtp_loss = MTP_LOSS.check, MTP_LOSS.passes
check_mtp_logits, passes_mtp_logits = MTP_LOGITS.check, MTP_LOGITS.passes
check_accept_or_replace, passes_accept_or_replace = ACCEPT.check, ACCEPT.passes
check_speculative_step, passes_speculative_step = SPECULATIVE_STEP.check, SPECULATIVE_STEP.passes

__all__ = [
    "TinyCache",
    "TinyModel",
    "check_accept_or_replace",
    "check_mtp_logits",
    "check_mtp_loss",
    "check_mtp_targets",
    "check_speculative_step",
    "passes_accept_or_replace",
    "passes_mtp_logits",
    "passes_mtp_loss",
    "passes_mtp_targets",
    "passes_speculative_step",
]
