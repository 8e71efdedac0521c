"""Watch a model while it learns by reward: the same held-out problems, answered again every few steps.

A watched run takes the very steps of `learn_to_reason`; looking draws its luck from elsewhere and changes
nothing. As a control, `reward="luck"` deals each step's rewards out again at random among its answers: as
many are paid as before, and being right earns no more than being wrong.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from lessons_lib.config import RLConfig
from lessons_lib.config.validation import require_types, require_whole
from lessons_lib.model import Transformer
from lessons_lib.reasoning.evaluation import examine
from lessons_lib.reasoning.hunts import Hunts, Problem
from lessons_lib.reasoning.loop import learn
from lessons_lib.reasoning.pretraining import pretrain
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.signatures import checked


@dataclass(frozen=True)
class WatchConfig:
    """`rl`, and what is looked at: `samples` answers to each of `problems`, before and every few steps."""

    rl: RLConfig
    every: int = 5  # steps
    problems: int = 64
    samples: int = 4
    reward: Literal["rule", "luck"] = "rule"

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "every", "problems", "samples")
        if self.rl.beta or self.rl.updates != 1:
            raise ValueError(f"watched is one update without KL, not {self.rl.updates}, beta={self.rl.beta}")


@dataclass(frozen=True)
class Look:
    """What was answered after `step` steps, as text, the samples of a problem one after the other."""

    step: int
    accuracy: float
    length: float  # mean tokens of an answer
    answers: list[str] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Watched:
    """A model that learned from rewards, with what it said on the way; `history` is as in `Reasoner`."""

    model: Transformer = field(repr=False)
    config: WatchConfig = field(repr=False)
    seed: int
    history: dict[str, list] = field(repr=False)
    looks: list[Look] = field(repr=False)

    @property
    def problems(self) -> list[Problem]:
        """The held-out problems that were asked, the same for every seed."""
        return Hunts(self.config.rl.hunts[0]).problems(self.config.problems, 0)


@run_store.takes_steps(lambda config: config.rl.steps)
@checked()
def watch_learning(config: WatchConfig, seed: int = 0, *, progress: Any = None) -> Watched:
    """Return the watched run of `config` and `seed`: loaded from the run store, or made and stored."""
    return run_store.remember(watch_learning, config, seed, _watch, progress=progress)


def _watch(config: WatchConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Watched:
    def look(model: Transformer, history: dict[str, list], made: int) -> None:
        if made % config.every == 0:
            history.setdefault("looks", []).append(_look(model, config, made))

    base = pretrain(config.rl.base, seed, progress=Silent())
    deal = at_random if config.reward == "luck" else None
    found = learn(base.model, config.rl, seed, progress, checkpoint, look=look, deal=deal)
    return Watched(found.model, config, seed, found.history, found.history.pop("looks"))


def _look(model: Transformer, config: WatchConfig, step: int) -> Look:
    asked = config.problems, config.samples
    found = examine(model, config.rl.hunts[0], *asked, max_new=config.rl.max_new)
    return Look(step, found.accuracy, found.length, found.answers)


def at_random(rewards: Tensor, luck: torch.Generator) -> Tensor:
    """Deal the rewards out again: the same ones, to anybody."""
    return rewards[torch.randperm(len(rewards), generator=luck)]
