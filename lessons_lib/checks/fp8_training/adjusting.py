"""Check of a loss scale that adjusts itself, against a loop over the steps in Python's own floats.

Scales are powers of two, and no scaled gradient is exactly at the limit: float32's rounding decides nothing.
"""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

LIMIT = 448.0


def _draw(rng: random.Random) -> dict[str, Any]:
    scale, patience = 2.0 ** rng.randint(10, 16), rng.randint(2, 3)
    sizes = [rng.choice((3, 7, 7, 9, 9, 13, 25, 45, 2000)) / 10 for _ in range(rng.randint(8, 12))]
    return {"largest": torch.tensor(sizes) * LIMIT / scale, "scale": scale, "patience": patience}


def _step_by_step(largest: Tensor, scale: float, patience: int) -> tuple[Tensor, Tensor]:
    used, taken, clean = [], [], 0
    for size in largest.tolist():
        used.append(scale)
        taken.append(size * scale <= LIMIT)
        clean = clean + 1 if taken[-1] else 0
        if not taken[-1]:
            scale /= 2
        elif clean == patience:
            scale, clean = 2 * scale, 0
    return torch.tensor(used, dtype=torch.float64), torch.tensor(taken, dtype=torch.int64)


def _adjust(
    largest: Tensor,
    scale: float,
    patience: int,
    *,
    reset: str = "both",  # the count of clean steps goes to 0 after "both", only a "skip", or a "doubling"
    limit: float = LIMIT,
    scaled: bool = True,  # whether the limit is on the scaled gradient
    skips: bool = True,
    grows: bool = True,
    told: str = "before",  # the scale of the step, or the one "after" it
    every: bool = False,  # doubles after each clean step
) -> tuple[Tensor, Tensor]:
    """Adjust with one thing (or none) done the wrong way."""
    used, taken, clean = [], [], 0
    for size in largest.tolist():
        before = scale
        fits = size * (scale if scaled else 1) <= limit
        if not fits:
            scale = scale / 2
            clean = 0 if reset != "doubling" else clean
        else:
            clean += 1
            if every or clean >= patience:
                scale = 2 * scale if grows else scale
                clean = 0 if reset != "skip" else clean
        used.append(before if told == "before" else scale)
        taken.append(fits or not skips)
    return torch.tensor(used, dtype=torch.float64), torch.tensor(taken, dtype=torch.int64)


ADJUST_LOSS_SCALE = Exercise(
    "adjust_loss_scale",
    _draw,
    _step_by_step,
    (
        Misconception(
            "count goes on after a skip",
            "Your scale doubles too early after a step that was left out. In a row: what does such a step do "
            "to the count?",
            (partial(_adjust, reset="doubling"),),
        ),
        Misconception(
            "count goes on after a doubling",
            "The first doubling is right, and then the scale doubles in each step. When does counting begin "
            "again?",
            (partial(_adjust, reset="skip"),),
        ),
        Misconception(
            "scale of the next step",
            "You tell each step the scale that was chosen after it. With which one was its loss multiplied?",
            (partial(_adjust, told="after"),),
        ),
        Misconception(
            "saturated steps taken",
            "Your scales are right. But a gradient that saturated has lost its direction: does the optimizer "
            "take it?",
            (partial(_adjust, skips=False),),
        ),
        Misconception(
            "limit on the gradient itself",
            "Your scale is never halved. Which number must fit into E4M3: the gradient, or what is cast?",
            (partial(_adjust, scaled=False),),
        ),
        Misconception(
            "limit of another format",
            "Yours lets numbers pass that E4M3 cannot hold. What is its largest value?",
            (partial(_adjust, limit=57_344.0), partial(_adjust, limit=65_504.0)),
        ),
        Misconception(
            "never doubled",
            "Your scale only goes down. After a while the gradients would be below the format's range.",
            (partial(_adjust, grows=False),),
        ),
        Misconception(
            "doubled after every step",
            "Your scale goes up after each step that fits. How many in a row are asked for?",
            (partial(_adjust, every=True),),
        ),
        Misconception(
            "limit too low",
            "You leave out steps whose gradients fit, times the scale. The text names the number "
            "above which E4M3 saturates.",
            (
                partial(_adjust, limit=240.0),
                partial(_adjust, limit=256.0),
                partial(_adjust, limit=224.0),
            ),
        ),
    ),
    lesson="10",
    returns=("used", "taken"),
    edges={
        "one step": lambda c: {"largest": c["largest"][:1]},
        "gradients of 0": lambda c: {"largest": c["largest"] * 0},
        "all too large": lambda c: {"largest": c["largest"] * 2.0**20},
        "a patience of one": lambda c: {"patience": 1},
        "exactly at the limit": lambda c: {"largest": c["largest"] * 0 + LIMIT / c["scale"]},
    },
)
