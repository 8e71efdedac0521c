"""Check of what a layer of experts holds and what works for a token, against modules that are counted."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.model import FeedForward


def _draw(rng: random.Random) -> dict[str, Any]:
    n_experts = rng.choice((8, 12, 16, 32, 64))
    return {
        "dim": rng.choice((64, 96, 128, 256)),
        "hidden": rng.choice((24, 40, 88, 176, 352)),
        "n_experts": n_experts,
        "k": rng.choice((2, 3, 4, 6)),
    }


def _counted(dim: int, hidden: int, n_experts: int, k: int) -> tuple[int, int]:
    with torch.device("meta"):  # where a module has sizes but no numbers
        router, expert = nn.Linear(dim, n_experts, bias=False), FeedForward(dim, hidden)
    of_router, of_expert = (sum(p.numel() for p in module.parameters()) for module in (router, expert))
    return of_router + n_experts * of_expert, of_router + k * of_expert


def _count(
    dim: int,
    hidden: int,
    n_experts: int,
    k: int,
    *,
    matrices: int = 3,
    router: Callable[[int, int], tuple[int, int]] = lambda n, k: (n, n),  # rows held and at work
    experts: Callable[[int, int], tuple[int, int]] = lambda n, k: (n, k),  # held and at work
) -> tuple[int, int]:
    """Count with one thing (or none) done the wrong way."""
    expert = matrices * dim * hidden
    pairs = zip(router(n_experts, k), experts(n_experts, k), strict=True)
    held, works = (rows * dim + n * expert for rows, n in pairs)
    return held, works


COUNT_PARAMETERS = Exercise(
    "count_parameters",
    _draw,
    _counted,
    (
        Misconception(
            "two matrices for three",
            "Your experts are too small. A SwiGLU has a gate besides: how many matrices is that?",
            (partial(_count, matrices=2), partial(_count, matrices=1)),
        ),
        Misconception(
            "router left out",
            "The experts are counted rightly. Something else in the layer is learned, and chooses them.",
            (partial(_count, router=lambda n, k: (0, 0)),),
        ),
        Misconception(
            "only the chosen rows of the router at work",
            "What the layer holds is right. To know which experts are best for a token, how many of them "
            "must the router look at?",
            (
                partial(_count, router=lambda n, k: (n, 0)),
                partial(_count, router=lambda n, k: (n, k)),
            ),
        ),
        Misconception(
            "all experts at work",
            "What the layer holds is right. How many of its experts work for one token?",
            (partial(_count, experts=lambda n, k: (n, n)),),
        ),
        Misconception(
            "only chosen experts held",
            "What works for a token is right. The next token may choose others: where are they in your "
            "first number?",
            (partial(_count, experts=lambda n, k: (k, k)),),
        ),
    ),
    lesson="05",
    returns=("total", "active"),
    edges={
        "one of everything": lambda c: dict.fromkeys(c, 1),
        "all experts at work": lambda c: {"k": c["n_experts"]},
        "DeepSeek-V3's experts": lambda c: {"dim": 7168, "hidden": 2048, "n_experts": 256, "k": 8},
    },
)
