"""Check of sampling: what is compared are the shares of each token in many draws.

The tolerance is seven standard errors of such a share or more.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

DRAWS = 5_000  # for each of two rows of logits; a share's standard error is sqrt(p (1 - p) / 5,000)


def _draw_sample(rng: random.Random) -> dict[str, Any]:
    # Logits may be shifted at will; all positive, they can even be mistaken for probabilities.
    # No two of a row are equal, or "the best" would not be one token.
    vocab = rng.randint(3, 5)
    logits = torch.tensor([rng.sample(range(5, 46), vocab) for _ in range(2)]) / 10
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    temperature = rng.choice((0.5, 0.6, 1.5, 2.0))
    return {"logits": logits.repeat(DRAWS, 1), "temperature": temperature, "generator": generator}


def _shares(result: Tensor, logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Return how often each token was drawn from each of the two rows, as a share (2, vocabulary)."""
    vocab = logits.shape[-1]
    if result.min() < 0 or result.max() >= vocab:
        wrong = result[(result < 0) | (result >= vocab)][0]
        raise ValueError(f"you drew token {wrong}, and there are only the tokens 0 to {vocab - 1}")
    rows = [torch.bincount(result[i::2], minlength=vocab).double() / len(result[i::2]) for i in (0, 1)]
    return torch.stack(rows)


def _probs(change: Callable[[Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Return an answer that draws with the probabilities `change(the two rows of logits, temperature)`."""
    return lambda logits, temperature, generator: change(logits[:2].double(), temperature)


def _over_rows(x: Tensor) -> Tensor:
    return x.softmax(0) / x.softmax(0).sum(-1, keepdim=True)  # a drawing function divides by the sum


def _show_logits(logits: Tensor) -> str:
    rows = [[round(x, 1) for x in row] for row in logits[:2].tolist()]
    return f"torch.tensor({rows}).repeat({len(logits) // 2}, 1)"


SAMPLE = Exercise(
    "sample",
    _draw_sample,
    _probs(lambda x, t: (x / t).softmax(-1)),
    (
        Misconception(
            "logits as probabilities",
            "You draw in proportion to the logits. Add 100 to all of them: a model that predicts the "
            "same would then sample almost evenly. Which step is missing?",
            (_probs(lambda x, t: x / x.sum(-1, keepdim=True)),),
        ),
        Misconception(
            "temperature the wrong way round",
            "High temperature should make the choice more even, low more certain. Yours does the opposite.",
            (_probs(lambda x, t: (x * t).softmax(-1)),),
        ),
        Misconception(
            "temperature without effect",
            "You draw as if the temperature were 1. If you do use it: a drawing function scales what it "
            "gets to sum to 1, so at which point does dividing by a constant change nothing?",
            (_probs(lambda x, t: x.softmax(-1)),),
        ),
        Misconception(
            "always the best token",
            "You always take the likeliest token. That is temperature 0; where is the chance?",
            (_probs(lambda x, t: F.one_hot(x.argmax(-1), x.shape[-1]).double()),),
        ),
        Misconception(
            "evenly drawn",
            "Every token comes up equally often: the logits have no say. From which shares do you draw?",
            (_probs(lambda x, t: torch.full_like(x, 1 / x.shape[-1])),),
        ),
        Misconception(
            "softmax over the rows",
            "Add up the probabilities of one row over all tokens. Is it 1, or is something else?",
            (_probs(lambda x, t: _over_rows(x / t)),),
        ),
        Misconception(
            "one row for all",
            "All rows are drawn as if they had the same logits. Which row of logits does row 1 use?",
            (
                _probs(lambda x, t: (x / t).softmax(-1)[:1].expand(2, -1)),
                _probs(lambda x, t: (x / t).softmax(-1)[1:].expand(2, -1)),
            ),
        ),
    ),
    lesson="01",
    show={"logits": _show_logits},
    edges={
        "two tokens": lambda c: {"logits": c["logits"][:, :2]},
        "negative logits": lambda c: {"logits": c["logits"] - 60},
        "nearly no temperature": lambda c: {"temperature": 0.02},
        "a very high temperature": lambda c: {"temperature": 200.0},
    },
    like=lambda logits, temperature, generator: torch.zeros(len(logits), dtype=torch.int64),
    read=_shares,
    read_as="share",
    tolerance=0.035,
    absolute=1.0,
    draws=10,
    margin=0.09,
)
