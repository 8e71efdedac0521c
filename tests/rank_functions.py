"""Functions that test_parallel_processes.py runs in processes, which import them from here."""

import os
import signal
import time

import torch
import torch.distributed as dist


def add_up(x: torch.Tensor) -> tuple[int, torch.Tensor, int]:
    """Return the rank, the sum over ranks of rank * x, and the number of threads."""
    total = x * dist.get_rank()
    dist.all_reduce(total)
    return dist.get_rank(), total, torch.get_num_threads()


def refuse(bad: int) -> None:
    """Raise in rank `bad`, while the others wait for it."""
    if dist.get_rank() == bad:
        raise ValueError("no such expert: 7\nand a second line")
    dist.all_reduce(torch.ones(1))


def die(bad: int) -> None:
    """End rank `bad` as the system's kill would, while the others wait for it."""
    if dist.get_rank() == bad:
        os.kill(os.getpid(), signal.SIGKILL)
    dist.all_reduce(torch.ones(1))


def sleep(folder: str, seconds: float, who: int = -1) -> None:
    """Write down the process, then keep the others waiting in rank `who`, or in all (-1)."""
    with open(f"{folder}/{dist.get_rank()}", "w") as mark:
        mark.write(str(os.getpid()))
    if who in (-1, dist.get_rank()):
        time.sleep(seconds)
    dist.all_reduce(torch.ones(1))


def in_pairs() -> float:
    """Return the sum of the ranks of one's own pair, in a group made for it."""
    from lessons_lib.parallel import new_group

    pairs = [new_group([first, first + 1]) for first in range(0, dist.get_world_size(), 2)]
    total = torch.tensor(float(dist.get_rank()))
    dist.all_reduce(total, group=pairs[dist.get_rank() // 2])
    return total.item()


def moe_layer(config, nodes: int, shares: tuple[int, ...], wires: dict) -> dict:
    """Run one layer of experts forward and backward in float64, this rank on its share of the tokens."""
    from lessons_lib.model import MoE
    from lessons_lib.parallel import Dispatch, add_up_gradients, node_levels, spread_experts

    torch.manual_seed(1)
    layer = MoE(config).double()
    x, up = torch.randn(2, sum(shares), config.dim, dtype=torch.float64)
    spread = dist.is_initialized()
    levels = node_levels(nodes) if spread else []
    if spread:
        spread_experts(layer, Dispatch(levels, **wires))
        x, up = (t.split(shares)[dist.get_rank()] for t in (x, up))
    x = x.clone().requires_grad_()
    answer = layer(x)
    (answer * up).sum().backward()
    if spread:
        add_up_gradients(layer)
    return {
        "answer": answer.detach(),
        "x": x.grad,
        "gradients": {name: p.grad for name, p in layer.named_parameters()},
        "ids": layer.router(x).ids,
        "rows": [dict(level.rows) for level in levels],
        "sent": [dict(level.sent) for level in levels],
    }
