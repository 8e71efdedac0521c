"""Balance: keep every expert in work, by moving a bias or by an additional loss.

Three ways, each with its own idea of "balanced":
  bias      after each step the bias of an expert that had more tokens than the mean falls by one fixed
            step, that of one that had fewer rises. No gradient, no loss; it looks at the whole batch;
  classic   E / (K N) times the tokens of an expert, times its mean share of the affinities, summed.
            Only the second factor has a gradient: experts with many tokens are made less likely;
  sequence  the same within every sequence, averaged: V3 keeps a very weak one against extreme cases.

Both losses are `alpha`, not 0, when all experts have equally many tokens, since the shares sum to 1. (They
can fall a little below, where an expert is chosen often and narrowly, or seldom and clearly.)

Sources: Wang et al., arXiv:2408.15664; Fedus et al., Switch Transformers, arXiv:2101.03961; DeepSeek-V3
report, arXiv:2412.19437, equations 17 to 20. Letters: N tokens, E experts, K experts per token.
"""

import torch
from torch import Tensor

from lessons_lib.arguments import number, takes, whole
from lessons_lib.model.routing_statistics import expert_load, refuse_counts


@takes(bias="float experts", load="number experts")
@torch.no_grad()
def update_bias(bias: Tensor, load: Tensor, speed: float) -> None:
    """Move bias (E,), in place, by `speed` against the sign of load (E,) minus its mean.

    `load` counts the tokens of each expert in the whole batch of a step. V3: speed 0.001, and 0 at the end.
    """
    number(0, speed=speed)
    refuse_counts(load)
    load = load.to("cpu", torch.float64)  # not every device knows such numbers
    bias -= speed * torch.sign(load - load.mean()).to(bias)


@takes(affinities="float tokens experts", ids="whole tokens chosen")
def auxiliary_loss(affinities: Tensor, ids: Tensor, alpha: float) -> Tensor:
    """Return the classic balance loss of affinities (N, E) and chosen ids (N, K), a scalar."""
    number(0, alpha=alpha)
    _refuse_nothing(affinities)
    whole(most=affinities.shape[1], **{"experts per token": ids.shape[1]})
    n_experts = affinities.shape[1]
    frequency = expert_load(ids, n_experts) * (n_experts / ids.numel())  # (E,), 1 when balanced; no gradient
    share = (affinities / affinities.sum(dim=-1, keepdim=True)).mean(dim=0)  # (E,), sums to 1
    return alpha * (frequency * share).sum()


@takes(affinities="float tokens experts")
def sequence_wise_loss(affinities: Tensor, k: int, length: int, alpha: float) -> Tensor:
    """Return V3's balance loss, a scalar: the mean over sequences of each one's own.

    affinities are (N, E), sequence after sequence of `length` tokens. As in the report, who counts as
    chosen is decided by the affinities alone, without bias.
    """
    number(0, alpha=alpha)
    whole(length=length)
    whole(most=affinities.shape[1], k=k)
    _refuse_nothing(affinities)
    if len(affinities) % length:
        raise ValueError(f"{len(affinities)} tokens are no whole number of sequences of length={length}")
    n_experts = affinities.shape[1]
    by_sequence = affinities.view(-1, length, n_experts)
    chosen = torch.zeros_like(by_sequence).scatter(-1, by_sequence.topk(k, dim=-1).indices, 1.0)
    frequency = chosen.mean(dim=1) * (n_experts / k)  # (sequences, E)
    share = (by_sequence / by_sequence.sum(dim=-1, keepdim=True)).mean(dim=1)  # (sequences, E)
    return alpha * (frequency * share).sum(dim=-1).mean()


def _refuse_nothing(affinities: Tensor) -> None:
    if not affinities.numel():
        raise ValueError(f"there is nothing to balance: affinities have shape {tuple(affinities.shape)}")
