"""Check of how slots are shared out to experts, against a loop."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw_load(rng: random.Random) -> dict[str, Any]:
    while True:
        n_experts, more = rng.randint(4, 6), rng.randint(4, 6)
        load = [0, rng.randint(60, 120), *rng.sample(range(1, 40), n_experts - 2)]
        shares = [value / count for value in load[1:] for count in range(1, more + 2)]
        left = [{value * slots % sum(load) for value in load} for slots in (more, n_experts + more)]
        # nobody is ever as busy as another, and of slots in proportion nobody has the same part left over
        if len(set(shares)) == len(shares) and all(len(parts) == n_experts for parts in left):
            rng.shuffle(load)
            return {"load": torch.tensor(load, dtype=torch.float32), "n_slots": n_experts + more}


def _greedy(load: Tensor, n_slots: int) -> Tensor:
    work, counts = load.tolist(), [1] * len(load)
    for _ in range(n_slots - len(work)):
        busiest = max(range(len(work)), key=lambda e: work[e] / counts[e])
        counts[busiest] += 1
    return torch.tensor(counts)


def _all_to_one(load: Tensor, n_slots: int) -> Tensor:
    counts = torch.ones(len(load), dtype=torch.int64)
    counts[load.argmax()] += n_slots - len(load)
    return counts


def _heads(load: Tensor, n_slots: int) -> Tensor:
    """Give the busiest ones another slot each, round after round."""
    counts, order = torch.ones(len(load), dtype=torch.int64), load.argsort(descending=True)
    for i in range(n_slots - len(load)):
        counts[order[i % len(load)]] += 1
    return counts


def _in_proportion(load: Tensor, n_slots: int, least: int) -> Tensor:
    """Give slots in proportion to the load, whole ones first, the rest to the largest remainders."""
    free = n_slots - least * len(load)
    exact = load.double() / load.double().sum() * free
    counts = exact.floor().long()
    order = (exact - counts).argsort(descending=True, stable=True)
    counts[order[: free - int(counts.sum())]] += 1
    return counts + least


def _without_own(load: Tensor, n_slots: int) -> Tensor:
    """Give the first slots to those with work only, and then go on by the rule."""
    work, counts = load.tolist(), (load > 0).long().tolist()
    while sum(counts) < n_slots:
        counts[max(range(len(work)), key=lambda e: work[e] / max(counts[e], 1))] += 1
    return torch.tensor(counts)


def _by(load: Tensor, n_slots: int, *, share: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    counts = torch.ones(len(load), dtype=torch.int64)
    for _ in range(n_slots - len(load)):
        counts[share(load.double(), counts).argmax()] += 1
    return counts


SHARE_SLOTS = Exercise(
    "share_slots",
    _draw_load,
    _greedy,
    (
        Misconception(
            "all to the busiest",
            "One expert gets all further slots. After its second replica, how much does each of them still "
            "have to do, and who is the busiest then?",
            (_all_to_one,),
        ),
        Misconception(
            "a slot each for the busiest",
            "You go down the list of the busiest and give each one slot more. Is the first of them not still "
            "the busiest, after its second?",
            (_heads,),
        ),
        Misconception(
            "in proportion",
            "You share out in proportion to the load and round. The rule goes slot by slot: who has most to "
            "do for each replica, now?",
            (
                lambda load, n_slots: (
                    (load.double() / load.double().sum() * n_slots).round().clamp(min=1).long()
                ),
                partial(_in_proportion, least=0),
                partial(_in_proportion, least=1),
            ),
        ),
        Misconception(
            "no slot for the idle",
            "An expert that nobody chose has no slot. What if one token chooses it tomorrow?",
            (_without_own,),
        ),
        Misconception(
            "as busy as it will be",
            "You ask who would be busiest after one more replica. The rule asks who is, now.",
            (partial(_by, share=lambda load, counts: load / (counts + 1)),),
        ),
        Misconception(
            "halved each time",
            "You halve an expert's work with each replica. With three of them, what part of it has each?",
            (partial(_by, share=lambda load, counts: load / 2.0 ** (counts - 1)),),
        ),
        Misconception(
            "so many further slots",
            "Add up your replicas: there are more than `n_slots`. The first replica of each expert lies "
            "in a slot, too: how many slots are left for further ones?",
            (lambda load, n_slots: _greedy(load, n_slots + len(load)),),
        ),
    ),
    lesson="07",
    returns=("replicas",),
    edges={
        "no slot more": lambda c: {"n_slots": len(c["load"])},
        "one expert": lambda c: {"load": c["load"][:1] + 1, "n_slots": 5},
        "large loads": lambda c: {"load": 1e9 * c["load"]},
        "small loads": lambda c: {"load": c["load"] / 1e9},
        "one has all the work": lambda c: {"load": c["load"] * (c["load"] == c["load"].max())},
    },
)
