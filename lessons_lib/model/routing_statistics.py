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


def expert_load(ids: Tensor, n_experts: int) -> Tensor:
    """Return how often each expert stands in `ids`, (E,) int64."""
    return torch.bincount(ids.flatten(), minlength=n_experts)


def maximum_violation(load: Tensor) -> Tensor:
    """Return max / mean - 1 over the last axis of load (..., E), float64."""
    load = load.to(torch.float64)
    return load.amax(dim=-1) / load.mean(dim=-1) - 1


def load_entropy(load: Tensor) -> Tensor:
    """Return the entropy, in bits, of load (..., E) read as a distribution over experts, float64."""
    share = load.to(torch.float64) / load.sum(dim=-1, keepdim=True)
    return -torch.xlogy(share, share).sum(dim=-1) / torch.log(torch.tensor(2.0, dtype=torch.float64))


def dead_experts(load: Tensor) -> Tensor:
    """Return how many experts of load (..., E) had no token at all, int64."""
    return (load == 0).sum(dim=-1)


def expert_by_domain(ids: Tensor, domains: Tensor, n_experts: int, n_domains: int) -> Tensor:
    """Return how often tokens of each domain chose each expert, (n_domains, E) int64.

    `ids` are (N, K), `domains` (N,) the domain of each token.
    """
    cell = domains.unsqueeze(-1) * n_experts + ids  # (N, K)
    return torch.bincount(cell.flatten(), minlength=n_domains * n_experts).view(n_domains, n_experts)


def mutual_information(table: Tensor) -> float:
    """Return what one index of table (n_domains, E) of counts tells about the other, in bits."""
    joint = table.to(torch.float64) / table.sum()
    apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
    known = joint > 0
    return (joint[known] * torch.log2(joint[known] / apart[known])).sum().item()
