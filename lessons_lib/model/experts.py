"""Experts: many small feed-forward blocks, of which each token uses a few (DeepSeekMoE).

Three ideas:
  few of many  a router sends a token to K of E experts, so knowing more does not cost more products;
  shared       some experts see every token, unweighted, so that the others need not all learn what all
               tokens need. Several are one block of as many times the width: the same sum;
  dispatch     tokens are sorted by expert, so each expert multiplies one matrix, then put back and added.

Three forms give the same numbers: `loop_over_experts` reads like the equation, `dense_masked` lets every
expert see every token and weighs most answers with 0, `grouped` sorts. Only `grouped` is fast.

`linear` is handed in from outside. If it has a function `grouped` (with the arguments of
`grouped_linear`), that one makes the experts' products. A form may be handed in, too: any function with
the arguments of `grouped`, for instance one that sends tokens to other devices.

Sources: Dai et al., DeepSeekMoE, arXiv:2401.06066; DeepSeek-V3 report, arXiv:2412.19437, section 2.1.2.
Letters: N tokens, E experts, K experts per token, I width of an expert; R = N K rows, one per choice.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes, takes_late
from lessons_lib.config import ModelConfig
from lessons_lib.model.feed_forward import FeedForward
from lessons_lib.model.router import Router, Routing
from lessons_lib.model.routing_statistics import refuse_ids

EXPERT_FORM = takes(x="float tokens dim", w13="float experts gate_and_up dim", w2="float experts dim inner")


def swiglu(x: Tensor) -> Tensor:
    """Map (..., 2 I), gate first, to silu(gate) * up, (..., I)."""
    gate, up = x.chunk(2, dim=-1)
    return F.silu(gate) * up


@takes(x="float rows in", weight="float experts out in", ends="whole experts")
def grouped_linear(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    """Multiply rows x (R, in), sorted by expert, by the matrices weight (E, out, in) of their experts.

    `ends` (E,) int32 says where each expert's rows end. Returns (R, out). torch's kernel wants rows of whole
    16 bytes; others (in float32 a width that 4 does not divide) are filled up with zeros, which costs a copy.
    It does not know float64, and `torch.compile` does not know it: there each expert's product is made apart.
    """
    if (bounds := ends.tolist()) != sorted(bounds) or bounds[:1] < [0] or bounds[-1:] != [len(x)]:
        raise ValueError(f"ends must ascend to the number of rows, {len(x)}, got {bounds}")
    return _grouped_linear(x, weight, ends.int())


def _grouped_linear(x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
    if x.dtype != weight.dtype:
        raise TypeError(f"rows hold {x.dtype}, the experts' matrices {weight.dtype}")
    if x.dtype == torch.float64 or torch.compiler.is_compiling():
        pieces = x.tensor_split(ends[:-1].tolist())
        return torch.cat([rows @ matrix.T for rows, matrix in zip(pieces, weight, strict=True)])
    whole = 16 // x.element_size()
    n_in, n_out = weight.shape[2], weight.shape[1]
    if n_in % whole or n_out % whole:
        x = F.pad(x, (0, -n_in % whole))
        weight = F.pad(weight, (0, -n_in % whole, 0, -n_out % whole))
    return F.grouped_mm(x, weight.transpose(1, 2), offs=ends)[:, :n_out]


def refuse_unfit(x: Tensor, routing: Routing, w13: Tensor, w2: Tensor) -> None:
    """Raise unless x (N, dim), the routing and the matrices (E, 2 I, dim) and (E, dim, I) fit together."""
    instance(Routing, routing=routing)
    if len(routing.ids) != len(x):
        raise ValueError(f"a routing of {len(routing.ids)} tokens does not fit x with {len(x)}")
    refuse_ids(routing.ids, len(w13), "experts")
    if w13.shape[1] != 2 * w2.shape[2]:
        raise ValueError(f"w13 makes gate and up, so {2 * w2.shape[2]} numbers for w2, got {w13.shape[1]}")


@EXPERT_FORM
def loop_over_experts(x: Tensor, routing: Routing, w13: Tensor, w2: Tensor) -> Tensor:
    """Add up, expert by expert, what its tokens get from it: the equation, and slow for many experts."""
    refuse_unfit(x, routing, w13, w2)
    return _loop_over_experts(x, routing, w13, w2)


def _loop_over_experts(x: Tensor, routing: Routing, w13: Tensor, w2: Tensor) -> Tensor:
    answer = torch.zeros_like(x)  # (N, dim)
    for expert in range(len(w13)):
        token, choice = (routing.ids == expert).nonzero(as_tuple=True)
        found = swiglu(x[token] @ w13[expert].T) @ w2[expert].T
        weight = routing.weights[token, choice].unsqueeze(-1)
        answer = answer.index_add(0, token, (found * weight).to(x.dtype))
    return answer


@EXPERT_FORM
def dense_masked(x: Tensor, routing: Routing, w13: Tensor, w2: Tensor) -> Tensor:
    """Let every expert answer every token, and weigh the answers of those not chosen with 0."""
    refuse_unfit(x, routing, w13, w2)
    if routing.affinities.shape[1] != len(w13):
        raise ValueError(f"a routing to {routing.affinities.shape[1]} experts does not fit {len(w13)}")
    return _dense_masked(x, routing, w13, w2)


def _dense_masked(x: Tensor, routing: Routing, w13: Tensor, w2: Tensor) -> Tensor:
    weights = torch.zeros_like(routing.affinities).scatter(-1, routing.ids, routing.weights)  # (N, E)
    hidden = swiglu(torch.einsum("nd,eid->nei", x, w13))
    return torch.einsum("nei,edi,ne->nd", hidden, w2, weights.to(x.dtype))


@EXPERT_FORM
def grouped(
    x: Tensor, routing: Routing, w13: Tensor, w2: Tensor, product: Callable = _grouped_linear
) -> Tensor:
    """Sort the choices by expert, multiply each expert's rows at once, add the answers to their tokens.

    The weights are multiplied in before w2, where rows are narrower: w2 is linear, so it is the same.
    """
    refuse_unfit(x, routing, w13, w2)
    return _grouped(x, routing, w13, w2, product)


def _grouped(
    x: Tensor, routing: Routing, w13: Tensor, w2: Tensor, product: Callable = _grouped_linear
) -> Tensor:
    expert = routing.ids.flatten()  # (R,)
    order = expert.argsort(stable=True)  # of the choices, expert by expert
    token = order // routing.ids.shape[1]  # (R,), whose choice it is
    ends = torch.bincount(expert, minlength=len(w13)).cumsum(0).int()  # (E,)
    weight = routing.weights.flatten().index_select(0, order).unsqueeze(-1)  # (R, 1)
    hidden = swiglu(product(x.index_select(0, token), w13, ends)) * weight  # (R, I)
    found = product(hidden.to(x.dtype), w2, ends).to(weight.dtype)  # (R, dim)
    answer = torch.zeros_like(x, dtype=weight.dtype).index_add(0, token, found)
    return answer.to(x.dtype)


FORMS = {"loop": _loop_over_experts, "dense": _dense_masked, "grouped": _grouped}


def refuse_form(form: str | Callable, linear: Callable) -> None:
    """Raise for a form that there is not, or that would leave out the products that `linear` brings."""
    instance(Callable, linear=linear)
    if form not in FORMS if isinstance(form, str) else not callable(form):
        raise ValueError(f"form must be {', '.join(FORMS)} or a function, got {form!r}")
    if getattr(linear, "grouped", None) is not None and form in ("loop", "dense"):
        raise ValueError(f'{linear.__name__} brings its own products, which only form="grouped" uses')


class Experts(nn.Module):
    """The routed experts' matrices, stacked; map x (N, dim) and its Routing to (N, dim)."""

    def __init__(
        self,
        config: ModelConfig,
        *,
        linear: type[nn.Linear] = nn.Linear,
        form: str | Callable = "grouped",
    ) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        refuse_form(form, linear)
        n, width, dim = config.routed.n_routed_experts, config.routed.moe_inter_dim, config.dim
        self.w13 = nn.Parameter(torch.randn(n, 2 * width, dim) * dim**-0.5)  # gate rows, then up rows
        self.w2 = nn.Parameter(torch.randn(n, dim, width) * width**-0.5)  # down
        self.product = getattr(linear, "grouped", None)
        self.form = FORMS[form] if isinstance(form, str) else form

    def forward(self, x: Tensor, routing: Routing) -> Tensor:
        if not isinstance(routing, Routing) or len(routing.ids) != len(x):
            refuse_unfit(x, routing, self.w13, self.w2)
        own = {} if self.product is None else {"product": self.product}
        return self.form(x, routing, self.w13, self.w2, **own)


class MoE(nn.Module):
    """Map x (..., dim) to shared(x) + sum over a token's experts of weight * expert(x), (..., dim)."""

    def __init__(
        self,
        config: ModelConfig,
        *,
        linear: type[nn.Linear] = nn.Linear,
        form: str | Callable = "grouped",
    ) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        self.dim = config.dim
        self.router = Router(config)  # never 8-bit, as in V3
        self.experts = Experts(config, linear=linear, form=form)
        width = config.n_shared_experts * config.routed.moe_inter_dim
        self.shared = FeedForward(config.dim, width, linear=linear) if width else None

    @takes_late(x="float ... position self.dim")
    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(0, -2)  # (N, dim)
        answer = self.experts(flat, self.router(flat)).view_as(x)
        return answer if self.shared is None else answer + self.shared(x)
