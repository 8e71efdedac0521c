"""Train a reader of ledgers: a small model that looks up what is noted far back, with latent attention.

Looking up is learned by a lottery: a start may stay on a plateau for ever. So the first ledgers are tiny and
their alphabet grows, and a start that is stuck is thrown away; how many were is kept with the run. Only
answers are learned from, the rest of a ledger is drawn by lot.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.config.ledger import LedgerConfig, ReaderConfig
from lessons_lib.corpus.ledger import asked_at, draw_ledgers
from lessons_lib.model import Transformer
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.disturbance import disturb
from lessons_lib.runs.progress import Silent
from lessons_lib.runs.randomness import make_generator, seed_for
from lessons_lib.training.optimizer import descend, make_optimizer


@dataclass(frozen=True)
class Start:
    """A model that has learned to look up in small ledgers."""

    model: Transformer = field(repr=False)
    thrown_away: int  # starts before it that were stuck
    steps: tuple[int, ...]  # that each size took it


@dataclass(frozen=True, eq=False)
class Reader:
    """A model that reads long ledgers."""

    model: Transformer = field(repr=False)  # in eval mode
    config: ReaderConfig = field(repr=False)
    seed: int
    thrown_away: int
    seconds: float = field(repr=False)  # of the long ledgers


@run_store.takes_steps(lambda config: len(config.growth))
def grow_reader(config: ReaderConfig, seed: int = 0, *, progress: Any = None) -> Start:
    """Return a model that looks up in the small ledgers of `config`: loaded, or grown and stored."""
    return run_store.remember(grow_reader, config, seed, _grow, progress=progress)


@run_store.takes_steps(lambda config: config.steps)
def learn_ledgers(config: ReaderConfig, seed: int = 0, *, progress: Any = None) -> Reader:
    """Return a reader of long ledgers: loaded from the run store, or trained and stored."""
    return run_store.remember(learn_ledgers, config, seed, _learn, progress=progress)


def answers(model: nn.Module, tokens: Tensor, config: LedgerConfig) -> tuple[Tensor, Tensor]:
    """Return logits (n, boxes, vocabulary) and right answers (n, boxes) of whole ledgers (n, length)."""
    where = asked_at(config)
    return model(tokens[:, :-1])[:, where], tokens[:, where + 1]


@torch.no_grad()
def accuracy(model: nn.Module, tokens: Tensor, config: LedgerConfig, batch: int = 16) -> float:
    """Return the share of right answers in `tokens` (n, length), read `batch` at a time."""
    right = []
    for some in tokens.split(batch):
        logits, values = answers(model, some, config)
        right.append((logits.argmax(dim=-1) == values).float())
    return torch.cat(right).mean().item()


def _step(model: nn.Module, optimizer, tokens: Tensor, ledger: LedgerConfig, step: int, plan: Any) -> float:
    """Take a step on the answers of `tokens`; return the share that was right before it."""
    logits, values = answers(model, tokens, ledger)
    descend(model, optimizer, F.cross_entropy(logits.flatten(0, 1), values.flatten()), step, plan)
    return (logits.argmax(dim=-1) == values).float().mean().item()


def _grow(config: ReaderConfig, seed: int, progress: Any, _: Checkpoint) -> Start:
    generator = make_generator(seed, "small ledgers")
    for start in range(config.starts):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(seed, f"reader {start}"))
            model = Transformer(config.model)
            with torch.no_grad():
                model.embed.weight += config.common * torch.randn(config.model.dim)
        disturb(model, seed)
        steps = _through_all_sizes(config, model, generator)
        if steps is not None:
            progress.update(len(config.growth))
            return Start(model, start, steps)
    raise RuntimeError(f"none of {config.starts} starts learned to look up with seed {seed}")


def _through_all_sizes(config: ReaderConfig, model: nn.Module, generator) -> tuple[int, ...] | None:
    """Return the steps that each size took, or None where one took too many."""
    plan = replace(config, optimizer=config.growth_optimizer)
    optimizer = make_optimizer(model, plan)
    taken: list[int] = []
    for size in config.growth:
        right: list[float] = []
        while len(right) < config.passed_over or _mean(right[-config.passed_over :]) < config.passed_at:
            if len(right) == config.patience:
                return None
            tokens = draw_ledgers(config.growth_batch, size, generator)
            right.append(_step(model, optimizer, tokens, size, sum(taken) + len(right), plan))
        taken.append(len(right))
    return tuple(taken)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _learn(config: ReaderConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Reader:
    start = grow_reader(config, seed, progress=Silent())
    model = start.model.train()
    optimizer = make_optimizer(model, config)
    steps = checkpoint.steps(
        config.steps,
        config.checkpoint_every,
        progress,
        clock=time.process_time,
        model=model,
        optimizer=optimizer,
    )
    for step in steps:
        tokens = draw_ledgers(config.batch_size, config.ledger, make_generator(seed, f"long ledgers {step}"))
        _step(model, optimizer, tokens, config.ledger, step, config)
    return Reader(model.eval(), config, seed, start.thrown_away, steps.seconds)
