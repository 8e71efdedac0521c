"""Make eplb.json: what DeepSeek's released planner finds for its README's example and 200 random loads.

  python tests/data/make_eplb.py FOLDER    where FOLDER is a copy of github.com/deepseek-ai/EPLB

Made with its commit d52c72d5b2f2fb4c41afbf8eb21366820239913d (MIT licence), and torch 2.13.0. The code itself
is not kept here; the loads are made again from their numbers by `random_case`.
"""

import json
import random
import sys
from pathlib import Path

import torch

README_LOAD = [
    [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
    [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
]


def random_case(number: int) -> tuple[torch.Tensor, tuple[int, int, int, int]]:
    """Return a load (2, experts) and (slots, groups, nodes, devices); every third case is global."""
    rng = random.Random(number)
    nodes, per_node, groups_each = rng.choice((2, 4)), rng.choice((2, 4)), rng.choice((1, 2))
    devices, groups = nodes * per_node, nodes * groups_each
    experts = groups * per_node * rng.choice((2, 4))
    slots = experts + devices * rng.choice((0, 1, 2))
    steep = rng.choice((0.0, 0.5, 1.0))  # a Zipf law's exponent
    load = [[(rank + 1) ** -steep * (0.5 + rng.random()) for rank in range(experts)] for _ in range(2)]
    for row in load:
        rng.shuffle(row)
    if number % 3 == 0:
        groups = nodes + 1  # nodes do not divide it
    return torch.tensor(load), (slots, groups, nodes, devices)


def busiest(load: torch.Tensor, slots: torch.Tensor, devices: int) -> list[float]:
    """Return the load of the busiest device of each layer, over the mean."""
    found = []
    for row, plan in zip(load.double().tolist(), slots.tolist()):
        counts = [plan.count(e) for e in range(len(row))]
        shares = [row[e] / counts[e] for e in plan]
        size = len(plan) // devices
        sums = [sum(shares[first : first + size]) for first in range(0, len(plan), size)]
        found.append(max(sums) / (sum(row) / devices))
    return found


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import eplb

    example, _, counts = eplb.rebalance_experts(torch.tensor(README_LOAD), 16, 4, 2, 8)
    cases = []
    for number in range(200):
        load, sizes = random_case(number)
        slots, _, _ = eplb.rebalance_experts(load, *sizes)
        cases.append([round(x, 9) for x in busiest(load, slots, sizes[-1])])
    made = {"readme_slots": example.tolist(), "readme_counts": counts.tolist(), "busiest": cases}
    text = json.dumps(made).replace("]], ", "]],\n").replace("], [", "],\n[")
    Path(__file__).with_name("eplb.json").write_text(text + "\n", encoding="utf-8")
