"""Where experts live: the busiest get several replicas, and devices get about equally much to do.

DeepSeek's planner for serving (EPLB), written from its description. Three ideas:
  replicas  a device has as many slots as any other, and there are more slots than experts; each further slot
            goes to the expert with the most load for each replica it has;
  packing   heaviest first, each to the emptiest device that has a slot left;
  groups    where a token may use experts of few nodes only, a group must stay on one node: groups are
            packed onto nodes first, and the two steps above then happen inside each node (*hierarchical*).
            Otherwise all devices are one node (*global*).

It plans for the load that it is given; which load comes next is for others to guess.

Source: github.com/deepseek-ai/EPLB, README (MIT licence).
Letters: L layers, E experts, S slots, D devices.
"""

import torch
from torch import Tensor

from lessons_lib.arguments import takes, whole

MOST_SLOTS = 10**6


@takes(load="number layers experts")
def place_experts(
    load: Tensor, n_replicas: int, n_groups: int, n_nodes: int, n_devices: int
) -> tuple[Tensor, Tensor]:
    """Return which expert lies in each slot (L, S), and how many replicas each has (L, E), both int64.

    `load` (L, E) is what each expert has to do; `n_replicas` is S, all slots together, device by device
    and node by node. Hierarchical if `n_nodes` divides `n_groups`, otherwise global. Raises ValueError
    where slots, groups or devices can't be shared out evenly, or a load is negative or not finite.
    """
    n_experts = load.shape[1]
    whole(1, n_groups=n_groups, n_nodes=n_nodes, n_devices=n_devices)
    whole(n_experts, MOST_SLOTS, n_replicas=n_replicas)
    if n_groups % n_nodes:
        n_groups = n_nodes = 1
    for whole_name, n, part_name, parts in (
        ("experts", n_experts, "groups", n_groups),
        ("devices", n_devices, "nodes", n_nodes),
        ("slots", n_replicas, "devices", n_devices),
    ):
        if n % parts:
            raise ValueError(f"{n} {whole_name} can't be shared out evenly to {parts} {part_name}")
    if not load.isfinite().all() or (load < 0).any():
        raise ValueError("a load must be finite and not negative")
    plans = [_plan(row.tolist(), n_replicas, n_groups, n_nodes, n_devices) for row in load.double()]
    slots = torch.tensor(plans)
    return slots, torch.stack([torch.bincount(row, minlength=n_experts) for row in slots])


def _plan(load: list[float], n_slots: int, n_groups: int, n_nodes: int, n_devices: int) -> list[int]:
    """Return the expert of every slot of one layer."""
    size = len(load) // n_groups
    groups = [range(first, first + size) for first in range(0, len(load), size)]
    homes = _packed([sum(load[e] for e in group) for group in groups], n_nodes)
    slots = []
    for home in homes:
        experts = [e for group in home for e in groups[group]]
        copies = _replicated([load[e] for e in experts], n_slots // n_nodes)
        shares = [load[experts[i]] / copies.count(i) for i in copies]
        for device in _packed(shares, n_devices // n_nodes):
            slots += [experts[copies[i]] for i in device]
    return slots


def _replicated(load: list[float], n_slots: int) -> list[int]:
    """Return whose replica each slot holds: all once, then again and again the one with the most to do."""
    copies, counts = list(range(len(load))), [1] * len(load)
    while len(copies) < n_slots:
        busiest = max(range(len(load)), key=lambda i: load[i] / counts[i])
        copies.append(busiest)
        counts[busiest] += 1
    return copies


def _packed(weights: list[float], n_packs: int) -> list[list[int]]:
    """Return packs of equally many things, about equally heavy: heaviest first, to the lightest pack."""
    room = len(weights) // n_packs
    packs: list[list[int]] = [[] for _ in range(n_packs)]
    total = [0.0] * n_packs
    for i in sorted(range(len(weights)), key=lambda i: -weights[i]):
        lightest = min((p for p in range(n_packs) if len(packs[p]) < room), key=lambda p: total[p])
        packs[lightest].append(i)
        total[lightest] += weights[i]
    return packs


def _refuse_strangers(slots: Tensor, n_experts: int) -> None:
    """Refuse slots of experts that there can't be: each has a slot, so there are no more than slots."""
    if slots.numel() and not 0 <= int(slots.min()) <= int(slots.max()) < n_experts:
        raise ValueError(f"slots hold experts 0 to {n_experts - 1}, got {slots.min()} to {slots.max()}")


@takes(load="number layers experts", slots="whole layers slots")
def device_load(load: Tensor, slots: Tensor, n_devices: int) -> Tensor:
    """Return what each device has to do, (L, D) float64: an expert's load is shared by its replicas."""
    whole(1, n_devices=n_devices)
    _refuse_strangers(slots, load.shape[1])
    if slots.shape[1] % n_devices:
        raise ValueError(f"{slots.shape[1]} slots can't be shared out evenly to {n_devices} devices")
    counts = torch.stack([torch.bincount(row, minlength=load.shape[1]) for row in slots])
    share = (load.double() / counts.clamp(min=1)).gather(1, slots)  # (L, S)
    return share.unflatten(1, (n_devices, -1)).sum(-1)


@takes(ids="whole tokens chosen", slots="whole slots")
def to_slots(ids: Tensor, slots: Tensor) -> Tensor:
    """Return for each chosen expert (N, K) a slot (N, K) that holds it; replicas take tokens in turns.

    The experts' matrices follow the plan by `w13[slots]` and `w2[slots]`, after which the layer's answer is
    the same. Raises ValueError for an expert without a slot.
    """
    _refuse_strangers(slots, len(slots))
    if ids.numel() and not torch.isin(ids, slots).all():
        raise ValueError("an expert that a token chose lies in no slot")
    order = slots.argsort(stable=True)  # slots, expert by expert
    counts = torch.bincount(slots)
    turn = torch.arange(len(ids)).unsqueeze(1) % counts[ids]
    return order[counts.cumsum(0)[ids] - counts[ids] + turn]
