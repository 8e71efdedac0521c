"""What is trained, whole or a stage of it; how it becomes a loss. `layouts.py` lays these out.

Unlike `stages.py`, which keeps a model's parts in the model, a stage is a module of its own, as torch's
pipelines want it. Head and MTP count as one layer more, behind the others. MTP reads tokens, too, so first
and last stage have the same embedding.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer, mtp_loss

Name = Literal["one", "ddp", "fsdp", "ep", "fsdp_ep", "pp", "dualpipev"]
NAMES: tuple[str, ...] = get_args(Name)


@dataclass(frozen=True)
class Job:
    """What is trained, but for the layout: ranks share `batch_size` texts of `length` scored tokens."""

    model: ModelConfig
    batch_size: int
    length: int
    mtp_weight: float
    micro_batches: int = 4  # of a pipeline
    own_counts: bool = False  # broken on purpose: every rank moves its bias by its own texts


def losses(logits: list[Tensor], tokens: Tensor, mtp_weight: float) -> tuple[Tensor, Tensor]:
    """Return what is learned from, and the main loss alone: means over these tokens (b, T + 1), in nats."""
    main = F.cross_entropy(logits[0].flatten(0, 1), tokens[:, 1:].flatten())
    return main + (mtp_weight * mtp_loss(logits[1:], tokens) if logits[1:] else 0), main.detach()


class Whole(nn.Module):
    """Map tokens (b, T + 1) to the losses, in `forward`, the one method that DDP and FSDP watch."""

    def __init__(self, model: Transformer, mtp_weight: float) -> None:
        super().__init__()
        self.model, self.mtp_weight = model, mtp_weight

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        return losses(self.model.all_logits(tokens[:, :-1]), tokens, self.mtp_weight)


class Stage(nn.Module):
    """Stage `number` of `n` of a model: tokens or stream (b, T, dim) to stream, or to all logits."""

    def __init__(self, model: Transformer, number: int, n: int) -> None:
        super().__init__()
        layers = len(model.layers) + 1
        self.number, self.first, self.last = number, number == 0, number == n - 1
        mine = range(number * layers // n, min((number + 1) * layers // n, layers - 1))
        self.layers = nn.ModuleDict({str(i): model.layers[i] for i in mine})
        if self.first or (self.last and model.mtp):
            self.embed = model.embed
        if self.last:
            self.norm, self.head, self.mtp = model.norm, model.head, model.mtp
        self.rope, self.dtype = model.rope, model.embed.weight.dtype  # no buffer: keeps its float64

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        x = self.embed(x) if self.first else x
        rope = self.rope[: x.shape[1]].to(x.dtype)
        for i, layer in self.layers.items():
            x = layer(x, rope, None, int(i))
        if not self.last:
            return x
        states = [self.norm(x)]
        for k, module in enumerate(self.mtp, start=1):
            assert tokens is not None
            following = self.embed(tokens[:, k:-1])  # (b, T - k, dim)
            t = following.shape[1]
            states.append(module(states[-1][:, :t], following, rope[:t], None))
        return tuple(self.head(state) for state in states)


def stage_shapes(stage: Stage, job: Job) -> dict[str, Any]:
    """Return samples of what goes in and out; else torch finds out by a real pass, which counters count."""
    n, t, config = job.batch_size // job.micro_batches, job.length, job.model
    like: dict[str, Any] = {"dtype": stage.dtype, "device": stage.rope.device, "requires_grad": True}
    stream = torch.empty(n, t, config.dim, **like)
    depths = range(config.n_mtp_layers + 1)
    logits = tuple(torch.empty(n, t - k, config.vocab_size, **like) for k in depths)
    tokens = torch.zeros(n, t, dtype=torch.int64, device=stage.rope.device)
    return {"input_args": tokens if stage.first else stream, "output_args": logits if stage.last else stream}


def local(x: Tensor) -> Tensor:
    """Return what this rank has of a tensor."""
    return x.to_local() if isinstance(x, DTensor) else x
