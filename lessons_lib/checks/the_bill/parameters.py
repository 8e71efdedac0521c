"""Check of a whole model's parameters, held and at work for a token, against modules that are counted."""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.config import ModelConfig
from lessons_lib.model import FeedForward

SHOWN = (
    *("vocab_size", "dim", "n_layers", "n_heads", "inter_dim", "n_dense_layers", "n_routed_experts"),
    *("n_activated_experts", "n_shared_experts", "moe_inter_dim"),
)


def _draw(rng: random.Random) -> dict[str, Any]:
    n_shared, dim = rng.randint(1, 2), rng.choice((64, 96, 128))
    n_dense = rng.randint(1, 3)
    config = ModelConfig(
        vocab_size=rng.choice((300, 500, 800)),
        dim=dim,
        n_layers=n_dense + rng.randint(2, 6),
        n_heads=4,
        inter_dim=dim * rng.choice((2, 3, 4)),
        n_dense_layers=n_dense,
        n_routed_experts=rng.choice((8, 16, 32, 64)),
        n_activated_experts=n_shared + rng.randint(1, 4),
        n_shared_experts=n_shared,
        moe_inter_dim=rng.choice((24, 40, 56)),
    )
    return {"config": config, "attention": rng.randint(2, 4) * dim * dim + rng.choice((0, 48, 80))}


def _counted(config: ModelConfig, attention: int) -> tuple[int, int]:
    with torch.device("meta"):  # where a module has sizes but no numbers
        ends = (
            nn.Embedding(config.vocab_size, config.dim),
            nn.Linear(config.dim, config.vocab_size, bias=False),
        )
        dense, routed = FeedForward(config.dim, config.ffn_dim), config.routed
        router = nn.Linear(config.dim, routed.n_routed_experts, bias=False)
        experts = [FeedForward(config.dim, routed.moe_inter_dim) for _ in range(routed.n_routed_experts)]
        shared = [FeedForward(config.dim, routed.moe_inter_dim) for _ in range(config.n_shared_experts)]
    total = active = _size(*ends)
    for layer in range(config.n_layers):
        always: list[nn.Module] = [dense] if layer < config.n_dense_layers else [router, *shared]
        total += attention + _size(*always)
        active += attention + _size(*always)
        if layer >= config.n_dense_layers:
            total += _size(*experts)
            active += _size(*experts[: config.n_activated_experts])
    return total, active


def _size(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def _count(
    config: ModelConfig,
    attention: int,
    *,
    ends: tuple[int, int] = (2, 2),  # matrices as large as the vocabulary, held and at work
    matrices: int = 3,
    chosen: Callable[[ModelConfig], int] = lambda c: c.routed.n_activated_experts,
    shared: tuple[int, int] = (1, 1),  # whether they are counted, held and at work
    router: Callable[[ModelConfig], tuple[int, int]] = lambda c: (c.routed.n_routed_experts,) * 2,
    dense: Callable[[ModelConfig], int] = lambda c: c.n_dense_layers,
    sparse: Callable[[ModelConfig], int] = lambda c: c.n_layers - c.n_dense_layers,
    attentions: Callable[[ModelConfig], int] = lambda c: c.n_layers,
) -> tuple[int, int]:
    """Count with one thing (or none) done the wrong way."""
    expert, both = matrices * config.dim * config.routed.moe_inter_dim, []
    for i, n in enumerate((config.routed.n_routed_experts, chosen(config))):
        experts = (n + shared[i] * config.n_shared_experts) * expert + router(config)[i] * config.dim
        blocks = dense(config) * matrices * config.dim * config.ffn_dim + sparse(config) * experts
        both.append(ends[i] * config.vocab_size * config.dim + attentions(config) * attention + blocks)
    return both[0], both[1]


def _shown(config: ModelConfig) -> str:
    return f"ModelConfig({', '.join(f'{name}={getattr(config, name)}' for name in SHOWN)})"


COUNT_MODEL = Exercise(
    "count_model",
    _draw,
    _counted,
    (
        Misconception(
            "all experts at work",
            "What the model holds is right. Does a token pass through all of it?",
            (partial(_count, chosen=lambda c: c.routed.n_routed_experts),),
        ),
        Misconception(
            "shared experts left out",
            "Some experts are not chosen by anybody, and work for every token. Where are they in your "
            "numbers?",
            (partial(_count, shared=(0, 0)),),
        ),
        Misconception(
            "shared experts in place of chosen ones",
            "What the model holds is right. At work are too few experts: do the shared ones take the place "
            "of chosen ones, or come on top?",
            (partial(_count, shared=(1, 0)),),
        ),
        Misconception(
            "experts in every layer",
            "Not every layer has experts. Which argument says how many have a plain block?",
            (
                partial(_count, dense=lambda c: 0, sparse=lambda c: c.n_layers),
                partial(_count, sparse=lambda c: c.n_layers),
            ),
        ),
        Misconception(
            "a plain block beside the experts",
            "You give every layer a plain block. The experts stand in its place.",
            (partial(_count, dense=lambda c: c.n_layers),),
        ),
        Misconception(
            "router left out",
            "Something small in every layer with experts is learned as well, and looks at all of them.",
            (
                partial(_count, router=lambda c: (0, 0)),
                partial(_count, router=lambda c: (c.routed.n_routed_experts, c.routed.n_activated_experts)),
                partial(_count, router=lambda c: (c.routed.n_routed_experts, 0)),
            ),
        ),
        Misconception(
            "embedding or head left out",
            "A model has two matrices as long as its vocabulary. The text above counts both, in both "
            "numbers.",
            (
                partial(_count, ends=(1, 1)),
                partial(_count, ends=(2, 1)),
                partial(_count, ends=(2, 0)),
                partial(_count, ends=(0, 0)),
            ),
        ),
        Misconception(
            "two matrices for three",
            "Your blocks are too small. A SwiGLU has a gate besides: how many matrices is that?",
            (partial(_count, matrices=2),),
        ),
        Misconception(
            "attention of one layer",
            "The argument is one layer's attention. How many layers have one?",
            (
                partial(_count, attentions=lambda c: 1),
                partial(_count, attentions=lambda c: c.n_layers - c.n_dense_layers),
            ),
        ),
    ),
    lesson="12",
    returns=("total", "active"),
    edges={
        "experts in every layer": lambda c: {"config": replace(c["config"], n_dense_layers=0)},
        "one expert at work": lambda c: {"config": replace(c["config"], n_activated_experts=1)},
        "no attention": lambda c: {"attention": 0},
    },
    show={"config": _shown},
    draws=16,
    margin=5e-4,  # a router is a small part of the whole
)
