"""One training step of a configuration, again and again: what a stopwatch measures, without its data."""

from collections.abc import Callable
from dataclasses import replace

import torch

from lessons_lib.config import TrainConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.signatures import checked
from lessons_lib.training.balancing import empty_load
from lessons_lib.training.loop import first_model, update
from lessons_lib.training.optimizer import make_optimizer
from lessons_lib.training.windows import training_batches


@checked()
def stepper(config: TrainConfig, seed: int = 0) -> Callable[[], float]:
    """Return a function that takes a whole training step of `config` and returns the loss before it.

    The first call is the first step of `train(config, seed)`, bit for bit. The following ones go on with
    the same windows, so that no time is spent on drawing text. Nothing is kept in the run store.
    """
    tokens = training_batches(build_corpus(config.corpus), config, seed)(0)
    load = empty_load(replace(config, steps=1))
    with torch.random.fork_rng(devices=[]):  # the program's own random numbers stay as they were
        model = first_model(config, seed)
    optimizer = make_optimizer(model, config)

    def step() -> float:
        return update(model, optimizer, tokens, 0, config, None if load is None else load[0])

    step.model = model  # type: ignore[attr-defined]
    return step
