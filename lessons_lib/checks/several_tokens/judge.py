"""Check of what one greedy pass writes: the drafts up to the first refused, and a token of the model's own.

Letters: k drafts, n of them kept; `own` are k + 1 tokens, the model's choice after each token that it read.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    vocab, k = rng.randint(4, 9), rng.randint(2, 5)
    own = [rng.randrange(vocab) for _ in range(k + 1)]
    n = rng.choice((0, k, rng.randint(0, k)))
    drafted = list(own[:k])
    for i in range(n, k):
        if i == n or rng.random() < 0.3:  # after the first wrong one, others fit again
            drafted[i] = (own[i] + rng.randint(1, vocab - 1)) % vocab
    return {"own": torch.tensor(own), "drafted": torch.tensor(drafted, dtype=torch.int64)}


def _one_after_the_other(own: Tensor, drafted: Tensor) -> Tensor:
    written: list[int] = []
    for draft, token in zip([*drafted.tolist(), None], own.tolist(), strict=True):
        written.append(token)
        if token != draft:
            break
    return torch.tensor(written)


def agreeing(own: Tensor, drafted: Tensor) -> int:
    """Return how many drafts are right before the first that is not."""
    return int((own[:-1] == drafted).long().cumprod(0).sum())


def agreeing_anywhere(own: Tensor, drafted: Tensor) -> int:
    """Return how many drafts fit, those after a wrong one too."""
    return int((own[:-1] == drafted).sum())


def agreeing_one_place_late(own: Tensor, drafted: Tensor) -> int:
    """Return how many drafts are what should follow them."""
    return agreeing(own.roll(-1), drafted)


def agreeing_all_or_none(own: Tensor, drafted: Tensor) -> int:
    """Return k where every draft is right, else 0."""
    return len(drafted) if own[:-1].equal(drafted) else 0


def kept_and_next(own: Tensor, drafted: Tensor, n: int) -> Tensor:
    """Return what a pass writes that keeps n drafts."""
    return torch.cat([drafted[:n], own[n : n + 1]])


def without_bonus(own: Tensor, drafted: Tensor, n: int) -> Tensor:
    """Return the same, but no more tokens than drafts."""
    return kept_and_next(own, drafted, n)[: len(drafted)]


def drafts_only(own: Tensor, drafted: Tensor, n: int) -> Tensor:
    """Return the kept drafts alone."""
    return drafted[:n]


def one_draft_too_many(own: Tensor, drafted: Tensor, n: int) -> Tensor:
    """Return the kept drafts and the first refused."""
    return drafted[: n + 1]


def refused_and_answered(own: Tensor, drafted: Tensor, n: int) -> Tensor:
    """Return the kept drafts, the first refused, and what the model says behind it."""
    return torch.cat([drafted[: n + 1], own[n + 1 : n + 2]])


def _fitting_and_next(own: Tensor, drafted: Tensor) -> Tensor:
    fits = own[:-1] == drafted
    n = int(fits.sum())
    return torch.cat([drafted[fits], own[n : n + 1]])


def _judge(
    own: Tensor,
    drafted: Tensor,
    *,
    accepted: Callable[[Tensor, Tensor], int] = agreeing,
    written: Callable[[Tensor, Tensor, int], Tensor] = kept_and_next,
) -> Tensor:
    """Return what a pass writes with one thing (or none) done the wrong way."""
    return written(own, drafted, accepted(own, drafted))


JUDGE_DRAFTS = Exercise(
    "judge_drafts",
    _draw,
    _one_after_the_other,
    (
        Misconception(
            "no token behind the last draft",
            "When every draft is right you give away a token. How many of the model's own tokens "
            "were you given?",
            (partial(_judge, written=without_bonus),),
        ),
        Misconception(
            "nothing in place of a refused draft",
            "If the first draft is wrong you write nothing. What does the model say about that place?",
            (partial(_judge, written=drafts_only),),
        ),
        Misconception(
            "refused draft kept",
            "You write a draft that the model disagreed with. What did the model itself say about that "
            "place?",
            (
                partial(_judge, written=one_draft_too_many),
                partial(_judge, written=refused_and_answered),
            ),
        ),
        Misconception(
            "drafts that fit after a refused one",
            "You count all drafts that fit. But behind a wrong one the model was asked about a text that is "
            "not going to be written.",
            (partial(_judge, accepted=agreeing_anywhere), _fitting_and_next),
        ),
        Misconception(
            "compared one place too late",
            "Each draft is compared with what should follow *it*. Which of the model's tokens speaks about "
            "the first draft's place?",
            (partial(_judge, accepted=agreeing_one_place_late),),
        ),
        Misconception(
            "all drafts or none",
            "One wrong draft, and you throw away the right ones before it as well.",
            (partial(_judge, accepted=agreeing_all_or_none),),
        ),
    ),
    lesson="08",
    returns=("written",),
    edges={
        "one draft": lambda c: {"own": c["own"][:2], "drafted": c["drafted"][:1]},
        "no draft": lambda c: {"own": c["own"][:1], "drafted": c["drafted"][:0]},
        "all right": lambda c: {"drafted": c["own"][:-1]},
        "one token throughout": lambda c: {"own": c["own"] * 0 + 1, "drafted": c["drafted"] * 0 + 1},
        "many drafts": lambda c: {
            "own": torch.cat([c["own"][:-1].repeat(4), c["own"][-1:]]),
            "drafted": c["drafted"].repeat(4),
        },
    },
)
