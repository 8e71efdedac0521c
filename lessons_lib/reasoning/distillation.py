"""Learn from written thoughts: curated ones, or those of a model that a verifier accepted.

Three ideas:
  curated   a few hundred good traces, written by rule: right, in one language, no door tried twice, each
            stopping at the star (R1's "cold start", thousands of edited thoughts);
  accepted  a model answers training problems many times; what is kept is right, in the right form, in one
            language, and no answer to a problem is kept twice (R1's rejection sampling);
  tuned     next-token prediction on the responses alone; the prompt is read, not learned.

Teaching a smaller model in this way is what DeepSeek calls distillation: fine-tuning on the teacher's
text, not on its probabilities. Problems that are held out never occur in any of it; `refuse_held_out`
stands before every use.

Source: DeepSeek-R1 report, arXiv:2501.12948v1, sections 2.3.1, 2.3.3 and 2.4.
"""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from lessons_lib.config import HuntConfig, TracesConfig
from lessons_lib.model import Transformer
from lessons_lib.reasoning.evaluation import rollouts
from lessons_lib.reasoning.hunts import Hunts, Problem, decode
from lessons_lib.reasoning.pretraining import batch_of, traces_loss
from lessons_lib.reasoning.tasks import verify
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.randomness import make_generator
from lessons_lib.signatures import checked
from lessons_lib.training.optimizer import descend, make_optimizer

AT_ONCE = 64  # problems answered together
KEPT_EVERY = 100  # steps of tuning after which its state is kept


@dataclass(frozen=True)
class Trace:
    """A problem and a response to it, as words, `<eos>` included."""

    problem: Problem
    response: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Tuned:
    """A model after tuning, the loss of each step, and the seconds of processor time that all took."""

    model: Transformer
    losses: list[float]
    seconds: float


@checked(count="0..")
def curated_traces(hunt: HuntConfig, count: int, seed: int) -> list[Trace]:
    """Return `count` good traces for training problems of `hunt`, which depend on `seed` alone."""
    good = replace(hunt, direct=0.0, go_on=1.0, systematic=1.0, ordered=0.0, german=0.0, mixed=0.0)
    good = replace(good, max_tries=hunt.doors)
    return written_traces(good, count, random.Random(f"curated {seed}"))


@checked(count="0..")
def written_traces(hunt: HuntConfig, count: int, rng: random.Random) -> list[Trace]:
    """Return `count` solutions of training problems, written as the corpus of `hunt` writes them."""
    hunts = Hunts(hunt)
    problems = [hunts.problem(rng) for _ in range(count)]
    return [Trace(problem, tuple(hunts.solution(problem, rng))) for problem in problems]


@checked(problems="1..", samples="1..", max_new="1..")
def accepted_traces(
    model: Transformer, hunt: HuntConfig, problems: int, samples: int, seed: int, *, max_new: int = 60
) -> list[Trace]:
    """Return what `model` answers to training problems and `accepts` lets pass, duplicates left out."""
    asked = Hunts(hunt).problems(problems, seed, held_out=False)
    generator = make_generator(seed, "rejection sampling")
    kept: dict[Trace, None] = {}  # a dictionary keeps the order, a set would not
    settings = dict(max_new=max_new, generator=generator)
    for some, rollout in rollouts(model, asked, samples, AT_ONCE, **settings):
        for i, row in enumerate(rollout.rows()):
            trace = Trace(some[i // samples], tuple(decode(row)))
            if accepts(trace):
                kept[trace] = None
    return list(kept)


@checked()
def accepts(trace: Trace, wanted: str = "english") -> bool:
    """Is the response right, and readable?"""
    verdict = verify(trace.problem, trace.response, wanted)
    return verdict.accuracy == 1 and is_readable(trace, wanted)


@checked()
def is_readable(trace: Trace, wanted: str = "english") -> bool:
    """Is the response in the right form, thought through, and all in the wanted language? Right or wrong."""
    verdict = verify(trace.problem, trace.response, wanted)
    return verdict.format == 1 and verdict.thinks and verdict.language == 1


@checked()
def refuse_held_out(traces: Sequence[Trace]) -> None:
    """Raise ValueError if a trace answers a problem that is held out for evaluation."""
    wrong = sum(trace.problem.is_held_out for trace in traces)
    if wrong:
        raise ValueError(f"{wrong} of {len(traces)} traces answer held-out problems: they are for evaluation")


@checked()
def fine_tune(
    start: Transformer,
    traces: Sequence[Trace],
    config: TracesConfig,
    seed: int,
    progress: Any,
    checkpoint: Checkpoint,
) -> Tuned:
    """Return a copy of `start` tuned on `traces`; `start` stays as it is.

    The loss is in nats per token of the responses; every token weighs the same, as in `pretrain`. One that
    was interrupted goes on from its `checkpoint`. Raises ValueError where there are no traces, or some of
    held-out problems; FloatingPointError as in `descend`.
    """
    if not traces:
        raise ValueError("there are no traces to tune on: no answer was accepted")
    refuse_held_out(traces)
    lines = [(trace.problem.prompt, list(trace.response)) for trace in traces]
    mean_length = sum(len(response) for _, response in lines) / len(lines)
    rng = random.Random(f"order of traces {seed}")
    model = copy.deepcopy(start).train()
    optimizer = make_optimizer(model, config)
    order = [[rng.randrange(len(lines)) for _ in range(config.batch_size)] for _ in range(config.steps)]
    history: dict[str, list[float]] = {"loss": []}
    with torch.random.fork_rng(devices=[]):  # a checkpoint puts back torch's random numbers, too
        steps = checkpoint.steps(
            config.steps, KEPT_EVERY, progress, model=model, optimizer=optimizer, history=history
        )
        for step in steps:
            batch = batch_of([lines[i] for i in order[step]])
            loss = traces_loss(model, *batch, config.batch_size * mean_length)
            history["loss"].append(descend(model, optimizer, loss, step, config))
    return Tuned(model.eval(), history["loss"], steps.seconds)
