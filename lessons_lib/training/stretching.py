"""What a trained model makes of texts longer than its own, at once and after a little more training.

Two ideas:
  stretch  the weights stay, the angles change: as they are, all slowed down (position interpolation,
           arXiv:2306.15595), or by YaRN's ramp (arXiv:2309.00071);
  go on    the stretched model is trained a few steps on long texts; both are measured on the same texts,
           stretch by stretch, so that what it costs near the beginning is seen beside what it brings.
"""

import itertools
from dataclasses import dataclass, replace
from typing import Any

from lessons_lib.config import ModelConfig, TrainConfig
from lessons_lib.config.stretch import StretchConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer, rope_table
from lessons_lib.model.rope import rope_frequencies
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.training.evaluate import token_losses
from lessons_lib.training.loop import train, update
from lessons_lib.training.optimizer import make_optimizer
from lessons_lib.training.windows import Windows, held_out_windows, training_batches

OTHER_WINDOWS = 1000  # added to the seed: which windows the further training sees


@dataclass(frozen=True)
class ReadFurther:
    """Gaps in nats per token, one for each stretch as long as the base's texts."""

    at_once: tuple[float, ...]
    trained_on: tuple[float, ...]  # after the further steps


@run_store.takes_steps(lambda config: config.steps + 1)
def read_further(config: StretchConfig, seed: int = 0, *, progress: Any = None) -> ReadFurther:
    """Return how the stretched model of `config.base` and `seed` reads: loaded, or made and stored."""
    return run_store.remember(read_further, config, seed, _read, progress=progress)


def stretched(model: Transformer, config: StretchConfig) -> Transformer:
    """Return a model with the weights of `model` that reads texts `config.factor` times as long."""
    shape = replace(model.config, max_seq_len=config.factor * config.base.length)
    if config.way == "YaRN":
        shape = replace(
            shape,
            rope_factor=float(config.factor),
            original_seq_len=config.base.length,
            beta_fast=config.beta_fast,
            beta_slow=config.beta_slow,
            mscale=config.mscale,
        )
    longer = Transformer(shape)
    longer.load_state_dict(model.state_dict())
    if config.way == "all slowed":
        slower = rope_frequencies(shape.rope_width, shape.rope_theta) / config.factor
        longer.rope = rope_table(shape.max_seq_len, shape.rope_width, shape.rope_theta, slower)
    return longer


def gaps_by_stretch(model: Transformer, windows: Windows, length: int) -> tuple[float, ...]:
    """Return the mean gap on each stretch of `length` positions of `windows`, whose process is known."""
    if windows.log_probs is None:
        raise ValueError("a gap needs windows whose process is known; these have log_probs=None")
    gap = token_losses(model, windows.tokens) + windows.log_probs  # (size, position)
    edges = range(0, gap.shape[1] + 1, length)
    return tuple(gap[:, a:b].mean().item() for a, b in itertools.pairwise(edges))


def _read(config: StretchConfig, seed: int, progress: Any, _: Checkpoint) -> ReadFurther:
    corpus, short = build_corpus(config.base.corpus), config.base.length
    windows = held_out_windows(corpus, config.texts, config.factor * short)
    base: Any = train(config.base, seed, progress=Silent()).model
    model = stretched(base, config)
    at_once = gaps_by_stretch(model, windows, short)
    progress.update(1)
    if config.steps:
        plan = further(config, model.config)
        batch, optimizer = training_batches(corpus, plan, OTHER_WINDOWS + seed), make_optimizer(model, plan)
        for step in range(config.steps):
            update(model, optimizer, batch(step), step, plan, None)
            progress.update(1)
    return ReadFurther(at_once, gaps_by_stretch(model, windows, short))


def further(config: StretchConfig, shape: ModelConfig) -> TrainConfig:
    """Return the plan of the further training of a model of that shape: the base's, on long texts."""
    return replace(
        config.base,
        model=shape,
        steps=config.steps,
        batch_size=config.batch_size,
        length=config.factor * config.base.length,
        optimizer=config.optimizer,
    )
