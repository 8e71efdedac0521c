"""How a model thinks: problems that can be checked, sampling, learning from right or wrong alone."""

from lessons_lib.reasoning.evaluation import Evaluation, evaluate, pass_at_k
from lessons_lib.reasoning.grpo import group_advantages, grpo_loss, kl_estimate
from lessons_lib.reasoning.loop import Reasoner, learn_to_reason
from lessons_lib.reasoning.pretraining import Base, pretrain
from lessons_lib.reasoning.sampling import Rollout, Sampler, sample
from lessons_lib.reasoning.skill import Skill, measure_skill
from lessons_lib.reasoning.tasks import Verdict, judge, parse, parse_text

__all__ = [
    "Base",
    "Evaluation",
    "Reasoner",
    "Rollout",
    "Sampler",
    "Skill",
    "Verdict",
    "evaluate",
    "group_advantages",
    "grpo_loss",
    "judge",
    "kl_estimate",
    "learn_to_reason",
    "measure_skill",
    "parse",
    "parse_text",
    "pass_at_k",
    "pretrain",
    "sample",
]
