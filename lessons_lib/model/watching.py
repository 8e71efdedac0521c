"""Look into a model with experts: see what its routers decide, or take experts away.

A forward pass never changes a model and says nothing about its inside. Who wants to see or to disturb
something says so with one of these, and at the end of the `with` block all is as it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lessons_lib.arguments import instance
from lessons_lib.model.experts import MoE
from lessons_lib.model.router import Router, Routing


def routers(model: nn.Module, *, mtp: bool = False) -> dict[int, Router]:
    """Return the routers of a model by layer; a model without experts has none.

    With `mtp` those of its MTP modules, too, counted on behind the last layer, as in released weights.
    """
    instance(nn.Module, model=model)
    instance(bool, mtp=mtp)
    blocks = list(getattr(model, "layers", ()))
    if mtp:
        blocks += [module.block for module in getattr(model, "mtp", ())]
    return {i: block.ffn.router for i, block in enumerate(blocks) if isinstance(block.ffn, MoE)}


@contextmanager
def watch_routing(model: nn.Module, *, mtp: bool = False) -> Iterator[dict[int, list[Routing]]]:
    """Give {layer: [Routing, ...]}, to which every forward pass within the block adds one per layer.

    The tokens of a Routing are those of the pass, (batch * position,), sequence after sequence. With `mtp`
    the MTP modules are watched as well, which a forward pass of the main model does not use.
    """
    found = routers(model, mtp=mtp)
    seen: dict[int, list[Routing]] = {layer: [] for layer in found}
    hooks = [
        router.register_forward_hook(lambda _, __, routing, of=seen[layer]: of.append(routing))
        for layer, router in found.items()
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def without_experts(model: nn.Module, removed: Mapping[int, Sequence[int]]) -> Iterator[None]:
    """Let no token choose the experts `removed`, {layer: ids}, within the block; others are chosen instead.

    An expert whose bias is minus infinity is never among the best.
    """
    found = routers(model)
    instance(Mapping, removed=removed)
    for layer, ids in removed.items():
        _refuse_impossible(found, layer, ids)
    before: dict[int, Tensor] = {layer: found[layer].bias.clone() for layer in removed}
    try:
        for layer, ids in removed.items():
            found[layer].bias[list(ids)] = -torch.inf
        yield
    finally:
        for layer, bias in before.items():
            found[layer].bias.copy_(bias)


def _refuse_impossible(found: dict[int, Router], layer: int, ids: Sequence[int]) -> None:
    if layer not in found:
        raise ValueError(f"layer {layer} has no experts; layers with experts: {list(found)}")
    config = found[layer].config
    n, k = config.routed.n_routed_experts, config.routed.n_activated_experts
    instance(Sequence, ids=ids)
    if wrong := [e for e in ids if type(e) is not int or not 0 <= e < n]:
        raise ValueError(f"layer {layer} has experts 0 to {n - 1}, got {wrong[0]}")
    per_group = torch.ones(n, dtype=torch.int64)
    per_group[list(ids)] = 0
    left = per_group.view(config.n_expert_groups, -1).sum(dim=1).sort().values  # the worst groups first
    fewest = int(left[: config.n_limited_groups].sum())
    if fewest < k:
        raise ValueError(f"layer {layer}: without them only {fewest} experts are left to choose {k} from")
    if config.n_limited_groups < config.n_expert_groups and config.group_score == "top2" and left[0] < 2:
        raise ValueError(f"layer {layer}: groups are scored by two experts, one has {int(left[0])} left")
