"""Check of node-limited choice by the report's rule, against a loop that ranks lists of experts.

A node is as good as its best k / kept experts together, as many as it would have to give. Most scores are
negative, as biases can make them, so that what stands at 0 wins.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct


def _best(grouped: Tensor, n: int) -> Tensor:
    return grouped.topk(min(n, grouped.shape[-1])).values.sum(-1)


def _draw(rng: random.Random) -> dict[str, Any]:
    n_nodes, size, kept = rng.randint(3, 4), rng.randint(3, 4), rng.randint(1, 2)
    k = kept * rng.randint(1, 3)
    while True:
        scores = distinct(rng, rng.randint(1, 3), n_nodes * size, low=-150, high=50)
        grouped, dealt = scores.unflatten(-1, (n_nodes, -1)), scores.unflatten(-1, (-1, n_nodes)).mT
        ranked = [_best(of, n) for of in (grouped, dealt) for n in range(1, size + 1)]
        ranked.append(_best(grouped, k // kept).sum(0))
        if all((score.sort().values.diff() > 5e-3).all() for score in ranked):  # no two nodes as good
            return {"scores": scores, "k": k, "n_nodes": n_nodes, "kept": kept}


def _loop(scores: Tensor, k: int, n_nodes: int, kept: int) -> Tensor:
    size, out = scores.shape[1] // n_nodes, []
    for row in scores.tolist():
        nodes = [range(g * size, (g + 1) * size) for g in range(n_nodes)]
        nodes.sort(key=lambda members: -sum(sorted((row[i] for i in members), reverse=True)[: k // kept]))
        allowed = [i for members in nodes[:kept] for i in members]
        out.append(sorted(allowed, key=lambda i: -row[i])[:k])
    return torch.tensor(out)


def _ranked(masked: Tensor, k: int) -> Tensor:
    """Rank like `topk`, but take the first of those that are equal."""
    return masked.argsort(dim=-1, descending=True, stable=True)[:, :k]


def _choose(
    scores: Tensor,
    k: int,
    n_nodes: int,
    kept: int,
    *,
    cut: Callable[[Tensor, int], Tensor] = lambda ids, n: ids.unflatten(-1, (n, -1)),
    judged_by: Callable[[int, int], int] = lambda k, kept: k // kept,
    left_out: float = -torch.inf,
    rank: Callable[[Tensor, int], Tensor] = lambda masked, k: masked.topk(k).indices,
    batch: bool = False,
) -> Tensor:
    """Choose with one thing (or none) done the wrong way; `cut` makes (nodes, members) of expert ids."""
    members = cut(torch.arange(scores.shape[1]), n_nodes)
    score = _best(scores[:, members], judged_by(k, kept))  # (N, nodes)
    if batch:
        score = score.sum(0, keepdim=True).expand(len(scores), -1)
    best = score.topk(kept).indices  # (N, kept)
    allowed = torch.zeros_like(scores, dtype=torch.bool).scatter(1, members[best].flatten(1), True)
    return rank(scores.masked_fill(~allowed, left_out), k)


def _as_many_from_each(scores: Tensor, k: int, n_nodes: int, kept: int) -> Tensor:
    """Take k / kept experts of each kept node, the best first; all, and others, where it has fewer."""
    each, size = k // kept, scores.shape[1] // n_nodes
    out = []
    for row in scores:
        nodes = row.view(n_nodes, size)
        best = _best(nodes, each).topk(kept).indices
        ids = torch.cat([node * size + nodes[node].topk(each).indices for node in best])
        out.append(ids[row[ids].argsort(descending=True)])
    return torch.stack(out)


CHOOSE_ON_NODES = Exercise(
    "choose_on_nodes",
    _draw,
    _loop,
    (
        Misconception(
            "masked with 0",
            "Your nodes are right, yet experts of other nodes are chosen. Here scores may be negative: "
            "which number is sure to lose against them?",
            (
                partial(_choose, left_out=0.0),
                partial(_choose, left_out=0.0, rank=_ranked),
                partial(
                    _choose, left_out=0.0, rank=lambda masked, k: masked.sort(descending=True).indices[:, :k]
                ),
            ),
        ),
        Misconception(
            "node score by max",
            "Your nodes are those with the best single expert. A token may use several of a node: by how "
            "many of its experts is a node judged here?",
            (partial(_choose, judged_by=lambda k, kept: 1),),
        ),
        Misconception(
            "always the best two",
            "You judge a node by its best two experts, as the released code does. The report's number "
            "depends on how many experts are chosen, and on how many nodes.",
            (partial(_choose, judged_by=lambda k, kept: 2),),
        ),
        Misconception(
            "node score over all members",
            "You judge a node by all of its experts. Most of them will not be used by this token.",
            (partial(_choose, judged_by=lambda k, kept: 10**6),),
        ),
        Misconception(
            "node score over the k best",
            "You judge a node by its k best experts. But k experts are chosen on all kept nodes together.",
            (partial(_choose, judged_by=lambda k, kept: k),),
        ),
        Misconception(
            "experts dealt out",
            "Experts of a node are neighbours. Yours were dealt out to the nodes like cards.",
            (partial(_choose, cut=lambda ids, n: ids.unflatten(-1, (-1, n)).T),),
        ),
        Misconception(
            "no limit",
            "You return the best experts of all nodes. From how many nodes may they come?",
            (lambda scores, k, n_nodes, kept: scores.topk(k).indices,),
        ),
        Misconception(
            "same nodes for all tokens",
            "Your tokens all use the same nodes. Who chooses them, one token or the batch?",
            (partial(_choose, batch=True),),
        ),
        Misconception(
            "as many from each kept node",
            "Your nodes are right, and you take equally many experts from each. Once the nodes are "
            "chosen, among whom do the best experts compete?",
            (_as_many_from_each,),
        ),
    ),
    lesson="07",
    returns=("ids",),
    edges={
        "k is 1": lambda c: {"k": 1, "kept": 1},
        "one node": lambda c: {"n_nodes": 1, "kept": 1},
        "all nodes kept": lambda c: {"kept": c["n_nodes"], "k": c["n_nodes"]},
        "all experts of the kept nodes": lambda c: {"k": c["kept"] * c["scores"].shape[1] // c["n_nodes"]},
        "one token": lambda c: {"scores": c["scores"][:1]},
        "scores far below 0": lambda c: {"scores": c["scores"] - 1000},
    },
)
