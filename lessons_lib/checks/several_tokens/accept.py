"""Check of the rule that accepts or replaces drafted tokens, by what becomes of each drafted token.

The function draws at random, so what is compared are shares: of the texts in which token d was drafted, how
many go on with token t. They lie in the matrix (d, t); the tolerance is 5.8 standard errors of a share.
The output alone would not do: it is distributed as the target also when every draft is thrown away.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

EACH = 1_000  # texts for a drafted token; few enough for a loop over them
Chances = Callable[[Tensor, Tensor], Tensor]  # from draft and target (V,) to numbers (V,)


def _draw(rng: random.Random) -> dict[str, Any]:
    vocab = rng.randint(3, 4)
    while True:
        draft, target = _ten_parts(rng, vocab, least=1), _ten_parts(rng, vocab, least=0)
        missing = [p - q for p, q in zip(target, draft, strict=True)]
        if all(sorted(parts)[-1] > sorted(parts)[-2] for parts in (target, missing)):  # one best of each
            break
    return {
        "drafted": torch.arange(vocab).repeat(EACH),
        "draft": torch.tensor(draft) / 10,
        "target": torch.tensor(target) / 10,
        "generator": torch.Generator().manual_seed(rng.getrandbits(32)),
    }


def _ten_parts(rng: random.Random, n: int, least: int) -> list[int]:
    """Return `n` whole numbers, `least` or more, that add up to 10."""
    left = 10 - least * n
    cuts = sorted(rng.randint(0, left) for _ in range(n - 1))
    return [b - a + least for a, b in zip([0, *cuts], [*cuts, left], strict=True)]


def _entry_by_entry(drafted: Tensor, draft: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
    q, p = draft.tolist(), target.tolist()
    missing = [max(0.0, b - a) for a, b in zip(q, p, strict=True)]
    total = sum(missing)
    rows = []
    for d in range(len(q)):
        accepted = min(1.0, p[d] / q[d])
        rows.append([(1 - accepted) * m / total for m in missing])
        rows[d][d] += accepted
    return torch.tensor(rows, dtype=torch.float64)


def _residual(q: Tensor, p: Tensor) -> Tensor:
    return (p - q).clamp(min=0)


def _matrix(
    drafted: Tensor,
    draft: Tensor,
    target: Tensor,
    generator: torch.Generator,
    *,
    accept: Chances = lambda q, p: p / q,
    replace: Chances = _residual,
) -> Tensor:
    """Compute the shares with one thing (or none) done the wrong way."""
    q, p = draft.double(), target.double()
    accepted, replaced = accept(q, p).clamp(0, 1), replace(q, p)
    replaced = replaced / replaced.sum().clamp(min=1e-9)
    return accepted.diag() + (1 - accepted)[:, None] * replaced


def _best(q: Tensor, p: Tensor) -> Tensor:
    return (torch.arange(len(p)) == p.argmax()).double()


def _read(
    result: Tensor, drafted: Tensor, draft: Tensor, target: Tensor, generator: torch.Generator
) -> Tensor:
    """Return the shares (drafted, written)."""
    vocab = len(target)
    outside = result[(result < 0) | (result >= vocab)]
    if len(outside):
        raise ValueError(f"you return token {outside[0]}, and there are only the tokens 0 to {vocab - 1}")
    pairs = torch.bincount(drafted * vocab + result, minlength=vocab * vocab)
    return pairs.reshape(vocab, vocab).double() / EACH


ACCEPT = Exercise(
    "accept_or_replace",
    _draw,
    _entry_by_entry,
    (
        Misconception(
            "accepted by argmax",
            "You accept only the target's likeliest token. That is the rule for greedy decoding; here the "
            "other tokens have a chance too.",
            tuple(partial(_matrix, accept=_best, replace=f) for f in (_residual, lambda q, p: p, _best)),
        ),
        Misconception(
            "ratio inverted",
            "A draft that the target likes better than the drafter did should always be kept. When is yours?",
            (
                partial(_matrix, accept=lambda q, p: q / p.clamp(min=1e-9)),
                partial(_matrix, accept=lambda q, p: q / p.clamp(min=1e-9), replace=lambda q, p: p),
            ),
        ),
        Misconception(
            "replaced from the target",
            "Your drafts are accepted rightly. But what the target wanted had a first chance already, as a "
            "draft. How much of it is still missing?",
            (partial(_matrix, replace=lambda q, p: p),),
        ),
        Misconception(
            "residual the wrong way round",
            "Your drafts are accepted rightly. But among those that you replace them with are tokens that "
            "were drafted too often already.",
            (
                partial(_matrix, replace=lambda q, p: _residual(p, q)),
                partial(_matrix, replace=lambda q, p: (p - q).abs()),
            ),
        ),
        Misconception(
            "replaced by another draft",
            "Your drafts are accepted rightly. After a rejection you draft again; whose turn is it?",
            (partial(_matrix, replace=lambda q, p: q),),
        ),
        Misconception(
            "replaced by the best",
            "Your drafts are accepted rightly. In place of a rejected one you always write the same token: "
            "where is the chance?",
            (
                partial(_matrix, replace=_best),
                partial(_matrix, replace=lambda q, p: _best(q, p - q)),
            ),
        ),
        Misconception(
            "accepted by the target alone",
            "You accept a draft as often as the target would write it. But it has been drawn once already, "
            "with the drafter's probability.",
            (
                partial(_matrix, accept=lambda q, p: p),
                partial(_matrix, accept=lambda q, p: p, replace=lambda q, p: p),
            ),
        ),
        Misconception(
            "every draft accepted",
            "You keep every draft, so the text is the drafter's. What has the target to say?",
            (partial(_matrix, accept=lambda q, p: torch.ones_like(q)),),
        ),
        Misconception(
            "every draft thrown away",
            "What you write is distributed as it should be. But no draft is ever used, so nothing is saved.",
            (partial(_matrix, accept=lambda q, p: torch.zeros_like(q), replace=lambda q, p: p),),
        ),
    ),
    lesson="08",
    show={"drafted": lambda drafted: f"torch.arange({int(drafted.max()) + 1}).repeat({EACH})"},
    like=lambda drafted, draft, target, generator: torch.zeros_like(drafted),
    read=_read,
    read_as="share",
    tolerance=0.065,
    absolute=1.0,
    draws=6,
    margin=0.15,
    edges={
        "far apart": lambda c: {
            "drafted": torch.arange(2).repeat(EACH),
            "draft": torch.tensor([0.9, 0.1]),
            "target": torch.tensor([0.1, 0.9]),
        },
        "nearly the same": lambda c: {
            "drafted": torch.arange(3).repeat(EACH),
            "draft": torch.tensor([0.3, 0.3, 0.4]),
            "target": torch.tensor([0.3, 0.4, 0.3]),
        },
        "a target that is certain": lambda c: {
            "drafted": torch.arange(2).repeat(EACH),
            "draft": torch.tensor([0.5, 0.5]),
            "target": torch.tensor([0.0, 1.0]),
        },
    },
)
