"""Expert parallelism: every rank keeps some of the experts, and tokens travel to them and back.

Three ideas:
  dispatch  a token goes once to every part in which it has an expert, with the ids and weights of those;
            the part adds up what its experts say, and one answer comes back: *combine*. The backward pass
            of a dispatch is a combine, that of a combine a dispatch;
  levels    parts may have parts: first once to every node, along the slow links, then inside the node
            to the devices. Two levels are the one-level step, done twice;
  on the wire  numbers may travel in fewer bits than one computes with: as in V3, dispatch in 8 bits with a
            scale for every 128, combine in BF16. What was sent is counted, level by level.

`Dispatch` is handed to the MoE layer as its form, so the model knows nothing of devices:
`spread_experts(model, [None])` cuts a model's experts so that each rank keeps its own.

Sources: DeepSeek-V3 report, arXiv:2412.19437, sections 3.2.2 and 3.3.3; DeepEP's README.
Letters: N tokens, E experts, K experts per token, P parts of a level; R rows sent, S received.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lessons_lib.arguments import choice, takes
from lessons_lib.model import Experts, Routing, grouped, grouped_linear
from lessons_lib.precision import dequantize_tiles, quantize_tiles

WIRES = ("as it is", "bf16", "fp8")


@dataclass
class Level:
    """One level of links: its group of ranks, one a part (None: all ranks), and what was sent along it."""

    group: dist.ProcessGroup | None = None
    rows: Counter = field(default_factory=Counter)  # {"dispatch": ..., "combine": ...}, to other ranks
    sent: Counter = field(default_factory=Counter)  # bytes, with the same keys; and "addresses"

    @property
    def n(self) -> int:
        """Number of parts."""
        return dist.get_world_size(self.group)

    @property
    def mine(self) -> int:
        """The part of this rank."""
        return dist.get_rank(self.group)

    def count(self, what: str, rows: Sequence[int], n_bytes: int) -> None:
        """Note rows sent to each part; what stays at home costs nothing."""
        abroad = sum(rows) - rows[self.mine]
        self.sent[what] += n_bytes * abroad
        if what != "addresses":
            self.rows[what] += abroad

    def swap(self, x: Tensor, out: list[int], back: list[int]) -> Tensor:
        """Send out[p] rows of x (R, ...) to every part p; return what came, back[p] rows from each."""
        found = x.new_empty(sum(back), *x.shape[1:])
        dist.all_to_all_single(found, x.contiguous(), back, out, group=self.group)
        return found


class _Swap(torch.autograd.Function):
    """Rows to the parts and their gradients back; each way has its own name and its own wire."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, level: Level, out: list[int], back: list[int], ways: tuple) -> Tensor:
        ctx.how = level, back, out, ways[::-1]
        return _send(x, level, out, back, *ways[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple:
        level, out, back, ways = ctx.how
        return _send(gradients[0], level, out, back, *ways[0]), None, None, None, None


def _send(x: Tensor, level: Level, out: list[int], back: list[int], what: str, wire: str) -> Tensor:
    """Send rows x (R, dim) as numbers of `wire`, count their bytes; return rows (S, dim) of x's type."""
    if wire == "fp8":
        codes, scales = quantize_tiles(x)  # (R, dim), (R, dim / 128)
        level.count(what, out, codes.shape[1] + 4 * scales.shape[1])
        codes = level.swap(codes.view(torch.uint8), out, back).view(codes.dtype)  # gloo knows no float8
        return dequantize_tiles(codes, level.swap(scales, out, back)).to(x.dtype)
    on_wire = x.bfloat16() if wire == "bf16" else x
    level.count(what, out, on_wire.shape[1] * on_wire.element_size())
    return level.swap(on_wire, out, back).to(x.dtype)


class Dispatch:
    """A form of `Experts` whose matrices are this rank's own; `levels` from the outermost inwards."""

    def __init__(
        self, levels: Sequence[Level], *, dispatch: str = "as it is", combine: str = "as it is"
    ) -> None:
        choice(WIRES, dispatch=dispatch, combine=combine)
        self.levels, self.ways = list(levels), (("dispatch", dispatch), ("combine", combine))

    def __call__(
        self, x: Tensor, routing: Routing, w13: Tensor, w2: Tensor, product: Callable = grouped_linear
    ) -> Tensor:
        def own(x: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
            return own_experts(x, ids, weights, w13, w2, product)

        return self._through(self.levels, len(w13), own, x, routing.ids, routing.weights)

    def _through(
        self, levels: list[Level], n_own: int, own: Callable, x: Tensor, ids: Tensor, weights: Tensor
    ) -> Tensor:
        """Return for tokens x (N, dim) the weighted sum of their experts `ids` (N, K), -1 for none."""
        if not levels:
            return own(x, ids, weights)
        level, *inner = levels
        n_each = n_own  # experts of one part of this level
        for other in inner:
            n_each *= other.n
        part = torch.where(ids < 0, -1, ids // n_each)  # (N, K)
        goes = (part == torch.arange(level.n).view(-1, 1, 1)).any(-1)  # (P, N)
        to, token = goes.nonzero(as_tuple=True)  # (R,), sorted by part
        there = part[token] == to.unsqueeze(-1)  # (R, K), which of its experts are in that part
        out = goes.sum(1)  # (P,)
        back = level.swap(out, [1] * level.n, [1] * level.n)
        counts = out.tolist(), back.tolist()
        local = torch.where(there, ids[token] - n_each * to.unsqueeze(-1), -1).int()
        level.count("addresses", counts[0], 4 * ids.shape[1])
        plain = (("addresses", "as it is"),) * 2  # weights travel whole, and their gradients
        found = self._through(
            inner,
            n_own,
            own,
            _Swap.apply(x[token], level, *counts, self.ways),
            level.swap(local, *counts).long(),
            _Swap.apply(weights[token], level, *counts, plain),
        )
        answers = _Swap.apply(found, level, *counts[::-1], self.ways[::-1])
        return torch.zeros_like(x).index_add(0, token, answers.to(x.dtype))


@takes(
    x="float tokens dim",
    ids="whole tokens chosen",
    weights="float tokens chosen",
    w13="float experts _ dim",
    w2="float experts dim _",
)
def own_experts(
    x: Tensor, ids: Tensor, weights: Tensor, w13: Tensor, w2: Tensor, product: Callable = grouped_linear
) -> Tensor:
    """Return for x (N, dim) what the experts `ids` (N, K) say, weighted; -1 stands for no expert."""
    token, place = (ids >= 0).nonzero(as_tuple=True)  # (R,), one a choice
    chosen = Routing(ids[token, place].unsqueeze(1), weights[token, place].unsqueeze(1), weights[token])
    return torch.zeros_like(x).index_add(0, token, grouped(x[token], chosen, w13, w2, product))


def spread_experts(model: nn.Module, form: Dispatch) -> None:
    """Cut every expert layer of `model`, in place, to the experts of this rank; `form` finds the others.

    Raises ValueError where the ranks can't have equally many. Parameters are new, so make optimizers after.
    """
    n, mine = 1, 0
    for level in form.levels:
        n, mine = n * level.n, mine * level.n + level.mine
    for layer in model.modules():
        if isinstance(layer, Experts):
            if len(layer.w13) % n:
                raise ValueError(f"{len(layer.w13)} experts can't be spread evenly over {n} ranks")
            layer.w13 = nn.Parameter(layer.w13.detach().chunk(n)[mine].clone())
            layer.w2 = nn.Parameter(layer.w2.detach().chunk(n)[mine].clone())
            layer.form = form


def add_up_gradients(model: nn.Module) -> None:
    """Add up over all ranks the gradients of what every rank has; those of experts are there already."""
    own = {id(p) for layer in model.modules() if isinstance(layer, Experts) for p in layer.parameters()}
    for parameter in model.parameters():
        if id(parameter) not in own:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)
