"""How a model thinks: problems that can be checked, sampling, learning from right or wrong alone."""

from lessons_lib.reasoning.evaluation import Examination, examine
from lessons_lib.reasoning.grpo import group_advantages, grpo_loss, kl_estimate
from lessons_lib.reasoning.loop import Reasoner, learn_to_reason
from lessons_lib.reasoning.pretraining import Base, pretrain
from lessons_lib.reasoning.ready import ready_bases
from lessons_lib.reasoning.sampling import Rollout, Sampler, sample
from lessons_lib.reasoning.skill import Skill, measure_skill
from lessons_lib.reasoning.tasks import Earned, parse, parse_text, verify

__all__ = [
    "Base",
    "Earned",
    "Examination",
    "Reasoner",
    "Rollout",
    "Sampler",
    "Skill",
    "examine",
    "group_advantages",
    "grpo_loss",
    "kl_estimate",
    "learn_to_reason",
    "measure_skill",
    "parse",
    "parse_text",
    "pretrain",
    "ready_bases",
    "sample",
    "verify",
]
