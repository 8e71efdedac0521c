"""Muon: the hidden matrices move by steps whose singular values are all about equal.

Three ideas:
  momentum   an average of gradients, as in SGD; a step looks one step ahead (Nesterov);
  evened     five rounds of a polynomial push every singular value of that matrix towards 1 (from about .7
             to 1.2; they need not be exact), so that rare directions move as far as frequent ones;
  same size  a step is scaled by `rms` sqrt(larger side), which gives its entries about the size that
             AdamW's have; V4 takes .18, so the two can share a rate.

Matrices of one shape are evened as one stack. Embedding, head and gains stay with AdamW, as in V4.
Left out: V4's two last rounds with other coefficients, which bring singular values from there to 1.

Source: Keller Jordan et al., Muon, 2024; DeepSeek-V4, arXiv:2606.19348, section 2.4 and algorithm 1.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import number, takes, whole
from lessons_lib.config.muon import RaceConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.finite import require_finite
from lessons_lib.training.evaluate import score_windows
from lessons_lib.training.loop import first_model
from lessons_lib.training.optimizer import learning_rate
from lessons_lib.training.windows import held_out_windows, training_batches

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # steep at 0, so small singular values grow fast


@takes(g="float ... rows columns")
def newton_schulz(g: Tensor, steps: int = 5) -> Tensor:
    """Return `g` (..., rows, columns) with the same singular vectors and singular values near 1."""
    whole(0, steps=steps)
    a, b, c = COEFFICIENTS
    tall = g.shape[-2] > g.shape[-1]
    x = g.mT if tall else g  # products of the shorter side are cheaper
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)  # now no singular value is above 1
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Moves matrices by evened steps of their averaged gradients; `lr` is set before each step."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 2e-2,
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
        rms: float = 0.18,
    ) -> None:
        number(0, lr=lr, weight_decay=weight_decay, rms=rms)
        number(0, 1, momentum=momentum)
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, rms=rms))
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(f"Muon moves matrices, got a parameter of shape {tuple(p.shape)}")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every matrix that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(p.shape, []).append(p)
            for shape, same in shapes.items():
                ahead = []
                for p in same:
                    average = self.state[p].setdefault("average", torch.zeros_like(p))
                    average.lerp_(p.grad, 1 - group["momentum"])
                    ahead.append(p.grad.lerp(average, group["momentum"]))  # type: ignore[union-attr]
                moves = newton_schulz(torch.stack(ahead)) * (group["rms"] * math.sqrt(max(shape)))
                for p, move in zip(same, moves):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(move, alpha=group["lr"])


@dataclass(frozen=True)
class Raced:
    """How a run ended: its held-out loss above the process's own, in nats per token, and its time."""

    gap: float
    seconds: float  # on the machine where it was trained


@run_store.takes_steps(lambda config: config.train.steps)
def race(config: RaceConfig, seed: int = 0, *, progress: Any = None) -> Raced:
    """Return what `config` and `seed` give: loaded from the run store, or trained and stored."""
    return run_store.remember(race, config, seed, _race, progress=progress)


def optimizers_of(model: nn.Module, config: RaceConfig) -> list[torch.optim.Optimizer]:
    """Return the optimizers of `config` over all of `model`; each group says its `share` of the rate."""
    hidden: list[nn.Parameter] = []
    matrices: list[nn.Parameter] = []
    gains: list[nn.Parameter] = []
    for name, p in model.named_parameters():
        (gains if p.ndim < 2 else hidden if name.startswith("layers.") else matrices).append(p)
    peak, decay = config.train.optimizer.learning_rate, config.train.optimizer.weight_decay
    rest = config.rest_learning_rate / peak
    groups = [
        {"params": matrices, "weight_decay": decay, "share": rest},
        {"params": gains, "weight_decay": 0.0, "share": rest},
    ]
    if config.optimizer == "AdamW":
        groups.append({"params": hidden, "weight_decay": decay, "share": 1.0})
    adamw = torch.optim.AdamW(groups, lr=peak, betas=config.train.optimizer.betas, fused=True)
    if config.optimizer == "AdamW":
        return [adamw]
    muon = Muon(hidden, peak, weight_decay=decay)
    muon.param_groups[0]["share"] = 1.0
    return [adamw, muon]


def race_step(
    model: nn.Module, optimizers: list[torch.optim.Optimizer], tokens: Tensor, step: int, config: RaceConfig
) -> float:
    """Take step number `step` on `tokens` (batch, length + 1); return the loss before it."""
    rate = learning_rate(step, config.train)
    loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
    model.zero_grad()
    loss.backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), config.train.optimizer.grad_clip)
    require_finite(step, rate, loss=loss.item(), length_of_the_gradient=length.item())
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        optimizer.step()
    return loss.item()


def _race(config: RaceConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Raced:
    corpus = build_corpus(config.train.corpus)
    batch = training_batches(corpus, config.train, seed)
    with torch.random.fork_rng(devices=[]):
        model = first_model(config.train, seed)
    optimizers = optimizers_of(model, config)
    parts: dict[str, Any] = {f"optimizer_{i}": one for i, one in enumerate(optimizers)}
    steps = checkpoint.steps(
        config.train.steps, config.train.checkpoint_every, progress, model=model, **parts
    )
    for step in steps:
        race_step(model, optimizers, batch(step), step, config)
    held_out = held_out_windows(corpus, config.train.eval_windows, config.train.length)
    gap = score_windows(model.eval(), held_out).gap
    assert gap is not None  # the process of a built corpus is known
    return Raced(gap, steps.seconds)
