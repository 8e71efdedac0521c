"""Train a model: the loop that every lesson from 01 on uses.

Three ideas:
  one number  a run is its configuration and its seed; the same pair gives the same bits, and the
              program's own random numbers are neither used nor moved;
  fresh text  every step sees windows that no step has seen, unless `pool` says otherwise, so the
              training loss is an honest (noisy) estimate of the held-out one;
  kept        the result goes to the run store, an interrupted run goes on where it stopped.
"""

import math
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
from lessons_lib.runs.randomness import seed_for
from lessons_lib.training.balancing import balance_losses, empty_load, rebalance
from lessons_lib.training.evaluate import score_windows
from lessons_lib.training.optimizer import learning_rate, make_optimizer, set_learning_rate
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


def train(config: TrainConfig, seed: int = 0, *, progress: Any = None) -> Run:
    """Return the run of `config` and `seed`: loaded from the run store, or trained and stored.

    `progress` is anything with `.update(n)`; without one the run shows a bar of its own. Raises
    FloatingPointError if the loss stops being a number, ValueError if the model's vocabulary is smaller
    than the corpus's. An interrupted run goes on where it stopped when it is asked for again.
    """
    return run_store.remember(train, config, seed, _fit, progress=progress)


train.total_steps = lambda config: config.steps


def _fit(config: TrainConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Run:
    corpus = build_corpus(config.corpus)
    if corpus.vocab_size > config.model.vocab_size:
        raise ValueError(
            f"the corpus has {corpus.vocab_size} tokens, the model only {config.model.vocab_size}"
        )
    batch = training_batches(corpus, config, seed)
    held_out = held_out_windows(corpus, config.eval_windows, config.length)
    with torch.random.fork_rng(devices=[]):  # the program's own random numbers stay as they were
        torch.manual_seed(seed_for(seed, "weights"))
        model = build_model(config)
        optimizer = make_optimizer(model, config)
        names = ("step", "loss", "eval_step", "eval_loss", "eval_gap", "eval_per_domain")
        history: dict[str, list] = {name: [] for name in names}
        gaps: dict[str, float] | None = None
        load = empty_load(config)
        before = 0.0  # seconds, of the parts of this run that were interrupted
        if saved := checkpoint.load():
            model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            torch.set_rng_state(saved["random"])
            history, gaps, before = saved["history"], saved["gaps"], saved["seconds"]
            load = saved["load"]
            progress.update(len(history["step"]))
        start_time = time.perf_counter()

        def state() -> dict[str, Any]:
            """Everything that the next step depends on; its windows depend on its number alone."""
            return {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "history": history,
                "gaps": gaps,
                "load": load,
                "seconds": before + time.perf_counter() - start_time,
            }

        with checkpoint.interruptible(state, progress, config.checkpoint_every) as finished:
            for step in range(len(history["step"]), config.steps):
                rate = learning_rate(step, config)
                loss = update(
                    model, optimizer, batch(step), rate, config, None if load is None else load[step]
                )
                _refuse_divergence(loss, step + 1, rate)
                history["step"].append(step + 1)
                history["loss"].append(loss)
                is_last = step + 1 == config.steps
                if is_last or (config.eval_every and (step + 1) % config.eval_every == 0):
                    found = score_windows(model, held_out, config.context)
                    _refuse_divergence(found.total, step + 1, rate)
                    history["eval_step"].append(step + 1)
                    history["eval_loss"].append(found.total)
                    history["eval_gap"].append(found.gap)
                    history["eval_per_domain"].append(found.per_domain)
                    gaps = found.gap_per_domain
                finished(step + 1)
        seconds = state()["seconds"]
    return Run(
        model,
        config,
        seed,
        history,
        held_out_loss=history["eval_loss"][-1],
        per_domain=history["eval_per_domain"][-1],
        gap=history["eval_gap"][-1],
        gap_per_domain=gaps,
        seconds=seconds,
        load=load,
    )


def build_model(config: TrainConfig) -> nn.Module:
    """Return a model of `config` with new weights, which do not depend on the recipe."""
    if isinstance(config.model, WindowMLPConfig):
        return WindowMLP(config.model)
    if config.recipe is None:
        return Transformer(config.model)
    return Transformer(config.model, linear=quantized_linear(config.recipe))


def update(model, optimizer, tokens, rate: float, config: TrainConfig, load: Tensor | None) -> float:
    """Take one step on `tokens` (batch, length + 1); return the loss before it, in nats per token.

    Losses that balance experts, and those of MTP modules, are learned from, but not returned; `load`
    (expert layers, experts) is filled in.
    """
    inputs, labels = tokens[:, :-1], tokens[:, 1:]
    further = config.mtp_weight > 0
    with watch_routing(model, mtp=further) as seen:
        logits, *ahead = model.all_logits(inputs) if further else [model(inputs)]
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())  # logits (batch, length, vocabulary)
    optimizer.zero_grad()
    added = balance_losses(seen, inputs.shape[1], config)
    total = loss if added is None else loss + added
    if further:
        total = total + config.mtp_weight * mtp_loss(ahead, tokens)
    total.backward()
    nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.grad_clip)
    set_learning_rate(optimizer, rate)
    optimizer.step()
    if load is not None:
        rebalance(model, seen, config, load)
    return loss.item()


def _refuse_divergence(loss: float, step: int, rate: float) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss became {loss} at step {step}, where the learning rate was {rate:.3g}; "
            "try a smaller learning_rate"
        )
