"""Learn a telephone book by heart: how much can a model of a given shape know after so much reading?

A step reads `batch_size` lines; the book is read from end to end again and again, each time in another order.
Only digits are learned from: a name can't be foreseen. Two ideas:
  bits  a number is drawn at random, so what is saved of ln 10 nats for each digit is knowledge, not insight;
  asked `numbers_told` gives the model a name and takes the number that it writes, digit by digit.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import takes
from lessons_lib.config.book import BookConfig
from lessons_lib.corpus.telephone_book import NAME, bits_of, telephone_book
from lessons_lib.model import Transformer, auxiliary_loss, watch_routing
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.disturbance import disturb
from lessons_lib.runs.randomness import make_generator, seed_for
from lessons_lib.training.optimizer import descend, make_optimizer


@dataclass(frozen=True, eq=False)
class Learned:
    """A model that has read its book."""

    model: nn.Module = field(repr=False)  # in eval mode
    config: BookConfig = field(repr=False)
    seed: int
    bits: float  # of the book's, known in the end
    known: Tensor = field(repr=False)  # (entries,) bool: the whole number is told
    seconds: float = field(repr=False)


@run_store.takes_steps(lambda config: config.steps)
def learn_book(config: BookConfig, seed: int = 0, *, progress: Any = None) -> Learned:
    """Return what `config` and `seed` give: loaded from the run store, or learned and stored."""
    return run_store.remember(learn_book, config, seed, _learn, progress=progress)


def book_of(config: BookConfig, seed: int) -> Tensor:
    """Return the book of a run, (entries, 6): another one for every seed."""
    return telephone_book(config.entries, make_generator(seed, "telephone book"))


def lines_of_step(config: BookConfig, seed: int, step: int) -> Tensor:
    """Return which lines step number `step` reads, (batch_size,): the book is read whole, then again."""
    places = torch.arange(step * config.batch_size, (step + 1) * config.batch_size)
    reading, line = places // config.entries, places % config.entries
    orders = [
        torch.randperm(config.entries, generator=make_generator(seed, f"reading {number}"))[
            line[reading == number]
        ]
        for number in reading.unique().tolist()
    ]
    return torch.cat(orders)


@takes(lines="whole lines symbols")
def read_lines(model: nn.Module, optimizer, lines: Tensor, step: int, config: BookConfig) -> None:
    """Take step number `step` on `lines` (batch, 6)."""
    with watch_routing(model) as seen:
        logits = model(lines[:, :-1])
    loss = nats_per_digit(logits, lines)
    if config.aux_alpha:
        balance = [auxiliary_loss(r.affinities, r.ids, config.aux_alpha) for (r,) in seen.values()]
        loss = loss + torch.stack(balance).mean()
    descend(model, optimizer, loss, step, config)


@takes(logits="float lines places symbols", lines="whole lines _")
def nats_per_digit(logits: Tensor, lines: Tensor) -> Tensor:
    """Return the mean loss of the digits alone, a scalar; logits (batch, 5, symbols), lines (batch, 6)."""
    return F.cross_entropy(logits[:, NAME - 1 :].flatten(0, 1), lines[:, NAME:].flatten())


@takes(book="whole entries symbols")
def numbers_told(model: Transformer, book: Tensor) -> Tensor:
    """Return the numbers that `model` writes behind the book's names, (entries, 3) tokens."""
    return model.generate(book[:, :NAME], NAME)[:, NAME:]


@takes(book="whole entries symbols")
def knows(model: Transformer, book: Tensor) -> Tensor:
    """Return whether `model` tells the whole number, (entries,) bool."""
    return (numbers_told(model, book) == book[:, NAME:]).all(dim=1)


def first_reader(config: BookConfig, seed: int) -> Transformer:
    """Return the model that a run starts from; torch's own random numbers move."""
    torch.manual_seed(seed_for(seed, "weights"))
    model = Transformer(config.model)
    disturb(model, seed)
    return model


def _learn(config: BookConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Learned:
    book = book_of(config, seed)
    with torch.random.fork_rng(devices=[]):
        model = first_reader(config, seed)
        optimizer = make_optimizer(model, config)
        steps = checkpoint.steps(
            config.steps,
            config.checkpoint_every,
            progress,
            clock=time.perf_counter,
            model=model,
            optimizer=optimizer,
        )
        for step in steps:
            read_lines(model, optimizer, book[lines_of_step(config, seed, step)], step, config)
    with torch.no_grad():
        bits = bits_of(nats_per_digit(model.eval()(book[:, :-1]), book).item(), config.entries)
        known = knows(model, book)
    return Learned(model, config, seed, bits, known, steps.seconds)
