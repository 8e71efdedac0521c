"""Check of causal attention, against torch's own `scaled_dot_product_attention` in float64."""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw_attention(rng: random.Random) -> dict[str, Any]:
    shape = rng.randint(1, 2), rng.randint(1, 3), rng.randint(3, 5), rng.randint(2, 4)
    return {name: tenths(rng, *shape) for name in "qkv"}


def _torch_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q.double(), k.double(), v.double(), is_causal=True)


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    divisor: Callable[[int], float] = math.sqrt,  # of the scores, from the head width
    last: int = 0,  # a query sees keys up to its own position plus this
    axis: int = -1,  # of the softmax
    hidden: float = -math.inf,  # what stands in for the score of a key that is not seen
    late: bool = False,  # hide after the softmax
    future: bool = False,  # see what comes instead of what was
) -> Tensor:
    """Attention with one thing (or none) done the wrong way."""
    scores = q.double() @ k.double().mT / divisor(q.shape[-1])
    seen = torch.ones(scores.shape[-2:], dtype=torch.bool)
    seen = seen.triu() if future else seen.tril(last)
    if late:
        return scores.softmax(axis).masked_fill(~seen, 0) @ v.double()
    return scores.masked_fill(~seen, hidden).softmax(axis) @ v.double()


CAUSAL_ATTENTION = Exercise(
    "causal_attention",
    _draw_attention,
    _torch_attention,
    (
        Misconception(
            "mask shows the next position",
            "Change the last key and value and look at the row before: it moves. Count, for the first "
            "query, how many keys your mask lets through.",
            (partial(_attention, last=1),),
        ),
        Misconception(
            "mask hides the position itself",
            "Look at your mask's first row: how many keys may the first query see, and what does a "
            "softmax over that many give?",
            (partial(_attention, last=-1), partial(_attention, last=-1, hidden=-1e9)),
        ),
        Misconception(
            "no mask",
            "Each query sees every key, those that come later too. The word causal is still to do.",
            (partial(_attention, last=99),),
        ),
        Misconception(
            "mask upside down",
            "Print your mask: rows are queries, columns are keys. Which corner should be hidden?",
            (partial(_attention, future=True),),
        ),
        Misconception(
            "scale missing",
            "The order of the weights is right, but they are too sharp. What happens to the size of a "
            "dot product when the head gets wider?",
            (partial(_attention, divisor=lambda d: 1.0),),
        ),
        Misconception(
            "scale without root",
            "The weights are too flat. By how much does a sum of D random products grow: like D?",
            (partial(_attention, divisor=float),),
        ),
        Misconception(
            "softmax over the wrong axis",
            "Add up your weights for one query over all keys. They should be one whole; over what do "
            "yours add up to one?",
            (partial(_attention, axis=-2), partial(_attention, axis=1), partial(_attention, axis=0)),
        ),
        Misconception(
            "mask after the softmax",
            "Add up the weights of the first query: less than 1 is left. The hidden keys were already "
            "paid for when you hid them.",
            (partial(_attention, late=True),),
        ),
        Misconception(
            "hidden score is zero",
            "What does softmax make of a score of 0? Is that nothing?",
            (partial(_attention, hidden=0.0),),
        ),
    ),
    lesson="01",
)
