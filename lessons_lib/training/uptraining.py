"""What a smaller cache costs a trained model, at once and after some more training.

Two ideas:
  convert  the run of `base` and the seed is loaded (or trained), its keys and values are averaged, aligned
           and averaged, or rebuilt from a latent; what is the most of them is measured on windows of its own;
  go on    all its weights are trained further, on windows that no run of a small seed has seen. The model as
           it is goes through the same, since more steps lower its loss, too.

Uptraining: Ainslie et al., arXiv:2305.13245, section 2.1, with 5 % of the steps of the first training.
"""

from dataclasses import dataclass, replace
from typing import Any

from lessons_lib.config import TrainConfig, UptrainConfig
from lessons_lib.corpus import Corpus, build_corpus
from lessons_lib.model import Transformer, align_heads, average_heads, compress_heads
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.runs.randomness import make_generator
from lessons_lib.training.evaluate import score_windows
from lessons_lib.training.loop import train, update
from lessons_lib.training.optimizer import make_optimizer
from lessons_lib.training.windows import held_out_windows, training_batches

OTHER_WINDOWS = 1000  # added to the seed: which windows the further training sees


@dataclass(frozen=True)
class Uptrained:
    """Gaps in nats per token on the same held-out windows, after each number of `steps`."""

    steps: tuple[int, ...]
    gap: tuple[float, ...]
    per_domain: tuple[dict[str, float], ...]


@run_store.takes_steps(lambda config: config.steps)
def uptrain(config: UptrainConfig, seed: int = 0, *, progress: Any = None) -> Uptrained:
    """Return how the converted model of `config.base` and `seed` does: loaded, or made and stored."""
    return run_store.remember(uptrain, config, seed, _uptrain, progress=progress)


def converted(config: UptrainConfig, model: Any, corpus: Corpus) -> Transformer:
    """Return `model` with the smaller cache that `config` names; what was trained does not change."""
    tokens = fresh_windows(corpus, config.base.length)
    match config.conversion, config.size:
        case "averaged", int(sets):
            return average_heads(model, sets)
        case "aligned", int(sets):
            return average_heads(align_heads(model, tokens, sets), sets)
        case "one latent", int(rank):
            return compress_heads(model, tokens, rank)
    return model


def fresh_windows(corpus: Corpus, length: int) -> Any:
    """Return 128 windows (128, length), neither trained on nor held out, to measure what a cache holds."""
    return corpus.batch(128, length, make_generator(0, "what a cache holds"))[0][:, :-1]


def _uptrain(config: UptrainConfig, seed: int, progress: Any, _: Checkpoint) -> Uptrained:
    corpus, plan = build_corpus(config.base.corpus), further(config)
    held_out = held_out_windows(corpus, config.eval_windows, config.base.length)
    batch = training_batches(corpus, plan, OTHER_WINDOWS + seed)
    model = converted(config, train(config.base, seed, progress=Silent()).model, corpus)
    optimizer = make_optimizer(model, plan)
    found: list[Any] = []
    for step in range(config.steps + 1):
        if step in config.measured_at:
            found.append(score_windows(model, held_out))
        if step < config.steps:
            update(model, optimizer, batch(step), step, plan, None)
            progress.update(1)
    return Uptrained(config.measured_at, tuple(e.gap for e in found), tuple(e.gap_per_domain for e in found))


def further(config: UptrainConfig) -> TrainConfig:
    """Return the plan of the further training: the base's, but for its steps and its optimizer."""
    return replace(config.base, steps=config.steps, optimizer=config.optimizer)
