"""The router: which experts a token goes to, and how much of each answer it takes.

Three ideas:
  affinity  every expert has a direction, a row of the router's matrix; a token's affinity to it is the
            sigmoid of their dot product (V2: a softmax over all experts);
  choice    the K experts with the largest affinity *plus bias* are chosen. The bias, which balancing
            moves (`balance.py`), decides who is chosen and never enters a weight;
  groups    where experts live on different machines, a token may go to a few groups only: the best
            groups are kept, all other experts stand at minus infinity.

The weights are the affinities of the chosen, divided by their sum (`norm_topk`), times `route_scale`.
With K = 1 that quotient is 1 whatever the affinity, so the router learns nothing from the loss.
The report scores a group by the sum of its K/M largest affinities, M the number of groups that a token may
use; the released code by its best two experts, bias included: as many at V3's sizes. We follow the code.
All of it is computed in float32 at least, as there.

Sources: DeepSeek-V3 report, arXiv:2412.19437, equations 13 to 16; `Gate` in its `inference/model.py`.
Letters: N tokens, E experts, K experts per token, G groups.
"""

from dataclasses import dataclass
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import choice, instance, takes, takes_late, whole
from lessons_lib.config import ModelConfig
from lessons_lib.config.model import ScoreFunction

SCORES = get_args(ScoreFunction)
TINY = 1e-20  # added to the sum of affinities: all may be so small that they are 0


@dataclass(frozen=True, eq=False)
class Routing:
    """What a router decided for N tokens; the best of a token's K experts by biased affinity is first."""

    ids: Tensor  # (N, K) int64
    weights: Tensor  # (N, K), what each expert's answer is multiplied by
    affinities: Tensor  # (N, E), to all experts, without bias

    def __post_init__(self) -> None:
        ids, weights, affinities = self.ids, self.weights, self.affinities
        try:
            fits = ids.shape == weights.shape and ids.ndim == affinities.ndim == 2
            fits = fits and len(ids) == len(affinities) and ids.dtype == torch.int64
            fits = fits and weights.is_floating_point() and affinities.is_floating_point()
        except AttributeError:
            fits = False
        if not fits:
            _routing(ids, weights, affinities)


@takes(ids="whole tokens chosen", weights="float tokens chosen", affinities="float tokens experts")
def _routing(ids: Tensor, weights: Tensor, affinities: Tensor) -> None:
    """Raise unless the parts of a `Routing` fit together."""


@takes(x="float tokens dim", weight="float experts dim")
def affinities(x: Tensor, weight: Tensor, score_func: str = "sigmoid") -> Tensor:
    """Return the affinity (N, E) of tokens x (N, dim) to the experts, the rows of weight (E, dim)."""
    choice(SCORES, score_func=score_func)
    return _affinities(x, weight, score_func)


def _affinities(x: Tensor, weight: Tensor, score_func: str) -> Tensor:
    dtype = torch.promote_types(x.dtype, torch.float32)
    device = x.device.type
    if torch.is_autocast_enabled(device):  # it would make the product, and the choice, coarser
        with torch.autocast(device, enabled=False):
            logits = F.linear(x.to(dtype), weight.to(dtype))
    else:
        logits = F.linear(x.to(dtype), weight.to(dtype))
    return logits.sigmoid() if score_func == "sigmoid" else logits.softmax(dim=-1)


@takes(scores="float tokens experts", bias="float experts")
def choose_experts(
    scores: Tensor,
    bias: Tensor,
    k: int,
    n_groups: int = 1,
    n_limited_groups: int = 1,
    group_score: str = "top2",
) -> Tensor:
    """Return the ids (N, K) of the `k` experts with the largest scores (N, E) + bias (E,).

    Only those of the `n_limited_groups` best of `n_groups` groups take part. A group is as good as its
    best two experts together ("top2"), or as its best ("max"). Choosing has no gradient.
    Raises ValueError where the groups leave fewer than `k` experts, or biases of minus infinity do.
    """
    n_experts = scores.shape[1]
    whole(k=k, n_groups=n_groups, n_limited_groups=n_limited_groups)
    choice(("top2", "max"), group_score=group_score)
    if n_experts % n_groups or n_limited_groups > n_groups:
        raise ValueError(
            f"{n_experts} experts do not split into n_groups={n_groups} "
            f"of which n_limited_groups={n_limited_groups} take part"
        )
    in_group = n_experts // n_groups
    if k > in_group * n_limited_groups:
        raise ValueError(f"k={k} cannot be chosen from {n_limited_groups} groups of {in_group} experts")
    if n_limited_groups < n_groups and group_score == "top2" and in_group < 2:
        raise ValueError(f"a group's best two experts: {n_groups} groups of 1 expert have no two")
    ids = _choose(scores, bias, k, n_groups, n_limited_groups, group_score)
    if not (scores.gather(-1, ids) + bias[ids] > -torch.inf).all():
        raise ValueError(f"fewer than k={k} experts have a score and bias that are numbers above -inf")
    return ids


@torch.no_grad()
def _choose(
    scores: Tensor, bias: Tensor, k: int, n_groups: int, n_limited_groups: int, group_score: str
) -> Tensor:
    biased = scores + bias
    if n_limited_groups < n_groups:
        grouped = biased.unflatten(-1, (n_groups, -1))  # (N, G, E / G)
        of_group = grouped.topk(2 if group_score == "top2" else 1, dim=-1).values.sum(dim=-1)  # (N, G)
        kept = of_group.topk(n_limited_groups, dim=-1).indices
        left_out = torch.ones_like(of_group, dtype=torch.bool).scatter(-1, kept, False)
        # not 0: where biases make every score negative, 0 would win
        biased = grouped.masked_fill(left_out.unsqueeze(-1), -torch.inf).flatten(-2)
    return biased.topk(k, dim=-1).indices


class Router(nn.Module):
    """Map tokens x (N, dim) to their `Routing`."""

    bias: Tensor  # (E,) float32, a buffer: no gradient, but part of the state dict

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        self.dim = config.dim
        self.config = config
        n_experts = config.routed.n_routed_experts
        self.weight = nn.Parameter(torch.randn(n_experts, config.dim) * config.dim**-0.5)
        self.register_buffer("bias", torch.zeros(n_experts))

    @takes_late(x="float tokens self.dim")
    def forward(self, x: Tensor) -> Routing:
        if not x.is_floating_point():
            raise TypeError(f"tokens must hold floating-point numbers, got {x.dtype}")
        config = self.config
        scores = _affinities(x, self.weight, config.score_func)
        groups = config.n_expert_groups, config.n_limited_groups, config.group_score
        ids = _choose(scores, self.bias, config.routed.n_activated_experts, *groups)
        weights = scores.gather(-1, ids)
        if config.norm_topk:
            weights = weights / (weights.sum(dim=-1, keepdim=True) + TINY)
        return Routing(ids, weights * config.route_scale, scores)

    def _apply(self, fn, recurse=True):
        """Change type or device as every module does, but leave the bias in float32.

        Its steps of 0.001 would be lost in BF16.
        """
        before = self.bias
        super()._apply(fn, recurse)
        if self.bias.dtype != torch.float32:
            self.bias = before.to(self.bias.device)
        return self
