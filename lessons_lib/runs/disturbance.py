"""Stand for the processors that one doesn't have: disturb first weights by one part in ten million.

Rounding differs between processors, and training amplifies it, so a run is one draw of many. With
`DEEPSEEK_COURSE_DISTURB=1` (or another whole number) every model that a stored run trains starts from
weights that are disturbed by about what a last digit is; each number gives another draw. What still holds
then can be told on any processor. Such runs are stored apart; without the variable nothing happens.
"""

import os

import torch
from torch import nn

from lessons_lib.runs.randomness import make_generator

VARIABLE = "DEEPSEEK_COURSE_DISTURB"
SIZE = 1e-7  # relative, times a number from the standard normal distribution


def disturbance() -> int | None:
    """Return the number of the draw that is asked for, or None; ValueError for what is no whole number."""
    asked = os.environ.get(VARIABLE, "").strip()
    if not asked:
        return None
    if not asked.isdecimal():
        raise ValueError(f"{VARIABLE} must be a whole number or nothing, got {asked!r}")
    return int(asked)


def disturb(model: nn.Module, seed: int) -> None:
    """Multiply every weight of a new model by 1 + SIZE * noise, if that is asked for."""
    number = disturbance()
    if number is None:
        return
    generator = make_generator(seed, f"disturbance {number}")
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            weight.copy_(weight.double() * (1 + SIZE * noise))  # rounded to the weight's own digits
