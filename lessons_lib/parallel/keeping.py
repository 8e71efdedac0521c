"""Checkpoints that change layout: each rank writes what it holds, and reads what it holds later.

`torch.distributed.checkpoint` cuts and joins, since every tensor here knows its whole: names are the model's
in every layout, slices and experts are DTensors. Only `latest`, written last, makes a checkpoint count.
"""

from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Replicate, Shard

from lessons_lib.parallel.layouts import Layout

MOMENTS = ("exp_avg", "exp_avg_sq")


def state(layout: Layout, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return {name: tensor} of parameters, moments and biases; a new optimizer first gets moments of 0."""
    for p in layout.held.parameters():
        if not optimizer.state[p]:
            optimizer.state[p] = {"step": torch.tensor(0.0)} | {k: torch.zeros_like(p) for k in MOMENTS}

    def placed(p: nn.Parameter, part: Tensor) -> Tensor:
        if p not in layout.experts:
            return part.detach()
        return DTensor.from_local(part.detach(), layout.mesh, [Replicate(), Shard(0)])

    found = {name: placed(p, p) for name, p in layout.parameters.items()}
    for moment in MOMENTS:
        found |= {
            f"{moment}.{n}": placed(p, optimizer.state[p][moment]) for n, p in layout.parameters.items()
        }
    return found | {f"bias.{i}": router.bias for i, router in layout.routers.items()}


def keep(layout: Layout, optimizer: torch.optim.Optimizer, folder: Path, done: int) -> None:
    """Write what is held after `done` steps; every rank must call it."""
    alone = layout.world == 1
    dcp.save(state(layout, optimizer), checkpoint_id=folder / f"step-{done}", no_dist=alone)
    if layout.rank == 0:
        (folder / "latest.part").write_text(str(done))
        (folder / "latest.part").replace(folder / "latest")


def resume(layout: Layout, optimizer: torch.optim.Optimizer, folder: Path) -> int:
    """Fill parameters, moments and biases in place from the newest checkpoint; return its steps, or 0."""
    if not (folder / "latest").exists():
        return 0
    done = int((folder / "latest").read_text())
    alone = layout.world == 1
    dcp.load(state(layout, optimizer), checkpoint_id=folder / f"step-{done}", no_dist=alone)
    for moments in optimizer.state.values():
        moments["step"].fill_(done)
    return done
