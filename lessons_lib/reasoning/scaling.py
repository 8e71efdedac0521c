"""What a model answers to held-out problems, many times each and under several budgets: for `run_seeds`.

A job takes its model from the run store, or trains it: a base, or the watched run that learned from it. All
budgets of a job meet the same problems, and so do base and learned model: differences are paired.
Letters: P problems, S samples of each.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from lessons_lib.config import RLConfig
from lessons_lib.config.reasoning import require_room
from lessons_lib.config.validation import require_some, require_whole
from lessons_lib.model import Transformer
from lessons_lib.reasoning.behaviour import WORDS, thought_of
from lessons_lib.reasoning.budgets import Budget
from lessons_lib.reasoning.evaluation import rollouts
from lessons_lib.reasoning.hunts import STAR, Hunts, Problem, decode
from lessons_lib.reasoning.pretraining import pretrain
from lessons_lib.reasoning.tasks import is_door, parse
from lessons_lib.reasoning.test_time import NO_ANSWER
from lessons_lib.reasoning.watching import WatchConfig, watch_learning
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.runs.randomness import make_generator
from lessons_lib.signatures import checked

ROWS = 1024  # texts written side by side
ENDS_IN_STAR = [[word] for word in WORDS[STAR]]


@dataclass(frozen=True)
class SamplesConfig:
    """`samples` answers to each of `problems` under each of `budgets`; the model is `rl`'s or its base."""

    rl: RLConfig
    trained: bool  # the model after learning by reward, not its base
    budgets: tuple[Budget, ...] = (Budget(),)
    problems: int = 100
    samples: int = 16
    max_new: int = 60
    task: int = 0  # which of `rl.hunts` is asked

    def __post_init__(self) -> None:
        require_some(self, "budgets")
        require_whole(self, "problems", "samples", "max_new")
        require_whole(self, "task", least=0)
        require_room(self.rl, self.max_new)
        if self.task >= len(self.rl.hunts):
            raise ValueError(f"task must be below the {len(self.rl.hunts)} hunts of rl, got {self.task}")


@dataclass(frozen=True, eq=False)
class Samples:
    """What was answered under one budget: doors' numbers or `NO_ANSWER`; tokens written, <eos> included."""

    right: Tensor = field(repr=False)  # (P,) the number of the right door
    answers: Tensor = field(repr=False)  # (P, S)
    lengths: Tensor = field(repr=False)  # (P, S)
    starred: Tensor = field(repr=False)  # (P, S) bool: does the thought end in a star, as it says itself?

    @property
    def correct(self) -> Tensor:
        """Which samples are right, (P, S) bool."""
        return self.answers == self.right[:, None]

    @property
    def tokens(self) -> float:
        """The mean number of tokens of an answer."""
        return self.lengths.double().mean().item()


@run_store.takes_steps(lambda config: len(config.budgets))
@checked()
def draw_samples(config: SamplesConfig, seed: int = 0, *, progress: Any = None) -> list[Samples]:
    """Return the Samples under each budget: loaded from the run store, or made and stored."""
    return run_store.remember(draw_samples, config, seed, _draw, progress=progress)


@checked()
def held_out_problems(config: SamplesConfig, seed: int) -> list[Problem]:
    """Return the problems that `draw_samples` asks, the same for the base and the trained model."""
    return Hunts(config.rl.hunts[config.task]).problems(config.problems, seed)


def _draw(config: SamplesConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> list[Samples]:
    if config.trained:
        model = watch_learning(WatchConfig(config.rl), seed, progress=Silent()).model
    else:
        model = pretrain(config.rl.base, seed, progress=Silent()).model
    problems = held_out_problems(config, seed)
    made = []
    for number, budget in enumerate(config.budgets):
        generator = make_generator(seed, f"budget {number}", held_out=True)
        made.append(answer(model, problems, budget, config.samples, config.max_new, generator))
        progress.update(1)
    return made


@checked(problems="1..", samples="1..", max_new="1..")
def answer(
    model: Transformer,
    problems: list[Problem],
    budget: Budget,
    samples: int,
    max_new: int,
    generator: torch.Generator,
) -> Samples:
    """Let `model` answer each problem `samples` times under one budget."""
    answers, lengths, starred = [], [], []
    settings = dict(max_new=max_new, generator=generator, edit=budget.edit)
    for some, rollout in rollouts(model, problems, samples, max(1, ROWS // samples), **settings):
        texts = [decode(row) for row in rollout.rows()]
        answers += [read_answer(some[i // samples], text) for i, text in enumerate(texts)]
        lengths += rollout.lengths.tolist()
        starred += [thought_of(text)[-1:] in ENDS_IN_STAR for text in texts]
    right = torch.tensor([int(problem.answer[1:]) for problem in problems])
    shape = len(problems), samples
    return Samples(right, *(torch.tensor(of).view(shape) for of in (answers, lengths, starred)))


@checked()
def read_answer(problem: Problem, words: list[str]) -> int:
    """Return the number of the door that a response names; `NO_ANSWER` where its form is wrong."""
    parsed = parse(words)
    if parsed is None or not is_door(problem, parsed.answer):
        return NO_ANSWER
    return int(parsed.answer[0][1:])
