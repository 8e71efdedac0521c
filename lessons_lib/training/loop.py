"""Train a model: the loop that every lesson from 01 on uses.

Three ideas:
  one number  a run is its configuration and its seed; the same pair gives the same bits, and the
              program's own random numbers are neither used nor moved;
  fresh text  every step sees windows that no step has seen, unless `pool` says otherwise, so the
              training loss is an honest (noisy) estimate of the held-out one;
  kept        the result goes to the run store, an interrupted run goes on where it stopped.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.config import TrainConfig, WindowMLPConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer, WindowMLP, mtp_loss, watch_routing
from lessons_lib.precision import quantized_linear
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.disturbance import disturb
from lessons_lib.runs.finite import require_finite
from lessons_lib.runs.randomness import seed_for
from lessons_lib.signatures import checked
from lessons_lib.training.balancing import balance_losses, empty_load, rebalance
from lessons_lib.training.evaluate import score_windows
from lessons_lib.training.optimizer import descend, learning_rate, make_optimizer
from lessons_lib.training.windows import held_out_windows, training_batches


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model with what was seen on the way; losses in nats per token.

    `history` has lists: `step` (1 is the first) and `loss` (of that step's batch, before its update);
    `eval_step`, `eval_loss`, `eval_gap`, `eval_per_domain`, on the same held-out windows every time.
    `load` (steps, layers with experts, experts) int32 says how many tokens of each step's batch chose each
    expert, None without experts; `maximum_violation(run.load)` is a curve per layer.
    """

    model: nn.Module = field(repr=False)  # in eval mode; whatever the recipe, its products are FP32's
    config: TrainConfig = field(repr=False)
    seed: int
    history: dict[str, list] = field(repr=False)
    held_out_loss: float
    per_domain: dict[str, float] = field(repr=False)
    gap: float | None  # held-out loss above what the process itself would have paid (see evaluate.py)
    gap_per_domain: dict[str, float] | None = field(repr=False)
    seconds: float = field(repr=False)  # that training took, on the machine where it was trained
    load: Tensor | None = field(repr=False, default=None)


@run_store.takes_steps(lambda config: config.steps)
@checked()
def train(config: TrainConfig, seed: int = 0, *, progress: Any = None) -> Run:
    """Return the run of `config` and `seed`: loaded from the run store, or trained and stored.

    `progress` is anything with `.update(n)`; without one the run shows a bar of its own. Raises
    FloatingPointError if a loss, gradient or weight is not finite, ValueError if the model's vocabulary is
    smaller than the corpus's. An interrupted run goes on where it stopped when it is asked for again.
    """
    return run_store.remember(train, config, seed, _fit, progress=progress)


def _fit(config: TrainConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Run:
    corpus = build_corpus(config.corpus)
    if corpus.vocab_size > config.model.vocab_size:
        raise ValueError(
            f"the corpus has {corpus.vocab_size} tokens, the model only {config.model.vocab_size}"
        )
    batch = training_batches(corpus, config, seed)
    held_out = held_out_windows(corpus, config.eval_windows, config.length)
    with torch.random.fork_rng(devices=[]):  # the program's own random numbers stay as they were
        model = first_model(config, seed)
        optimizer = make_optimizer(model, config)
        names = ("step", "loss", "eval_step", "eval_loss", "eval_gap", "eval_per_domain")
        history: dict[str, list] = {name: [] for name in names}
        last: dict[str, dict | None] = {}  # of what was measured last
        load = empty_load(config)
        steps = checkpoint.steps(
            config.steps,
            config.checkpoint_every,
            progress,
            clock=time.perf_counter,
            model=model,
            optimizer=optimizer,
            history=history,
            last=last,
            load=load,
        )
        for step in steps:
            loss = update(model, optimizer, batch(step), step, config, None if load is None else load[step])
            history["step"].append(step + 1)
            history["loss"].append(loss)
            is_last = step + 1 == config.steps
            if is_last or (config.eval_every and (step + 1) % config.eval_every == 0):
                found = score_windows(model, held_out, config.context)
                require_finite(step, learning_rate(step, config), held_out_loss=found.total)
                history["eval_step"].append(step + 1)
                history["eval_loss"].append(found.total)
                history["eval_gap"].append(found.gap)
                history["eval_per_domain"].append(found.per_domain)
                last["gaps"] = found.gap_per_domain
    return Run(
        model,
        config,
        seed,
        history,
        held_out_loss=history["eval_loss"][-1],
        per_domain=history["eval_per_domain"][-1],
        gap=history["eval_gap"][-1],
        gap_per_domain=last["gaps"],
        seconds=steps.seconds,
        load=load,
    )


@checked()
def first_model(config: TrainConfig, seed: int) -> nn.Module:
    """Return the model that the run of `config` and `seed` starts from; torch's own random numbers move."""
    torch.manual_seed(seed_for(seed, "weights"))
    model = build_model(config)
    disturb(model, seed)
    return model


@checked()
def build_model(config: TrainConfig) -> nn.Module:
    """Return a model of `config` with new weights, which do not depend on the recipe."""
    if isinstance(config.model, WindowMLPConfig):
        return WindowMLP(config.model)
    if config.recipe is None:
        return Transformer(config.model)
    return Transformer(config.model, linear=quantized_linear(config.recipe))


def update(model, optimizer, tokens, step: int, config: TrainConfig, load: Tensor | None) -> float:
    """Take step number `step` on `tokens` (batch, length + 1); return the loss before it, nats per token.

    Losses that balance experts, and those of MTP modules, are learned from, but not returned; `load`
    (expert layers, experts) is filled in.
    """
    inputs, labels = tokens[:, :-1], tokens[:, 1:]
    further = config.mtp_weight > 0
    with watch_routing(model, mtp=further) as seen:
        logits, *ahead = model.all_logits(inputs) if further else [model(inputs)]
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())  # logits (batch, length, vocabulary)
    added = balance_losses(seen, inputs.shape[1], config)
    total = loss if added is None else loss + added
    if further:
        total = total + config.mtp_weight * mtp_loss(ahead, tokens)
    descend(model, optimizer, total, step, config)
    if load is not None:
        rebalance(model, seen, config, load)
    return loss.item()
