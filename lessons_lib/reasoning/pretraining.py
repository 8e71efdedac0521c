"""Make a base: a small model that has read worked traces, before any reward.

Two choices:
  no loss on the prompt   it is random, and there is nothing in it to learn;
  a constant divisor      a step's loss is the sum over its tokens, divided by the batch size times the mean
             length of a line. Batches are sorted by length to save padding; a mean per batch would make
             each token of a long thought weigh less than one of a short guess, and the base would think
             less than its corpus.

A run is its configuration and its seed, kept in the run store and resumable, as in `training/loop.py`.
"""

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.config import BaseConfig
from lessons_lib.model import Transformer
from lessons_lib.reasoning.hunts import NAMES, PAD, Hunts, encode
from lessons_lib.reasoning.skill import Skill, measure_skill
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.disturbance import disturb
from lessons_lib.runs.randomness import seed_for
from lessons_lib.signatures import checked
from lessons_lib.training.optimizer import descend, make_optimizer

BLOCK = 8  # batches drawn together and sorted by length
IGNORED = -100  # the target of a token that is not learned


@dataclass(frozen=True, eq=False)
class Base:
    """A base with what was seen on the way; `history` has `step`, `loss`, `check_step` and `skill`.

    `skill` holds, for every check, a Skill of each kind of hunt.
    """

    model: Transformer = field(repr=False)
    config: BaseConfig = field(repr=False)
    seed: int
    history: dict[str, list] = field(repr=False)
    seconds: float = field(repr=False)  # of processor time, on the machine where it was trained

    @property
    def skill(self) -> Skill:
        """The weakest hunt's reading at the end."""
        return min(self.history["skill"][-1], key=lambda skill: skill.weakest)

    @property
    def ready(self) -> bool:
        """Is every lookup reliable enough to start learning by reward?"""
        return self.skill.ready


@run_store.takes_steps(lambda config: config.steps)
@checked()
def pretrain(config: BaseConfig, seed: int = 0, *, progress: Any = None) -> Base:
    """Return the base of `config` and `seed`: loaded from the run store, or trained and stored."""
    return run_store.remember(pretrain, config, seed, _fit, progress=progress)


@checked(examples="1..")
def batch_of(examples: list[tuple[list[str], list[str]]]) -> tuple[Tensor, Tensor]:
    """Return (tokens, targets), both (batch, length), of (prompt, what follows) pairs.

    Targets are the next tokens, IGNORED where the next one is the prompt's or padding.
    """
    rows = [(len(prompt), encode([*prompt, *follows])) for prompt, follows in examples]
    length = max(len(row) for _, row in rows)
    tokens = torch.tensor([row + [PAD] * (length - len(row)) for _, row in rows])
    place = torch.arange(1, length)
    starts = torch.tensor([[start] for start, _ in rows])
    learned = (place >= starts) & (tokens[:, 1:] != PAD)
    return tokens[:, :-1], tokens[:, 1:].masked_fill(~learned, IGNORED)


@checked(tokens="whole batch length", targets="whole batch length", divisor="0<..")
def traces_loss(model: nn.Module, tokens: Tensor, targets: Tensor, divisor: float) -> Tensor:
    """Return the sum of -log p of the targets, divided by a constant."""
    logits = model(tokens)  # (batch, length, vocabulary)
    total = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")
    return total / divisor


@checked()
def trace_batches(config: BaseConfig, seed: int) -> tuple[Callable[[int], tuple[Tensor, Tensor]], float]:
    """Return a function from a step's number to its (tokens, targets), and the mean length of a line."""
    corpora = [Hunts(hunt) for hunt in config.hunts]

    def draw(count: int, rng: random.Random) -> list:
        return [corpora[i % len(corpora)].example(rng) for i in range(count)]

    lines = draw(1024, random.Random(f"mean length {seed}"))
    mean_length = sum(len(follows) for _, follows in lines) / len(lines)

    @functools.lru_cache(maxsize=1)
    def block(number: int) -> list:
        rng = random.Random(f"traces {seed} {number}")
        lines = draw(BLOCK * config.batch_size, rng)
        lines.sort(key=lambda line: len(line[0]) + len(line[1]))
        size = config.batch_size
        batches = [lines[i : i + size] for i in range(0, len(lines), size)]
        rng.shuffle(batches)
        return batches

    return lambda step: batch_of(block(step // BLOCK)[step % BLOCK]), mean_length


def _fit(config: BaseConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Base:
    if config.model.vocab_size < len(NAMES):
        raise ValueError(f"the hunts have {len(NAMES)} words, the model only {config.model.vocab_size}")
    batch, mean_length = trace_batches(config, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "weights"))
        model = Transformer(config.model)
        disturb(model, seed)
        optimizer = make_optimizer(model, config)
        history: dict[str, list] = {name: [] for name in ("step", "loss", "check_step", "skill")}
        steps = checkpoint.steps(
            config.steps,
            config.checkpoint_every,
            progress,
            model=model,
            optimizer=optimizer,
            history=history,
        )
        for step in steps:
            tokens, targets = batch(step)
            loss = traces_loss(model, tokens, targets, config.batch_size * mean_length)
            history["step"].append(step + 1)
            history["loss"].append(descend(model, optimizer, loss, step, config))
            if (step + 1) % config.check_every == 0 or step + 1 == config.steps:
                history["check_step"].append(step + 1)
                history["skill"].append([measure_skill(model, hunt) for hunt in config.hunts])
    return Base(model.eval(), config, seed, history, steps.seconds)
