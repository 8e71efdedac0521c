"""A smaller model: taught by a larger one's accepted traces, or left to learn by reward.

All students of a seed start from the same weights, which have read the teacher's corpus. Then one is
tuned on traces that the teacher wrote and a verifier accepted, one does RL of its own, and one, the
control, goes on with the corpus for as many updates as the first: part of what traces teach is reading,
and that part the corpus teaches, too.

Source of the comparison: DeepSeek-R1 report, arXiv:2501.12948v1, section 4.1 and Table 6.
"""

import random
import time
from dataclasses import dataclass, field, replace
from typing import Any

from lessons_lib.config import BaseConfig, HuntConfig, RLConfig, StageConfig, StudentConfig
from lessons_lib.model import Transformer
from lessons_lib.reasoning.distillation import Trace, accepted_traces, fine_tune, written_traces
from lessons_lib.reasoning.loop import learn
from lessons_lib.reasoning.pretraining import pretrain
from lessons_lib.reasoning.r1 import Marks, mark, stage
from lessons_lib.reasoning.skill import Skill
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent


@dataclass(frozen=True, eq=False)
class Student:
    """A small model after it went on learning, and what it could do before."""

    model: Transformer = field(repr=False)
    skill: Skill  # its reading before
    before: Marks
    after: Marks
    seconds: float = field(repr=False)  # of processor time, of the learning between the two


@run_store.takes_steps(lambda config: student_base(config).steps + _steps(config))
def teach(config: StudentConfig, seed: int = 0, *, progress: Any = None) -> Student:
    """Return a student that learned in `config.way`: loaded from the run store, or taught and stored."""
    return run_store.remember(teach, config, seed, _teach, progress=progress)


def student_base(config: StudentConfig) -> BaseConfig:
    """Return what a student is before it is taught: the teacher's corpus, read by a smaller model."""
    base = config.plan.base
    optimizer = replace(base.optimizer, learning_rate=config.base_learning_rate)
    return replace(base, model=config.model, steps=config.base_steps, optimizer=optimizer)


def corpus_traces(hunt: HuntConfig, count: int, seed: int) -> list[Trace]:
    """Return `count` fresh solutions as the corpus has them, guesses and wrong ones among them."""
    return written_traces(hunt, count, random.Random(f"more of the corpus {seed}"))


def _steps(config: StudentConfig) -> int:
    return config.rl_steps if config.way == "reward" else config.traces.steps


def _teach(config: StudentConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Student:
    plan, hunt = config.plan, config.plan.tasks[0]
    base = pretrain(student_base(config), seed, progress=progress)
    before = mark(base.model, hunt, plan.judged)
    if config.way == "reward":
        began = time.process_time()
        rl = RLConfig(base=student_base(config), tasks=(hunt,), steps=config.rl_steps)
        model = learn(base.model, rl, seed, progress, checkpoint).model
    else:
        if config.way == "traces":
            teacher = stage(StageConfig("first RL", plan), seed, progress=Silent()).model
            traces = accepted_traces(teacher, hunt, plan.asked, plan.samples, seed)
        else:
            traces = corpus_traces(hunt, config.traces.steps * config.traces.batch_size, seed)
        began = time.process_time()  # writing the traces is the teacher's work, and counted apart
        model, _ = fine_tune(base.model, traces, config.traces, seed, progress)
    seconds = time.process_time() - began
    return Student(model, base.skill, before, mark(model, hunt, plan.judged), seconds)
