"""Check of attention within a window, against torch's own `scaled_dot_product_attention` in float64."""

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
    return {name: tenths(rng, *shape) for name in "qkv"} | {"window": rng.choice((1, 2, 2, 3, 3, 4))}


def _seen(n: int, window: int, last: int = 0) -> Tensor:
    """Return which key (column) a query (row) sees: up to its own position plus `last`, `window` of them."""
    return torch.ones(n, n, dtype=torch.bool).tril(last).triu(1 - window)


def _torch_attention(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    seen = _seen(q.shape[-2], window)
    return F.scaled_dot_product_attention(q.double(), k.double(), v.double(), attn_mask=seen)


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    window: int,
    *,
    divisor: Callable[[int], float] = math.sqrt,  # of the scores, from the head width
    last: int = 0,  # a query sees keys up to its own position plus this
    wider: int = 0,  # and so many earlier ones more than it should
    axis: int = -1,  # of the softmax
    hidden: float = -math.inf,  # what stands in for the score of a key that is not seen
    late: bool = False,  # hide after the softmax
    future: bool = False,  # see what comes instead of what was
) -> Tensor:
    """Attention with one thing (or none) done the wrong way."""
    scores = q.double() @ k.double().mT / divisor(q.shape[-1])
    seen = _seen(q.shape[-2], window + wider, last)
    seen = seen.mT if future else seen
    if late:
        return scores.softmax(axis).masked_fill(~seen, 0) @ v.double()
    return scores.masked_fill(~seen, hidden).softmax(axis) @ v.double()


def _other_windows(blocks: bool) -> Callable[[Tensor, Tensor, Tensor, int], Tensor]:
    """Return attention within `window` positions on either side, or in blocks of `window` positions."""

    def attention(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
        place = torch.arange(q.shape[-2])
        query, key = place[:, None], place[None]
        near = (query - key).abs() < window
        seen = (query // window == key // window) & (key <= query) if blocks else near
        scores = q.double() @ k.double().mT / math.sqrt(q.shape[-1])
        return scores.masked_fill(~seen, -math.inf).softmax(-1) @ v.double()

    return attention


WINDOW_ATTENTION = Exercise(
    "window_attention",
    _draw_attention,
    _torch_attention,
    (
        Misconception(
            "window forgotten",
            "That is the lesson's attention: each query sees all earlier keys. What does `window` change?",
            (partial(_attention, wider=99),),
        ),
        Misconception(
            "window one too wide",
            "Take window 1: a query may see one key, its own. How many does yours see?",
            (partial(_attention, wider=1),),
        ),
        Misconception(
            "window one too narrow",
            "Take window 2 and the last query: it may see itself and one key before. Count yours.",
            (partial(_attention, wider=-1), partial(_attention, wider=-1, hidden=-1e9)),
        ),
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
            "Each query sees every key, those that come later too. Neither end of the window is there yet.",
            (partial(_attention, last=99, wider=99), partial(_attention, last=99)),
        ),
        Misconception(
            "mask upside down",
            "Print your mask: rows are queries, columns are keys. Does a query see what was or what comes?",
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
        Misconception(
            "as far ahead as back",
            "Yours looks back as far as it should, and as far ahead. May a query see a key that comes "
            "after it?",
            (_other_windows(blocks=False),),
        ),
        Misconception(
            "blocks for a window",
            "Your text falls into blocks, and the first query of each sees itself alone. Where does a "
            "window begin that moves along with the query?",
            (_other_windows(blocks=True),),
        ),
    ),
    lesson="01",
    forbidden=("scaled_dot_product_attention", "multi_head_attention_forward", "lessons_lib"),
    edges={
        "one position": lambda c: {name: c[name][:, :, :1] for name in "qkv"},
        "channels of width 1": lambda c: {name: c[name][..., :1] for name in "qkv"},
        "many positions": lambda c: {name: c[name].repeat(1, 1, 4, 1) for name in "qkv"},
        "a window of one": lambda c: {"window": 1},
        "a window longer than the text": lambda c: {"window": 50},
        "keys of zero": lambda c: {"k": 0 * c["k"]},
        "large scores": lambda c: {"q": 5 * c["q"]},
    },
)
