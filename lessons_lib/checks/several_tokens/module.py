"""Check of one MTP module, against a loop over positions; with it, what its loss teaches the main model.

A copy of the embedding gives the same logits, and learns by itself. So what is compared are the logits and
the gradients that a loss on them sends back into the main model: to the shared matrix and the hidden states.
"""

import functools
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct, ids
from lessons_lib.checks.gradients import with_gradient


def mix_earlier(x: Tensor) -> Tensor:
    """Stand in for a transformer block: each position (axis 1) gets something of those before it."""
    return x + x.cumsum(1).tanh()


def mix_more(x: Tensor) -> Tensor:
    """Stand in for another block."""
    return x - 2 * x.cumsum(1).tanh()


BLOCKS = {mix_earlier: "lambda x: x + x.cumsum(1).tanh()", mix_more: "lambda x: x - 2 * x.cumsum(1).tanh()"}


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, positions, dim, vocab = rng.randint(1, 2), rng.randint(2, 3), rng.randint(2, 3), rng.randint(3, 4)
    return {
        "table": distinct(rng, vocab, dim),
        "hidden": distinct(rng, batch, positions, dim),
        "read": ids(rng, vocab, batch, positions),
        "projection": distinct(rng, dim, 2 * dim),
        "block": rng.choice(tuple(BLOCKS)),
    }


def _normed(x: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()


def _same(x: Tensor) -> Tensor:
    return x


def _position_by_position(
    table: Tensor, hidden: Tensor, read: Tensor, projection: Tensor, block: Callable[[Tensor], Tensor]
) -> Tensor:
    out = []
    for states, tokens in zip(hidden, read.tolist(), strict=True):
        pairs = [(_normed(h), _normed(table[token])) for h, token in zip(states, tokens, strict=True)]
        dim = table.shape[1]
        joined = [projection[:, :dim] @ h + projection[:, dim:] @ e for h, e in pairs]
        out.append([[row @ state for row in table] for state in block(torch.stack(joined)[None])[0]])
    return torch.stack([torch.stack([torch.stack(scores) for scores in rows]) for rows in out])


def _module(
    table: Tensor,
    hidden: Tensor,
    read: Tensor,
    projection: Tensor,
    block: Callable[[Tensor], Tensor],
    *,
    embedding: Callable[[Tensor], Tensor] = _same,  # what is done to the table before it is read
    head: Callable[[Tensor], Tensor] = _same,
    state: Callable[[Tensor], Tensor] = _same,
    norms: tuple[Callable[[Tensor], Tensor], ...] = (_normed, _normed, _same),  # of both, of the pair
    swapped: bool = False,
    blocks: int = 1,
    behind: Callable[[Tensor], Tensor] = _same,  # what is done to what the block gives
) -> Tensor:
    """Compute logits with one thing (or none) done the wrong way."""
    pair = norms[0](state(hidden)), norms[1](embedding(table)[read])
    x = norms[2](torch.cat(pair[::-1] if swapped else pair, -1)) @ projection.T
    return behind(block(x) if blocks else x) @ head(table).T


def taught(function: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    """Return a function that gives logits and the gradients of their sum by `table` and `hidden`.

    Where there are no logits, or nothing that has a gradient, these are zeros.
    """

    observed = with_gradient(function, _sum, n=2)

    @functools.wraps(function)
    def result_and_gradients(*arguments: Any) -> tuple[Any, ...]:
        with torch.random.fork_rng(devices=[]):  # a layer that is built draws numbers
            return observed(*arguments)

    return result_and_gradients


def _sum(result: Any) -> Any:
    return result.sum() if isinstance(result, Tensor) else None


MTP_LOGITS = Exercise(
    "mtp_logits",
    _draw,
    taught(_position_by_position),
    (
        Misconception(
            "embedding not shared",
            "The logits are right. But you read a copy of the embedding: a step on this loss would leave the "
            "main model's as it was.",
            (
                partial(_module, embedding=Tensor.detach),
                partial(_module, embedding=Tensor.detach, head=Tensor.detach),
                partial(_module, embedding=Tensor.detach, head=Tensor.detach, state=Tensor.detach),
                partial(_module, embedding=Tensor.detach, state=Tensor.detach),
            ),
        ),
        Misconception(
            "head not shared",
            "The logits are right. But your head is a copy: a step on this loss would leave the main model's "
            "as it was.",
            (partial(_module, head=Tensor.detach),),
        ),
        Misconception(
            "main model cut off",
            "The logits are right. But nothing comes back through the hidden states, so the main model "
            "learns nothing from looking further ahead.",
            (
                partial(_module, state=Tensor.detach),
                partial(_module, state=Tensor.detach, head=Tensor.detach),
            ),
        ),
        Misconception(
            "embedding first",
            "Each half of your projection meets the wrong vector. The released files have them in that "
            "order, the report's equation and the text above in the other.",
            (partial(_module, swapped=True),),
        ),
        Misconception(
            "hidden state not normed",
            "The embedding is as it should be. What has to be done to the hidden state before both stand "
            "side by side?",
            (partial(_module, norms=(_same, _normed, _same)),),
        ),
        Misconception(
            "embedding not normed",
            "The hidden state is as it should be. Next to it your embedding has a size of its own.",
            (partial(_module, norms=(_normed, _same, _same)),),
        ),
        Misconception(
            "one norm for both",
            "You norm the pair as one vector: if the hidden state is large, the embedding becomes small.",
            (partial(_module, norms=(_same, _same, _normed)),),
        ),
        Misconception(
            "block left out",
            "Your positions know nothing of each other. Which argument have you not used?",
            (partial(_module, blocks=0),),
        ),
        Misconception(
            "a norm behind the block",
            "You norm once more before the head. What does `block` stand for?",
            (partial(_module, behind=_normed),),
        ),
    ),
    lesson="08",
    observe=taught,
    returns=("logits", "table.grad", "hidden.grad"),
    show={"block": BLOCKS.__getitem__},
    edges={
        "one position": lambda c: {"hidden": c["hidden"][:, :1], "read": c["read"][:, :1]},
        "one text": lambda c: {n: c[n][:1] for n in ("hidden", "read")},
        "one token throughout": lambda c: {"read": c["read"] * 0},
        "large hidden states": lambda c: {"hidden": 100 * c["hidden"]},
    },
    tolerance=3e-4,
)
