"""Learn from rewards by rule alone: the loop of R1-Zero, one page.

    sample    `group_size` answers to each of a few problems, from the model as it is now
    verify    rewards by rule: accuracy, format, and where asked for language
    learn     each answer more or less likely, by how much better it did than its group

Left out against DeepSeek-R1 (arXiv:2501.12948): its sampling from many machines, a reference model that is
replaced every few hundred steps, and the KL to it (`beta`, which is 0 unless asked for).

`learn_to_reason(config, seed)` is the job: it takes the base of the same seed from the run store, or trains
it. `learn` starts from any model; later lessons call it with their own.
"""

import copy
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from lessons_lib.config import RLConfig
from lessons_lib.model import Transformer
from lessons_lib.reasoning.evaluation import examine, prompts_of, verify_rows
from lessons_lib.reasoning.hunts import Hunts
from lessons_lib.reasoning.pretraining import pretrain
from lessons_lib.reasoning.sampling import sample
from lessons_lib.reasoning.update import advantages_of, rewards_of, update
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.finite import require_finite
from lessons_lib.runs.progress import Silent
from lessons_lib.runs.randomness import make_generator
from lessons_lib.signatures import checked
from lessons_lib.training.optimizer import learning_rate, make_optimizer, set_learning_rate

Watcher = Callable[[Transformer, dict[str, list], int], None]  # of a model, its history, the steps made
Deal = Callable[[Tensor, torch.Generator], Tensor]  # from a step's rewards and luck to what is paid

HISTORY = (
    *("step", "accuracy", "format", "language", "thinks", "length", "entropy", "dead_groups", "reward"),
    *("loss", "grad_norm", "sample_seconds", "verify_seconds", "learn_seconds", "tokens"),
    *("eval_step", "eval_accuracy", "eval_length"),
)


@dataclass(frozen=True, eq=False)
class Reasoner:
    """A model that learned from rewards; `history` has a list for every name in HISTORY."""

    model: Transformer = field(repr=False)
    config: RLConfig = field(repr=False)
    seed: int
    history: dict[str, list] = field(repr=False)
    seconds: float = field(repr=False)  # of processor time, on the machine where it learned


@run_store.takes_steps(lambda config: config.steps)
@checked()
def learn_to_reason(config: RLConfig, seed: int = 0, *, progress: Any = None) -> Reasoner:
    """Return the base of `config` after learning by reward: loaded from the run store, or made and stored."""
    return run_store.remember(learn_to_reason, config, seed, _from_base, progress=progress)


def _from_base(config: RLConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Reasoner:
    base = pretrain(config.base, seed, progress=Silent())
    return learn(base.model, config, seed, progress, checkpoint)


@checked()
def learn(
    start: Transformer,
    config: RLConfig,
    seed: int,
    progress: Any,
    checkpoint: Checkpoint,
    *,
    look: Watcher | None = None,
    deal: Deal | None = None,
) -> Reasoner:
    """Learn by reward from the weights of `start`, which stays as it is.

    `look` is called with the model, the history and the number of steps made, before the first step and after
    every one; None: the evaluation that `config` asks for. `deal` is as in `rl_step`.
    """
    look = look or _evaluation(config)
    model = copy.deepcopy(start).train()
    reference = copy.deepcopy(start).eval() if config.beta else None
    optimizer = make_optimizer(model, config)
    history: dict[str, list] = {name: [] for name in HISTORY}
    steps = checkpoint.steps(
        config.steps, config.checkpoint_every, progress, model=model, optimizer=optimizer, history=history
    )
    with torch.random.fork_rng(devices=[]):  # a step's problems and luck depend on its number alone
        for step in steps:
            if step == 0:
                look(model, history, 0)
            set_learning_rate(optimizer, learning_rate(step, config))
            for name, value in rl_step(model, optimizer, config, seed, step, reference, deal).items():
                history[name].append(value)
            look(model, history, step + 1)
    return Reasoner(model.eval(), config, seed, history, steps.seconds)


def _evaluation(config: RLConfig) -> Watcher:
    def look(model: Transformer, history: dict[str, list], made: int) -> None:
        if config.eval_every and made and made % config.eval_every == 0:
            found = examine(model, config.hunts[0], config.eval_problems, 4, max_new=config.max_new)
            history["eval_step"].append(made)
            history["eval_accuracy"].append(found.accuracy)
            history["eval_length"].append(found.length)

    return look


@checked(step="0..")
def rl_step(
    model: Transformer,
    optimizer,
    config: RLConfig,
    seed: int,
    step: int,
    reference: Transformer | None = None,
    deal: Deal | None = None,
) -> dict[str, Any]:
    """Sample, verify, learn once; return what the history notes of it.

    A control pays other rewards: what `deal` makes of the rule's, with the step's own luck.
    """
    times = [time.process_time()]
    hunts = Hunts(config.hunts[step % len(config.hunts)])
    rng = random.Random(f"rl problems {seed} {step}")
    problems = [hunts.problem(rng) for _ in range(config.problems)]
    luck = make_generator(seed, f"rl samples {step}")
    settings = dict(max_new=config.max_new, temperature=config.temperature, generator=luck)
    rollout = sample(model, prompts_of(problems), config.group_size, **settings)
    times.append(time.process_time())
    verdicts = verify_rows(problems, rollout.rows(), config.wanted_language)
    rewards = rewards_of(verdicts, config)
    rewards = rewards if deal is None else deal(rewards, luck)
    advantages = advantages_of(rewards, verdicts, config)
    times.append(time.process_time())
    losses, norms = [], []
    for _ in range(config.updates):
        loss, norm = update(model, optimizer, rollout, advantages, config, reference)
        require_finite(step, learning_rate(step, config), loss=loss, length_of_the_gradient=norm)
        losses.append(loss)
        norms.append(norm)
    times.append(time.process_time())
    n, tokens = len(verdicts), int(rollout.mask.sum())
    groups = rewards.view(config.problems, config.group_size)
    return {
        "step": step + 1,
        "accuracy": sum(v.accuracy for v in verdicts) / n,
        "format": sum(v.format for v in verdicts) / n,
        "language": sum(v.language for v in verdicts) / n,
        "thinks": sum(v.thinks for v in verdicts) / n,
        "length": tokens / n,
        "entropy": rollout.entropies.sum().item() / tokens,
        "dead_groups": (groups.amax(1) == groups.amin(1)).float().mean().item(),
        "reward": rewards.mean().item(),
        "loss": sum(losses) / len(losses),
        "grad_norm": sum(norms) / len(norms),
        "sample_seconds": times[1] - times[0],
        "verify_seconds": times[2] - times[1],
        "learn_seconds": times[3] - times[2],
        "tokens": tokens,
    }
