"""Who works, who does what: numbers about the choices of a router.

    load              how many tokens chose each expert
    maximum violation how far the busiest expert is above the mean: 0 balanced, 1 twice as many
    entropy           of the load, in bits: log2 E when balanced
    expert by domain  how often tokens of each domain chose each expert, and the information, in bits,
                      that an expert's number gives about the domain

The last needs a control: even random choices have some information about the domain in a finite sample.
`mutual_information` of a table made with shuffled domains says how much.
Letters: N tokens, E experts, K experts per token.
"""

import torch
from torch import Tensor

from lessons_lib.arguments import takes, whole


def refuse_ids(ids: Tensor, n: int, what: str) -> None:
    """Raise ValueError unless all `ids` are 0 to n - 1."""
    if ids.numel() == 0:
        return
    low, high = (int(i) for i in ids.aminmax())
    if low < 0 or high >= n:
        raise ValueError(f"{what} are 0 to {n - 1}, got {low if low < 0 else high}")


def refuse_counts(load: Tensor) -> None:
    """Raise ValueError unless `load` holds counts: something, nothing negative, nothing infinite."""
    if not load.numel() or not (load >= 0).all() or not load.sum().isfinite():
        raise ValueError(f"counts are 0 or above and finite, got {load.flatten()[:8].tolist()}")


@takes(ids="whole ...")
def expert_load(ids: Tensor, n_experts: int) -> Tensor:
    """Return how often each expert stands in `ids`, (E,) int64."""
    whole(n_experts=n_experts)
    refuse_ids(ids, n_experts, "experts")
    return torch.bincount(ids.flatten(), minlength=n_experts)


@takes(load="number ... experts")
def maximum_violation(load: Tensor) -> Tensor:
    """Return max / mean - 1 over the last axis of load (..., E), float64."""
    _refuse_none_chosen(load)
    load = load.to(torch.float64)
    return load.amax(dim=-1) / load.mean(dim=-1) - 1


@takes(load="number ... experts")
def load_entropy(load: Tensor) -> Tensor:
    """Return the entropy, in bits, of load (..., E) read as a distribution over experts, float64."""
    _refuse_none_chosen(load)
    share = load.to(torch.float64) / load.sum(dim=-1, keepdim=True)
    return -torch.xlogy(share, share).sum(dim=-1) / torch.log(torch.tensor(2.0, dtype=torch.float64))


@takes(load="number ... experts")
def dead_experts(load: Tensor) -> Tensor:
    """Return how many experts of load (..., E) had no token at all, int64."""
    refuse_counts(load)
    return (load == 0).sum(dim=-1)


@takes(ids="whole tokens chosen", domains="whole tokens")
def expert_by_domain(ids: Tensor, domains: Tensor, n_experts: int, n_domains: int) -> Tensor:
    """Return how often tokens of each domain chose each expert, (n_domains, E) int64.

    `ids` are (N, K), `domains` (N,) the domain of each token.
    """
    whole(n_experts=n_experts, n_domains=n_domains)
    refuse_ids(ids, n_experts, "experts")
    refuse_ids(domains, n_domains, "domains")
    cell = domains.unsqueeze(-1) * n_experts + ids  # (N, K)
    return torch.bincount(cell.flatten(), minlength=n_domains * n_experts).view(n_domains, n_experts)


def _refuse_none_chosen(load: Tensor) -> None:
    refuse_counts(load)
    if not load.any(dim=-1).all():
        raise ValueError(f"no expert had a token: load of shape {tuple(load.shape)} has a row of zeros")


@takes(table="number domains experts")
def mutual_information(table: Tensor) -> float:
    """Return what one index of table (n_domains, E) of counts tells about the other, in bits."""
    refuse_counts(table)
    if not table.any():
        raise ValueError("nothing was counted: the table holds zeros only")
    joint = table.to(torch.float64) / table.sum()
    apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
    known = joint > 0
    return (joint[known] * torch.log2(joint[known] / apart[known])).sum().item()
