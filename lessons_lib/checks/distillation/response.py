"""Check of next-token loss on responses alone, against a loop and a gradient worked out by hand.

With p the softmax of the logits at a place, n the number of all learned tokens, and the token that comes
next, d loss / d logit_v is (p_v - 1) / n where v is that token and p_v / n elsewhere; at places whose next
token is not learned it is 0.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    n_texts, n_words, pad = rng.randint(2, 3), rng.randint(4, 6), rng.randrange(4)
    words = [word for word in range(n_words) if word != pad]
    prompts = [rng.randint(2, 3) for _ in range(n_texts)]
    answers = rng.sample(range(2, 6), n_texts)  # of different lengths
    length = max(p + a for p, a in zip(prompts, answers, strict=True)) + rng.randint(1, 2)
    rows = []
    for prompt, answer in zip(prompts, answers, strict=True):
        text = [rng.choice(words) for _ in range(prompt + answer)]
        rows.append(text + [pad] * (length - len(text)))
    return {
        "logits": distinct(rng, n_texts, length, n_words, low=-150, high=150),
        "tokens": torch.tensor(rows),
        "prompt_lengths": torch.tensor(prompts),
        "pad": pad,
    }


def _loop(logits: Tensor, tokens: Tensor, prompt_lengths: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    gradient, loss = torch.zeros(logits.shape, dtype=torch.float64), 0.0
    rows, starts, scores = tokens.tolist(), prompt_lengths.tolist(), logits.tolist()
    learned = [(b, i) for b, row in enumerate(rows) for i in range(starts[b], len(row)) if row[i] != pad]
    for b, i in learned:
        weights = [math.exp(score) for score in scores[b][i - 1]]
        shares = [weight / sum(weights) for weight in weights]
        loss -= math.log(shares[rows[b][i]]) / len(learned)
        for v, share in enumerate(shares):
            gradient[b, i - 1, v] = (share - (v == rows[b][i])) / len(learned)
    return torch.tensor(loss, dtype=torch.float64), gradient


def _loss(
    logits: Tensor,
    tokens: Tensor,
    prompt_lengths: Tensor,
    pad: int,
    *,
    shift: int = 1,
    prompt: bool = False,  # learned as well
    padding: bool = False,
    late: int = 0,  # responses begin so many tokens later
    mean: Callable[[Tensor, Tensor], Tensor] = lambda costs, learned: costs[learned].mean(),
) -> Tensor:
    """Compute the loss with one thing (or none) done the wrong way."""
    length = tokens.shape[1]
    log_p = logits.double().log_softmax(-1)[:, : length - shift]  # (texts, places, words)
    targets = tokens[:, shift:]
    costs = -log_p.gather(-1, targets[..., None]).squeeze(-1)
    learned = torch.ones_like(targets, dtype=torch.bool)
    if not prompt:
        learned &= torch.arange(shift, length) >= prompt_lengths[:, None] + late
    if not padding:
        learned &= targets != pad
    return mean(costs, learned)


def _mean_of_means(costs: Tensor, learned: Tensor) -> Tensor:
    return ((costs * learned).sum(1) / learned.sum(1)).mean()


RESPONSE_LOSS = Exercise(
    "response_loss",
    _draw,
    _loop,
    (
        Misconception(
            "the prompt learned",
            "Yours also makes the model predict the prompt. That is given; here it is drawn at random, and "
            "nobody can learn to guess it.",
            (partial(_loss, prompt=True), partial(_loss, prompt=True, padding=True)),
        ),
        Misconception(
            "padding learned",
            "What fills up the shorter texts was written by nobody, and counts in yours as if it had been.",
            (partial(_loss, padding=True),),
        ),
        Misconception(
            "no shift",
            "Yours asks, at every place, for the token that stands there and was just read. Which one is to "
            "be predicted?",
            (
                partial(_loss, shift=0),
                partial(_loss, shift=0, prompt=True),
                partial(_loss, shift=0, padding=True),
            ),
        ),
        Misconception(
            "first word of the response left out",
            "The first token of a response is learned, too. From which place is it predicted?",
            (partial(_loss, late=1),),
        ),
        Misconception(
            "last word of the prompt learned",
            "One token of each prompt is learned by yours. Count once more where a response begins.",
            (partial(_loss, late=-1),),
        ),
        Misconception(
            "mean of the texts' means",
            "You average each text first, so a token of a long thought weighs less than one of a short one.",
            (partial(_loss, mean=_mean_of_means),),
        ),
        Misconception(
            "divided by every token",
            "The sum is right. It is shared out among more tokens than were learned.",
            (
                partial(_loss, mean=lambda costs, learned: (costs * learned).mean()),
                partial(
                    _loss,
                    mean=lambda costs, learned: (
                        (costs * learned).sum() / (learned.shape[0] * (learned.shape[1] + 1))
                    ),
                ),
            ),
        ),
    ),
    lesson="16",
    observe=with_gradient,
    returns=("loss", "logits.grad"),
    edges={
        "one text": lambda c: {n: c[n][:1] for n in ("logits", "tokens", "prompt_lengths")},
        "prompts of one token": lambda c: {"prompt_lengths": c["prompt_lengths"] * 0 + 1},
        "logits of 0": lambda c: {"logits": c["logits"] * 0},
        "very different logits": lambda c: {"logits": 10 * c["logits"]},
        "no padding": lambda c: {n: c[n][:, :4] for n in ("logits", "tokens")},
    },
)
