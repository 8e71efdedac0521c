"""Check of the indexer's scores, against a loop over queries, positions and heads."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    new, heads, width = rng.randint(2, 3), rng.randint(2, 3), rng.randint(1, 3)
    held = new + rng.randint(1, 2)
    return {
        "q": tenths(rng, new, heads, width),
        "k": tenths(rng, held, width),
        "w": tenths(rng, new, heads),
    }


def _loop(q: Tensor, k: Tensor, w: Tensor) -> Tensor:
    out = torch.full((len(q), len(k)), -torch.inf)
    before = len(k) - len(q)  # positions before the first query
    for t in range(len(q)):
        for s in range(before + t + 1):
            products = [sum(a * b for a, b in zip(head.tolist(), k[s].tolist())) for head in q[t]]
            out[t, s] = sum(weight * max(p, 0.0) for weight, p in zip(w[t].tolist(), products))
    return out


def _scores(
    q: Tensor,
    k: Tensor,
    w: Tensor,
    *,
    each: Callable[[Tensor], Tensor] = torch.relu,
    added: Callable[[Tensor], Tensor] = lambda scores: scores,
    weights: Callable[[Tensor], Tensor] = lambda w: w,
    first_hidden: Callable[[int, int], int] = lambda new, held: held - new + 1,
) -> Tensor:
    """Score with one thing (or none) done the wrong way."""
    products = torch.einsum("thd,sd->ths", q, k)
    scores = added(torch.einsum("th,ths->ts", weights(w), each(products)))
    later = torch.ones(scores.shape, dtype=torch.bool).triu(first_hidden(len(q), len(k)))
    return scores.masked_fill(later, -torch.inf)


SCORES = Exercise(
    "index_scores",
    _draw,
    _loop,
    (
        Misconception(
            "no ReLU",
            "A head whose product is below 0 counts in yours. What does the equation make of it?",
            (partial(_scores, each=lambda products: products),),
        ),
        Misconception(
            "ReLU on the sum",
            "Your sum is never below 0. Does the ReLU stand inside the sum over heads, or around it?",
            (
                partial(_scores, each=lambda products: products, added=torch.relu),
                partial(_scores, added=torch.relu),
            ),
        ),
        Misconception(
            "weights through a softmax",
            "The weights of your heads add up to 1. Nothing in the equation makes them, and one below 0 may "
            "count against a position.",
            (partial(_scores, weights=lambda w: w.softmax(dim=-1)),),
        ),
        Misconception(
            "heads not weighted",
            "Your heads all count alike. What is the argument that you do not use?",
            (partial(_scores, weights=torch.ones_like),),
        ),
        Misconception(
            "later positions scored",
            "A query gets scores for positions that come after it. Who would be chosen?",
            (partial(_scores, first_hidden=lambda new, held: held + 1),),
        ),
        Misconception(
            "the first query taken for the first position",
            "There are more keys than queries. Which positions do the queries stand at?",
            (partial(_scores, first_hidden=lambda new, held: 1),),
        ),
        Misconception(
            "own position hidden",
            "Your queries can't choose their own position. Does it come after the query?",
            (partial(_scores, first_hidden=lambda new, held: held - new),),
        ),
        Misconception(
            "one position too many",
            "Each of your queries scores the position right after its own as well.",
            (partial(_scores, first_hidden=lambda new, held: held - new + 2),),
        ),
    ),
    lesson="18",
    returns=("scores",),
    edges={
        "one query": lambda c: {"q": c["q"][:1], "w": c["w"][:1]},
        "as many queries as keys": lambda c: {"k": c["k"][: len(c["q"])]},
        "one head": lambda c: {"q": c["q"][:, :1], "w": c["w"][:, :1]},
        "one of everything": lambda c: {"q": c["q"][:1, :1, :1], "k": c["k"][:1, :1], "w": c["w"][:1, :1]},
        "all products below 0": lambda c: {"q": c["q"].abs() + 0.1, "k": -c["k"].abs() - 0.1},
        "weights of 0": lambda c: {"w": 0 * c["w"]},
        "large numbers": lambda c: {"q": 1000 * c["q"], "k": 1000 * c["k"]},
    },
)
