"""A student: taught by a teacher's accepted traces, or left to learn by reward.

All students of a seed start from the same weights. Then one is
tuned on traces that a teacher, of a seed of its own, wrote and a verifier accepted, one does RL of its own,
and one, the control, goes on with the corpus for as many updates as the first: part of what traces teach
is reading, and that part the corpus teaches, too.

Source of the comparison: DeepSeek-R1 report, arXiv:2501.12948v1, section 4.1 and Table 6.
"""

import random
from dataclasses import dataclass, field
from typing import Any

from lessons_lib.config import BaseConfig, RLConfig, StageConfig, StudentConfig
from lessons_lib.model import Transformer
from lessons_lib.reasoning.distillation import Trace, Tuned, accepted_traces, fine_tune, written_traces
from lessons_lib.reasoning.loop import Reasoner, learn
from lessons_lib.reasoning.pretraining import pretrain
from lessons_lib.reasoning.r1 import Marks, mark, stage
from lessons_lib.reasoning.skill import Skill
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.signatures import checked


@dataclass(frozen=True, eq=False)
class Student:
    """A model after it went on learning, and what it could do before."""

    model: Transformer = field(repr=False)
    skill: Skill  # its reading before
    before: Marks
    after: Marks
    seconds: float = field(repr=False)  # of processor time, of the learning between the two


@run_store.takes_steps(lambda config: config.start.steps + _steps(config))
@checked()
def teach(config: StudentConfig, seed: int = 0, *, progress: Any = None) -> Student:
    """Return a student that learned in `config.way`: loaded from the run store, or taught and stored."""
    return run_store.remember(teach, config, seed, _teach, progress=progress)


@checked(count="0..")
def corpus_traces(base: BaseConfig, count: int, seed: int) -> list[Trace]:
    """Return fresh solutions as the corpus of `base` has them, `count` in all, guesses and wrong ones too."""
    rng, hunts = random.Random(f"more of the corpus {seed}"), base.hunts
    shares = [len(range(i, count, len(hunts))) for i in range(len(hunts))]  # as equal as can be
    return [trace for hunt, share in zip(hunts, shares) for trace in written_traces(hunt, share, rng)]


def _steps(config: StudentConfig) -> int:
    return config.rl_steps if config.way == "reward" else config.traces.steps


def _teach(config: StudentConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Student:
    plan, hunt = config.plan, config.plan.tasks[0]
    base = pretrain(config.start, seed, progress=progress)
    before = mark(base.model, hunt, plan.judged)
    if config.way == "reward":
        rl = RLConfig(base=config.start, tasks=(hunt,), steps=config.rl_steps)
        taught: Reasoner | Tuned = learn(base.model, rl, seed, progress, checkpoint)
    else:
        if config.way == "traces":
            teacher = stage(StageConfig("first RL", plan), config.teacher, progress=Silent()).model
            traces = accepted_traces(teacher, hunt, plan.asked, plan.samples, seed)
        else:
            count = config.traces.steps * config.traces.batch_size
            traces = corpus_traces(config.start, count, seed)
        # writing the traces is the teacher's work, and counted apart
        taught = fine_tune(base.model, traces, config.traces, seed, progress, checkpoint)
    after = mark(taught.model, hunt, plan.judged)
    return Student(taught.model, base.skill, before, after, taught.seconds)
