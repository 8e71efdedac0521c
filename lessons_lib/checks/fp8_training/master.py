"""Check of steps on master weights, against a loop over single weights in Python's own floats.

Weights and steps have three decimals, and no number of three decimals lies in the middle of two values
of E4M3 in the octaves from 1/16 to 1: so float32's rounding decides nothing.
"""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.eight_bit_numbers.rounding import nearest_value, round_wrongly


def _draw(rng: random.Random) -> dict[str, Any]:
    n, n_steps = rng.randint(2, 4), rng.randint(3, 6)
    signs = [rng.choice((-1, 1)) for _ in range(n)]
    weights = [sign * rng.randint(130, 800) / 1000 for sign in signs]
    sizes = [[rng.randint(1, 9) / 10_000 for _ in range(n)] for _ in range(n_steps)]
    gradients = [[sign * size for sign, size in zip(signs, row, strict=True)] for row in sizes]
    return {
        "weights": torch.tensor(weights),
        "gradients": torch.tensor(gradients),
        "rate": rng.choice((8.0, 10.0)),
    }


def _one_by_one(weights: Tensor, gradients: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    used, masters = [], []
    for weight, column in zip(weights.tolist(), gradients.T.tolist(), strict=True):
        copies = []
        for gradient in column:
            copies.append(nearest_value(weight))
            weight = weight - rate * gradient
        used.append(copies)
        masters.append(weight)
    return torch.tensor(used, dtype=torch.float64).T, torch.tensor(masters, dtype=torch.float64)


def _steps(
    weights: Tensor,
    gradients: Tensor,
    rate: float,
    *,
    stored: str = "master",  # or "rounded": after each step; or "copy": the step is taken from the copy
    copied: str = "each step",  # or "once", "after", "never"
    gradient: str = "exact",  # or "rounded"; or "step": the step is rounded
    sign: int = -1,
) -> tuple[Tensor, Tensor]:
    """Take the steps with one thing (or none) done the wrong way."""
    master, used = weights.double(), []
    first = round_wrongly(master)
    for g in gradients.double():
        copy = {"once": first, "never": master}.get(copied, round_wrongly(master))
        step = rate * (round_wrongly(g) if gradient == "rounded" else g)
        step = round_wrongly(step) if gradient == "step" else step
        master = (copy if stored == "copy" else master) + sign * step
        master = round_wrongly(master) if stored == "rounded" else master
        used.append(round_wrongly(master) if copied == "after" else copy)
    return torch.stack(used), master


MASTER_STEPS = Exercise(
    "master_steps",
    _draw,
    _one_by_one,
    (
        Misconception(
            "master weights in FP8",
            "What you keep from step to step has been rounded. A step is smaller than the gaps between "
            "values: what becomes of ten of them?",
            (partial(_steps, stored="rounded"), partial(_steps, stored="copy")),
        ),
        Misconception(
            "copy made once",
            "Your master weights are right. But what goes into the products never changes: when is a "
            "copy made?",
            (partial(_steps, copied="once"),),
        ),
        Misconception(
            "copy made after the step",
            "Your master weights are right, and each copy is one step too new. A gradient is taken before "
            "the step that it causes.",
            (partial(_steps, copied="after"),),
        ),
        Misconception(
            "master weights in the products",
            "Your master weights are right. But the products are in FP8, and cannot take them as they are.",
            (partial(_steps, copied="never"),),
        ),
        Misconception(
            "gradients in a plain cast",
            "Your master weights miss steps. Nothing in this exercise has a scale: what becomes of so small "
            "a number in E4M3?",
            (partial(_steps, gradient="rounded"), partial(_steps, gradient="step")),
        ),
        Misconception(
            "uphill",
            "Your weights go up where the loss goes up. Descent goes the other way: which sign has its step?",
            (partial(_steps, sign=1),),
        ),
    ),
    lesson="10",
    returns=("used", "master"),
    edges={
        "one step": lambda c: {"gradients": c["gradients"][:1]},
        "one weight": lambda c: {"weights": c["weights"][:1], "gradients": c["gradients"][:, :1]},
        "gradients of 0": lambda c: {"gradients": c["gradients"] * 0},
        "many small steps": lambda c: {"gradients": c["gradients"].repeat(8, 1), "rate": 1.0},
        "weights of 0": lambda c: {"weights": c["weights"] * 0},
    },
    tolerance=1e-5,
    margin=5e-4,
)
