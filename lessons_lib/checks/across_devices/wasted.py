"""Check of slots that are wasted: replicas beside one another on one device."""

import random
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw_slots(rng: random.Random) -> dict[str, Any]:
    n_devices, each = rng.randint(2, 4), rng.randint(3, 5)
    n_experts = rng.randint(3, 5)
    slots = [rng.randrange(n_experts) for _ in range(n_devices * each)]
    slots[:3] = [slots[0]] * 3  # three of one expert on one device
    return {"slots": torch.tensor(slots), "n_devices": n_devices}


def _loop_wasted(slots: Tensor, n_devices: int) -> int:
    each, wasted = len(slots) // n_devices, 0
    for device in range(n_devices):
        held = slots.tolist()[device * each : (device + 1) * each]
        wasted += len(held) - len(set(held))
    return wasted


def _twins(slots: Tensor, n_devices: int) -> int:
    """Count every slot whose expert stands on its device twice or more."""
    rows = slots.view(n_devices, -1).tolist()
    return sum(row.count(e) > 1 for row in rows for e in row)


def _experts(slots: Tensor, n_devices: int) -> int:
    """Count experts, device by device, that stand there twice or more."""
    rows = slots.view(n_devices, -1).tolist()
    return sum(row.count(e) > 1 for row in rows for e in set(row))


def _pairs(slots: Tensor, n_devices: int) -> int:
    rows = slots.view(n_devices, -1).tolist()
    return sum(one == other for row in rows for one, other in combinations(row, 2))


def _side_by_side(slots: Tensor, n_devices: int) -> int:
    rows = slots.view(n_devices, -1)
    return int((rows[:, 1:] == rows[:, :-1]).sum())


WASTED_SLOTS = Exercise(
    "wasted_slots",
    _draw_slots,
    _loop_wasted,
    (
        Misconception(
            "replicas anywhere",
            "You count replicas on other devices, too. Those are what replicas are for.",
            (lambda slots, n_devices: len(slots) - len(slots.unique()),),
        ),
        Misconception(
            "the first counted, too",
            "Of two equal slots of a device you count both. One of them works.",
            (_twins,),
        ),
        Misconception(
            "experts instead of slots",
            "Three slots of one expert on a device: how many could hold something else?",
            (_experts,),
        ),
        Misconception(
            "slots dealt out",
            "Slots of a device are neighbours. Yours were dealt out to the devices like cards.",
            (lambda slots, n_devices: _loop_wasted(slots.view(-1, n_devices).T.flatten(), n_devices),),
        ),
        Misconception(
            "devices instead of slots",
            "You count devices where something is wasted. How much is it on each?",
            (
                lambda slots, n_devices: sum(
                    len(set(row)) < len(row) for row in slots.view(n_devices, -1).tolist()
                ),
            ),
        ),
        Misconception(
            "devices for slots of a device",
            "You cut the row into pieces of the wrong length. `n_devices` says how many pieces there are: "
            "how many slots has each?",
            (lambda slots, n_devices: _loop_wasted(slots, len(slots) // n_devices),),
        ),
        Misconception(
            "pairs counted",
            "Three equal slots of a device are three pairs. How many of the three could hold something else?",
            (_pairs,),
        ),
        Misconception(
            "neighbours compared only",
            "You compare each slot with the one beside it. And if another expert lies between two of the "
            "same?",
            (_side_by_side,),
        ),
    ),
    lesson="07",
    returns=("wasted",),
    edges={
        "one device": lambda c: {"n_devices": 1},
        "one slot a device": lambda c: {"n_devices": len(c["slots"])},
        "one expert everywhere": lambda c: {"slots": 0 * c["slots"]},
        "nobody twice": lambda c: {"slots": torch.arange(len(c["slots"]))},
    },
)
