"""Check of scoring against keys that heads share, none of them copied, against a loop over heads."""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, sets, d = rng.randint(1, 2), rng.randint(2, 3), rng.randint(2, 3)
    heads = sets * rng.choice([group for group in (2, 3) if group != sets] or [2])
    q = tenths(rng, batch, heads, rng.randint(1, 2), d)
    return {"q": q, "keys": tenths(rng, batch, sets, rng.randint(3, 4), d)}


def _loop(q: Tensor, keys: Tensor) -> Tensor:
    batch, heads, n_new, d = q.shape
    out = torch.empty(batch, heads, n_new, keys.shape[2], dtype=torch.float64)
    for h in range(heads):
        own = keys[:, h * keys.shape[1] // heads].double()
        for t in range(n_new):
            out[:, h, t] = (q[:, h, t].double().unsqueeze(1) * own).sum(-1) / d**0.5
    return out


def _scores(
    q: Tensor,
    keys: Tensor,
    *,
    dealt: bool = False,  # heads take the sets in turn
    back: str = "in order",  # or "in turn"
    scale: str = "width",  # or "none", "square", "all heads"
    then: str = "nothing",  # or "sum", "softmax"
) -> Tensor:
    """Score with one thing (or none) done the wrong way."""
    q, keys, sets, heads, d = q.double(), keys.double(), keys.shape[1], q.shape[1], q.shape[-1]
    grouped = q.unflatten(1, (-1, sets)).transpose(1, 2) if dealt else q.unflatten(1, (sets, -1))
    scores = torch.einsum("bkgtd,bksd->bkgts", grouped, keys)  # k sets, g heads of each
    scores = scores / {"width": d**0.5, "none": 1, "square": d, "all heads": (heads * d) ** 0.5}[scale]
    if then == "sum":
        return scores.sum(2)
    scores = (scores.transpose(1, 2) if dealt or back == "in turn" else scores).flatten(1, 2)
    return scores.softmax(-1) if then == "softmax" else scores


SHARED_SCORES = Exercise(
    "shared_scores",
    _draw,
    _loop,
    (
        Misconception(
            "sets taken in turn",
            "Your heads take the sets in turn. Which heads share one: neighbours, or every second one?",
            (partial(_scores, dealt=True),),
        ),
        Misconception(
            "heads out of order",
            "The scores are right, but they come back in another order of heads than the queries had.",
            (partial(_scores, back="in turn"),),
        ),
        Misconception(
            "scale missing",
            "Your scores grow with the width of a head. What are they divided by in lesson 01?",
            (partial(_scores, scale="none"),),
        ),
        Misconception(
            "divided by the width",
            "Divided, yes, but by too much: by d itself, not by its root.",
            (partial(_scores, scale="square"),),
        ),
        Misconception(
            "scaled by all heads",
            "A score is a dot product of one head. How many numbers has that?",
            (partial(_scores, scale="all heads"),),
        ),
        Misconception(
            "heads of a group added up",
            "Each query head needs scores of its own; yours are added up within a group.",
            (partial(_scores, then="sum"),),
        ),
        Misconception(
            "softmax too",
            "These are weights already. The text asks for the scores before the softmax.",
            (partial(_scores, then="softmax"),),
        ),
    ),
    lesson="02",
    returns=("scores",),
    forbidden=("repeat_interleave", "repeat", "tile", "expand", "expand_as", "broadcast_to"),
    edges={
        "one set for all": lambda c: {"keys": c["keys"][:, :1]},
        "a set for each head": lambda c: {"q": c["q"][:, : c["keys"].shape[1]]},
        "heads of width 1": lambda c: {name: c[name][..., :1] for name in c},
        "one key": lambda c: {"keys": c["keys"][:, :, :1]},
        "large queries": lambda c: {"q": 100 * c["q"]},
    },
)
