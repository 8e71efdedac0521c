"""One training step of a model whose experts are spread over ranks, and the same step on one process.

Every rank has all of the model but the experts, which are cut up, and its own part of the texts. Two rules
make its gradients those of one process: the loss is divided by the number of texts of *all* ranks, and what
every rank has (all but the experts) gets the sum of all ranks' gradients.
"""

import os
import signal
import time
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.arguments import choice, instance, whole
from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer, mtp_loss
from lessons_lib.parallel.dispatch import WIRES, Dispatch, Level, add_up_gradients, spread_experts
from lessons_lib.parallel.processes import new_group
from lessons_lib.signatures import checked


@dataclass(frozen=True)
class ExpertStep:
    """What to compute: a model made from `seed`, spread over `nodes` nodes of equally many ranks."""

    config: ModelConfig
    seed: int = 0
    nodes: int = 1  # with more than one, tokens go node by node first
    shares: tuple[int, ...] = ()  # texts of each rank; (): equally many
    dispatch: str = "as it is"  # numbers on the wire, there ...
    combine: str = "as it is"  # ... and back
    double: bool = False  # compute in float64
    lost: int | None = None  # a rank that dies between forward and backward, as a machine without power

    def __post_init__(self) -> None:
        instance(ModelConfig, config=self.config)
        instance(bool, double=self.double)
        whole(0, 2**63 - 1, seed=self.seed)
        whole(1, 10**6, nodes=self.nodes)
        instance(tuple, shares=self.shares)
        whole(0, **{f"shares[{rank}]": share for rank, share in enumerate(self.shares)})
        choice(WIRES, dispatch=self.dispatch, combine=self.combine)
        if self.lost is not None:
            whole(0, 10**6, lost=self.lost)


@dataclass(frozen=True, eq=False)
class StepResult:
    """What one rank found; a rank's experts have their own part of the gradients, all else has all of it."""

    loss: float  # the rank's part of the mean over all texts
    logits: Tensor  # (texts of the rank, position, vocabulary)
    gradients: dict[str, Tensor]
    rows: list[dict[str, int]]  # sent to other ranks, level by level
    sent: list[dict[str, int]]  # bytes
    seconds: float


@checked(tokens="whole texts position")
def expert_step(job: ExpertStep, tokens: Tensor) -> StepResult:
    """Return the step on texts `tokens` (b, T + 1): on its own part within `run_processes`, else on all."""
    if tokens.shape[1] < 2 or not len(tokens):
        raise ValueError(f"tokens must be one text or more of two tokens or more, got {tuple(tokens.shape)}")
    if job.shares and sum(job.shares) != len(tokens):
        raise ValueError(
            f"shares {job.shares} add up to {sum(job.shares)}, and there are {len(tokens)} texts"
        )
    torch.manual_seed(job.seed)
    model = Transformer(job.config)
    if job.double:
        model = model.double()
    levels = node_levels(job.nodes) if dist.is_initialized() else []
    mine, rank = tokens, 0
    if levels:
        spread_experts(model, Dispatch(levels, dispatch=job.dispatch, combine=job.combine))
        n, rank = dist.get_world_size(), dist.get_rank()
        mine = tokens.split(list(job.shares) or [len(tokens) // n] * n)[rank]
    start = time.perf_counter()
    logits, *ahead = model.all_logits(mine[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), mine[:, 1:].flatten())
    if ahead:
        loss = loss + 0.3 * mtp_loss(ahead, mine)
    loss = loss * (len(mine) / len(tokens))
    if levels and rank == job.lost:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    loss.backward()
    if levels:
        add_up_gradients(model)
    seconds = time.perf_counter() - start
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    rows, sent = ([dict(getattr(level, what)) for level in levels] for what in ("rows", "sent"))
    return StepResult(loss.item(), logits.detach(), gradients, rows, sent, seconds)


@checked(jobs="1..", tokens="whole texts position")
def expert_steps(jobs: list[ExpertStep], tokens: Tensor) -> list[StepResult]:
    """Return the results of several jobs, one after the other in the same processes."""
    return [expert_step(job, tokens) for job in jobs]


def node_levels(nodes: int) -> list[Level]:
    """Return one level of all ranks, or with `nodes` nodes two: between nodes, then inside one's own.

    Ranks of a node are neighbours. Between nodes a rank talks to those that have its place in theirs.
    """
    n, rank = dist.get_world_size(), dist.get_rank()
    if n % nodes:
        raise ValueError(f"{n} ranks can't be {nodes} nodes of equally many")
    if nodes == 1:
        return [Level()]
    size = n // nodes
    across = [new_group(list(range(place, n, size))) for place in range(size)]
    inside = [new_group(list(range(first, first + size))) for first in range(0, n, size)]
    return [Level(across[rank % size]), Level(inside[rank // size])]


@checked(parts="1..")
def whole_gradients(parts: list[StepResult]) -> dict[str, Tensor]:
    """Return the gradients of one process: the ranks' experts behind one another, all else as each has it."""
    return {
        name: torch.cat([part.gradients[name] for part in parts]) if ".experts." in name else first
        for name, first in parts[0].gradients.items()
    }
