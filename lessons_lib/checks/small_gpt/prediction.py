"""Checks of what a model's predictions are used for: the loss and sampling.

The loss is compared with a loop in Python numbers. A sample is random, so what is compared are the
shares of each token in many draws; the tolerance is seven standard errors of such a share or more.
"""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import ids, tenths

PAD = 0
DRAWS = 5_000  # few enough for a loop over them; a share's standard error is sqrt(p (1 - p) / 5,000)


def _draw_loss(rng: random.Random) -> dict[str, Any]:
    batch, position, vocab = 2, rng.randint(3, 5), rng.randint(3, 4)
    targets = 1 + ids(rng, vocab - 1, batch, position)
    first, second = rng.sample(range(position), 2)  # how many are padding: never all, never equally many
    targets[0, position - first :] = PAD
    targets[1, position - second :] = PAD
    return {"logits": tenths(rng, batch, position, vocab), "targets": targets, "pad": PAD}


def _loss_loop(logits: Tensor, targets: Tensor, pad: int) -> Tensor:
    losses = []
    for row, wanted in zip(logits.flatten(0, 1).tolist(), targets.flatten().tolist(), strict=True):
        if wanted != pad:
            losses.append(math.log(sum(math.exp(x) for x in row)) - row[wanted])
    return torch.tensor(sum(losses) / len(losses), dtype=torch.float64)


def _loss(reduce: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return a mistaken loss: `reduce` makes one number of all losses and of what is no padding."""

    def answer(logits: Tensor, targets: Tensor, pad: int) -> Tensor:
        losses = F.cross_entropy(logits.double().mT, targets, reduction="none")  # (batch, position)
        return reduce(losses, (targets != pad).double())

    return answer


LOSS = Exercise(
    "loss_without_padding",
    _draw_loss,
    _loss_loop,
    (
        Misconception(
            "mean over padding",
            "Filling up a text with more padding should not change its loss. It changes yours. Check "
            "both halves of a mean: what is added up, and by how many it is divided.",
            (_loss(lambda x, real: x.mean()), _loss(lambda x, real: (x * real).mean())),
        ),
        Misconception(
            "mean of the texts' means",
            "You give a short text as much weight as a long one. What should have equal weight here?",
            (_loss(lambda x, real: ((x * real).sum(1) / real.sum(1).clamp(min=1)).mean()),),
        ),
        Misconception(
            "sum for mean",
            "Give it the same text twice and your loss doubles. The lesson's does not: it is nats per what?",
            (_loss(lambda x, real: (x * real).sum()),),
        ),
        Misconception(
            "sign",
            "The size is right. Can a loss of this kind ever be negative?",
            (_loss(lambda x, real: -(x * real).sum() / real.sum()),),
        ),
        Misconception(
            "bits for nats",
            "Your number is about 1.44 times too large. Which logarithm belongs to nats?",
            (_loss(lambda x, real: (x * real).sum() / real.sum() / math.log(2)),),
        ),
    ),
    lesson="01",
    returns=("loss",),
)


def _draw_sample(rng: random.Random) -> dict[str, Any]:
    # Logits may be shifted at will; all positive, they can even be mistaken for probabilities.
    # No two are equal, or "the best" would not be one token.
    logits = torch.tensor(rng.sample(range(5, 46), rng.randint(3, 5))) / 10
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    temperature = rng.choice((0.5, 0.6, 1.5, 2.0))
    return {"logits": logits.expand(DRAWS, -1), "temperature": temperature, "generator": generator}


def _shares(result: Tensor, logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Return how often each token was drawn, as a share (vocabulary,)."""
    vocab = logits.shape[-1]
    if result.min() < 0 or result.max() >= vocab:
        wrong = result[(result < 0) | (result >= vocab)][0]
        raise ValueError(f"you drew token {wrong}, and there are only the tokens 0 to {vocab - 1}")
    return torch.bincount(result, minlength=vocab).double() / len(result)


def _probs(change: Callable[[Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Return an answer that draws with the probabilities `change(logits of one row, temperature)`."""
    return lambda logits, temperature, generator: change(logits[0].double(), temperature)


def _show_logits(logits: Tensor) -> str:
    row = [round(x, 1) for x in logits[0].tolist()]
    return f"torch.tensor({row}).expand({len(logits)}, -1)"


SAMPLE = Exercise(
    "sample",
    _draw_sample,
    _probs(lambda x, t: (x / t).softmax(-1)),
    (
        Misconception(
            "logits as probabilities",
            "You draw in proportion to the logits. Add 100 to all of them: a model that predicts the "
            "same would then sample almost evenly. Which step is missing?",
            (_probs(lambda x, t: x / x.sum()),),
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
            (_probs(lambda x, t: F.one_hot(x.argmax(), len(x)).double()),),
        ),
        Misconception(
            "evenly drawn",
            "Every token comes up equally often: the logits have no say.",
            (_probs(lambda x, t: torch.full_like(x, 1 / len(x))),),
        ),
    ),
    lesson="01",
    show={"logits": _show_logits},
    like=lambda logits, temperature, generator: torch.zeros(len(logits), dtype=torch.int64),
    read=_shares,
    read_as="share",
    tolerance=0.035,
    margin=0.09,
)
