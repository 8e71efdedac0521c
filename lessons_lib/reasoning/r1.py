"""R1's stages in miniature, one after the other.

    base ---------------------- RL -----> R1-Zero
    base -> cold start -> first RL -.
    base <----- traces accepted ----'
      '-> rejection sampling (the base, tuned on them) -> last RL, on all tasks

As in DeepSeek-R1 (arXiv:2501.12948v1, section 2.3), rejection sampling gives traces, and it is the
*base* that is tuned on them, not the model that wrote them. Every stage is a run of its own in the run
store, and rests on the runs before it; asking for the last one makes or loads them all.
"""

from dataclasses import dataclass, field
from typing import Any

from lessons_lib.config import HuntConfig, StageConfig
from lessons_lib.config.r1 import StageName
from lessons_lib.model import Transformer
from lessons_lib.reasoning.distillation import (
    Trace,
    accepted_traces,
    curated_traces,
    fine_tune,
    is_readable,
)
from lessons_lib.reasoning.evaluation import examine
from lessons_lib.reasoning.loop import learn
from lessons_lib.reasoning.mixing import mixing_of
from lessons_lib.reasoning.pretraining import pretrain
from lessons_lib.reasoning.strategies import shares_of_kinds
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.signatures import checked

BEFORE: dict[StageName, StageName] = {
    "first RL": "cold start",
    "rejection sampling": "first RL",
    "last RL": "rejection sampling",
}


@dataclass(frozen=True)
class Marks:
    """How a model does on held-out problems of one task."""

    accuracy: float  # pass@1
    format: float
    length: float  # tokens of an answer
    readable: float  # share of answers in the right form, with a thought that is all English
    switches: float  # share of neighbouring language words that are of two languages
    english: float  # share of English words, mean of the thoughts that have words of a language
    ordered: float  # share of answers that try two doors or more, and these in order


@dataclass(frozen=True, eq=False)
class Stage:
    """A model after one stage; `marks` has an entry for each of the recipe's tasks."""

    model: Transformer = field(repr=False)
    name: str
    marks: tuple[Marks, ...]
    history: dict[str, list] = field(repr=False)  # of the RL, or {"loss": ...} of the tuning
    traces: int  # tuned on, 0 for a stage of RL


@checked(problems="1..", max_new="1..")
def mark(model: Transformer, hunt: HuntConfig, problems: int, *, max_new: int = 60) -> Marks:
    """Judge 4 answers to each of `problems` held-out problems."""
    found = examine(model, hunt, problems, 4, max_new=max_new)
    traces = [Trace(found.problems[i // 4], tuple(said.split())) for i, said in enumerate(found.answers)]
    readable = sum(map(is_readable, traces)) / len(traces)
    mixing, kinds = mixing_of(found.answers), shares_of_kinds(found.answers, hunt.doors)
    counted = readable, mixing.switches, mixing.english, kinds["in order"]
    return Marks(found.accuracy, found.format, found.length, *counted)


@run_store.takes_steps(lambda config: _all_steps(config))
@checked()
def stage(config: StageConfig, seed: int = 0, *, progress: Any = None) -> Stage:
    """Return the stage of a recipe: loaded from the run store, or made with all that it rests on."""
    return run_store.remember(stage, config, seed, _stage, progress=progress)


def _own_steps(config: StageConfig) -> int:
    plan = config.plan
    tuned = {"cold start": plan.cold_start.steps, "rejection sampling": plan.tuning.steps}
    return tuned.get(config.name) or plan.rl(config.name).steps


def _all_steps(config: StageConfig) -> int:
    """Return the steps of a stage and of those that it rests on, the base's included."""
    before = BEFORE.get(config.name)
    rest = run_store.total_steps(pretrain, config.plan.base)
    return _own_steps(config) + (_all_steps(StageConfig(before, config.plan)) if before else rest)


def _stage(config: StageConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Stage:
    plan, name = config.plan, config.name
    if name in BEFORE:
        start = stage(StageConfig(BEFORE[name], plan), seed, progress=progress).model
    else:
        start = pretrain(plan.base, seed, progress=progress).model
    if name in ("R1-Zero", "first RL", "last RL"):
        reasoner = learn(start, plan.rl(name), seed, progress, checkpoint)
        model, history, traces = reasoner.model, reasoner.history, []
    else:
        traces = traces_of(config, seed, start)
        tuning = plan.cold_start if name == "cold start" else plan.tuning
        base = pretrain(plan.base, seed, progress=Silent()).model  # the base, also after the first RL
        tuned = fine_tune(base, traces, tuning, seed, progress, checkpoint)
        model, history = tuned.model, {"loss": tuned.losses}
    marks = tuple(mark(model, hunt, plan.judged) for hunt in plan.tasks)
    return Stage(model, name, marks, history, len(traces))


@checked()
def traces_of(config: StageConfig, seed: int, writer: Transformer) -> list[Trace]:
    """Return what a stage of fine-tuning is tuned on; `writer` writes those of the rejection sampling."""
    plan = config.plan
    if config.name == "cold start":
        return curated_traces(plan.tasks[0], plan.curated, seed)
    found = [accepted_traces(writer, hunt, plan.asked, plan.samples, seed) for hunt in plan.tasks]
    return [trace for traces in found for trace in traces]
