"""Read a book of numbers by heart with experts alone, or with fewer experts and a table of n-grams.

The table has a rate of its own and no decay, as in the paper. Both forms can be given the same number of
parameters: `rows_for` says how many rows those of the missing experts pay for.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.arguments import takes, whole
from lessons_lib.config import ModelConfig
from lessons_lib.config.engram import MemoryConfig
from lessons_lib.corpus.telephone_book import NAME
from lessons_lib.model import Transformer
from lessons_lib.model.engram import Engram, WithMemory
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.disturbance import disturb
from lessons_lib.runs.randomness import seed_for
from lessons_lib.training.cost import count_parameters
from lessons_lib.training.telephone_book import book_of, lines_of_step, read_lines

TABLES, WIDTH = 4, 8  # of an Engram as it is made here


@dataclass(frozen=True)
class Memorised:
    """What was known after each tenth of the steps: {step: share of the book's numbers told whole}."""

    known: dict[int, float]
    parameters: int
    seconds: float  # on the machine where it was trained


@run_store.takes_steps(lambda config: config.book.steps)
def memorise(config: MemoryConfig, seed: int = 0, *, progress: Any = None) -> Memorised:
    """Return what `config` and `seed` give: loaded from the run store, or learned and stored."""
    return run_store.remember(memorise, config, seed, _memorise, progress=progress)


def rows_for(whole_model: ModelConfig, experts: int) -> int:
    """Return how many rows the experts beyond `experts` pay for, so that the parameters stay about equal."""
    whole(1, whole_model.n_routed_experts, experts=experts)
    fewer = replace(whole_model, n_routed_experts=experts)
    free = count_parameters(whole_model).total - count_parameters(fewer).total
    return max(0, free - 2 * whole_model.dim * TABLES * WIDTH) // WIDTH  # less the two matrices beside it


@takes(book="whole entries symbols")
@torch.no_grad()
def told(model: nn.Module, book: Tensor) -> float:
    """Return the share of lines whose whole number is the likeliest, digit by digit, after the true ones."""
    guessed = model(book[:, :-1])[:, NAME - 1 :].argmax(-1)
    return (guessed == book[:, NAME:]).all(dim=1).float().mean().item()


class _Shares(torch.optim.AdamW):
    """AdamW whose groups take their `share` of the rate that is set before a step."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["lr"] *= group["share"]
        return super().step(closure)


def _reader(config: MemoryConfig, seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "weights"))
        model = WithMemory(config.book.model, config.rows) if config.rows else Transformer(config.book.model)
        disturb(model, seed)
    table = [m.table for m in model.modules() if isinstance(m, Engram)]
    rest = [p for p in model.parameters() if all(p is not t for t in table)]
    optimizer, decay = config.book.optimizer, config.book.optimizer.weight_decay
    groups = [{"params": rest, "weight_decay": decay, "share": 1.0}]
    if table:
        groups.append({"params": table, "weight_decay": 0.0, "share": config.table_rate})
    return model, _Shares(groups, lr=optimizer.learning_rate, betas=optimizer.betas, fused=True)


def _memorise(config: MemoryConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Memorised:
    book = book_of(config.book, seed)
    known: dict[int, float] = {}
    model, optimizer = _reader(config, seed)
    steps = checkpoint.steps(
        config.book.steps,
        config.book.checkpoint_every,
        progress,
        model=model,
        optimizer=optimizer,
        known=known,
    )
    marks = {config.book.steps * tenth // 10 for tenth in range(1, 11)}
    for step in steps:
        read_lines(model, optimizer, book[lines_of_step(config.book, seed, step)], step, config.book)
        if step + 1 in marks:
            known[step + 1] = told(model, book)
    return Memorised(known, sum(p.numel() for p in model.parameters()), steps.seconds)
