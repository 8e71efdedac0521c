"""The post counted: what a process sends to others, in bytes of payload, by kind of call.

A dispatch mode sees every collective of torch on its way to the network. What an all-reduce over W ranks
sends is what a ring sends: 2 (W - 1) / W of the tensor from each rank; a reduce-scatter or an all-gather half
of that. gloo's reduce-scatter sends as much as an all-reduce; that is not counted here. Where the system
tells it, `loopback` is what really left, of this and every other program: headers and answers included.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode


def size(x: Any) -> int:
    """Return the bytes of a tensor, or of all in nested lists."""
    if isinstance(x, Tensor):
        return x.numel() * x.element_size()
    return sum(map(size, x)) if isinstance(x, list | tuple) else 0


def loopback() -> int | None:
    """Return the bytes that this machine, or its part that we can see, has sent to itself; None: not told."""
    try:
        text = Path("/proc/net/dev").read_text(encoding="ascii")
        return int(next(line for line in text.splitlines() if line.strip().startswith("lo:")).split()[9])
    except (OSError, StopIteration):
        return None


class Post(TorchDispatchMode):
    """Within it `sent` {kind of call: bytes} grows; raises NotImplementedError for a call it can't count."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: Counter[str] = Counter()
        self.last = ""  # the latest call, for who waits in it in vain

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(issubclass(kind, DTensor) for kind in types):
            return NotImplemented  # it becomes plain tensors and calls first
        if "c10d" in str(func) and "wait" not in str(func):
            self.last = str(func).split(".")[1].strip("_")
            self._count(str(func), args)
        return func(*args, **(kwargs or {}))

    def _count(self, name: str, args: Any) -> None:
        """Add what this rank sends; torch's calls name what is filled before what is sent."""
        kind = self.last
        group = next(a for a in args if isinstance(a, torch.ScriptObject))
        n, me = (g := dist.ProcessGroup.unbox(group)).size(), g.rank()
        if kind == "allreduce":
            self.sent["all_reduce"] += 2 * (n - 1) * size(args[0]) // n
        elif kind == "allgather_base":
            self.sent["all_gather"] += (n - 1) * size(args[1])
        elif kind == "reduce_scatter_base":
            self.sent["reduce_scatter"] += (n - 1) * size(args[1]) // n
        elif kind == "alltoall_base":
            rows = args[4] or [1] * n  # to each; what stays at home costs nothing
            self.sent["all_to_all"] += size(args[1]) * (sum(rows) - rows[me]) // max(1, sum(rows))
        elif kind == "broadcast":
            self.sent["broadcast"] += (n - 1) * size(args[0]) * (args[2] == me)
        elif kind == "send":
            self.sent["send"] += size(args[0])
        elif not kind.startswith(("recv", "barrier")):
            raise NotImplementedError(f"{name}: nobody has said what this call sends")
