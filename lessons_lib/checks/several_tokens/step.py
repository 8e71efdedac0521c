"""Check of one speculative step, greedy, against writing one token after the other.

What a step leaves behind counts as much as what it returns: the tokens that the cache then holds, and the
passes that the model was asked for. Letters: k drafts, n of them accepted.
"""

import copy
import functools
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.several_tokens.judge import (
    agreeing,
    agreeing_all_or_none,
    agreeing_anywhere,
    agreeing_one_place_late,
    drafts_only,
    kept_and_next,
    one_draft_too_many,
    refused_and_answered,
    without_bonus,
)
from lessons_lib.checks.several_tokens.tiny import TinyCache, TinyModel


def _draw(rng: random.Random) -> dict[str, Any]:
    vocab, k = rng.randint(4, 6), rng.randint(2, 4)
    model = TinyModel(vocab, seed=rng.randint(1, 999))
    text = [rng.randrange(vocab) for _ in range(rng.randint(2, 5))]
    n = rng.choice((0, k, rng.randint(0, k)))
    drafted: list[int] = []
    for i in range(k):
        best = _next(model, text + drafted)
        wrong = i == n or (i > n and rng.random() < 0.3)  # after the first wrong one, others fit again
        drafted.append((best + rng.randint(1, vocab - 1)) % vocab if wrong else best)
    cache = TinyCache(text[:-1])
    return {"model": model, "cache": cache, "last": text[-1], "drafted": torch.tensor(drafted)}


def _next(model: TinyModel, text: list[int]) -> int:
    """Return what the model writes after a text, read anew."""
    return int(copy.copy(model)(torch.tensor([text]), TinyCache())[0, -1].argmax())


def _one_token_at_a_time(
    model: TinyModel, cache: TinyCache, last: int, drafted: Tensor
) -> tuple[Tensor, Tensor, int]:
    written = [_next(model, [*cache.tokens, last])]
    while len(written) <= len(drafted) and written[-1] == drafted[len(written) - 1]:
        written.append(_next(model, [*cache.tokens, last, *written]))
    held = [*cache.tokens, last, *written[:-1]]  # nobody has read the newest token yet
    return torch.tensor(written), torch.tensor(held), 1


def observed(function: Callable[..., Any]) -> Callable[..., tuple[Any, Tensor, int]]:
    """Return a function that gives what a step returned, what its cache then holds, and its passes."""

    @functools.wraps(function)
    def watch(model: TinyModel, cache: TinyCache, last: int, drafted: Tensor) -> tuple[Any, Tensor, int]:
        model, cache = copy.deepcopy((model, cache))
        written = function(model, cache, last, drafted)
        return written, torch.tensor(cache.tokens, dtype=torch.int64), model.passes

    return watch


def _step(
    model: TinyModel,
    cache: TinyCache,
    last: int,
    drafted: Tensor,
    *,
    accepted: Callable[[Tensor, Tensor], int] = agreeing,
    kept: Callable[[int, int], int] = lambda n, k: n + 1,  # positions of this step that stay in the cache
    written: Callable[[Tensor, Tensor, int], Tensor] = kept_and_next,
    at_once: bool = True,
) -> Tensor:
    """Take a step with one thing (or none) done the wrong way."""
    before, read = cache.length, torch.cat([torch.tensor([last]), drafted])
    passes = [read] if at_once else read.split(1)
    own = torch.cat([model(tokens[None], cache)[0].argmax(-1) for tokens in passes])
    n = accepted(own, drafted)
    cache.rewind(before + kept(n, len(drafted)))
    return written(own, drafted, n)


def _stops_at_a_rejection(model: TinyModel, cache: TinyCache, last: int, drafted: Tensor) -> Tensor:
    written: list[int] = []
    for token in [last, *drafted.tolist()]:
        if written and token != written[-1]:
            break
        written.append(int(model(torch.tensor([[token]]), cache)[0, -1].argmax()))
    return torch.tensor(written)


SPECULATIVE_STEP = Exercise(
    "speculative_step",
    _draw,
    _one_token_at_a_time,
    (
        Misconception(
            "cache not rolled back",
            "What you write is right. But the model still remembers drafts that you threw away, and goes on "
            "as if they stood in the text.",
            (partial(_step, kept=lambda n, k: k + 1),),
        ),
        Misconception(
            "rolled back too far",
            "What you write is right. But the model has forgotten tokens that stand in the text; the pass "
            "began with one that was no draft.",
            (
                partial(_step, kept=lambda n, k: n),
                partial(_step, kept=lambda n, k: 0),
                partial(_step, kept=lambda n, k: 1),
            ),
        ),
        Misconception(
            "a rejected draft stays in the cache",
            "What you write is right. After a rejection one position too many stays: which token lies there, "
            "and has the model read the one that you wrote in its place?",
            (partial(_step, kept=lambda n, k: min(n + 2, k + 1)),),
        ),
        Misconception(
            "bonus token forgotten",
            "When the model agrees with every draft you give away a token. For how many positions did that "
            "one pass make a prediction?",
            (
                partial(_step, written=without_bonus),
                partial(_step, written=without_bonus, kept=lambda n, k: n + 1 if n < k else k),
            ),
        ),
        Misconception(
            "nothing in place of a rejected draft",
            "If the first draft is wrong you write nothing, and stand where you stood. What does the pass "
            "say about the place of the rejected draft?",
            (partial(_step, written=drafts_only), partial(_step, written=drafts_only, kept=lambda n, k: n)),
        ),
        Misconception(
            "rejected draft written",
            "You write a draft that the model disagreed with. What did the model itself say about that "
            "place?",
            (
                partial(_step, written=one_draft_too_many),
                partial(_step, written=refused_and_answered),
            ),
        ),
        Misconception(
            "drafts counted after a rejection",
            "You count all drafts that fit. But behind a wrong one the model was asked about a text that is "
            "not going to be written.",
            (partial(_step, accepted=agreeing_anywhere),),
        ),
        Misconception(
            "compared with the wrong prediction",
            "Each draft is compared with what should follow *it*. Which position of the pass predicts a "
            "draft's own place?",
            (partial(_step, accepted=agreeing_one_place_late),),
        ),
        Misconception(
            "all or nothing",
            "One wrong draft, and you throw away the right ones before it as well.",
            (partial(_step, accepted=agreeing_all_or_none),),
        ),
        Misconception(
            "a pass for each token",
            "The text is right, but it has cost as many passes as without drafts. How many tokens does the "
            "model take at once?",
            (partial(_step, at_once=False), _stops_at_a_rejection),
        ),
    ),
    lesson="08",
    observe=observed,
    returns=("written", "cache.tokens", "passes"),
    edges={
        "one draft": lambda c: {"drafted": c["drafted"][:1]},
        "an empty cache": lambda c: {"cache": TinyCache()},
        "the same token again and again": lambda c: {"drafted": c["drafted"] * 0 + c["last"]},
        "many drafts": lambda c: {"drafted": c["drafted"].repeat(3)},
    },
    show={"model": repr, "cache": repr},
)
