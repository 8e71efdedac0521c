"""Check of the log-probabilities of sampled tokens, against a loop over rows and positions."""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import ids, tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    rows, positions, n_tokens = rng.randint(1, 3), rng.randint(3, 5), rng.randint(3, 4)
    return {
        "logits": tenths(rng, rows, positions, n_tokens),
        "tokens": ids(rng, n_tokens, rows, positions),
        "temperature": rng.choice((0.5, 0.7, 1.5, 2.0)),
    }


def _loop(logits: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    rows, positions = tokens.shape
    scores = torch.zeros(rows, positions - 1, dtype=torch.float64)
    for i in range(rows):
        for t in range(1, positions):
            heated = [x / temperature for x in logits[i, t - 1].tolist()]
            scores[i, t - 1] = heated[tokens[i, t]] - math.log(sum(map(math.exp, heated)))
    return scores


def _divided(logits: Tensor, temperature: float) -> Tensor:
    return logits / temperature


def _logs(logits: Tensor) -> Tensor:
    return logits.log_softmax(-1)


def _score(
    logits: Tensor,
    tokens: Tensor,
    temperature: float,
    *,
    before: Callable[[Tensor, float], Tensor] = _divided,
    normalise: Callable[[Tensor], Tensor] = _logs,
    after: Callable[[Tensor, float], Tensor] = lambda logps, temperature: logps,
    at: int = 0,  # position of the logits, counted from the one before the token
) -> Tensor:
    """Score with one thing (or none) done the wrong way."""
    logps = after(normalise(before(logits.double(), temperature)), temperature)
    logps = logps[:, at : at + tokens.shape[1] - 1]
    return logps.gather(-1, tokens[:, 1:, None])[..., 0]


def _plain(logits: Tensor, temperature: float) -> Tensor:
    return logits


SCORE = Exercise(
    "score",
    _draw,
    _loop,
    (
        Misconception(
            "temperature missing",
            "Your numbers do not depend on the temperature. The tokens were drawn from a distribution that "
            "does: a ratio against it would be wrong from the first step on.",
            (partial(_score, before=_plain),),
        ),
        Misconception(
            "multiplied by the temperature",
            "A high temperature should make the choice more even. Does yours?",
            (partial(_score, before=lambda logits, temperature: logits * temperature),),
        ),
        Misconception(
            "temperature after the softmax",
            "Exponentiate your scores of all tokens at one place and add them up: is it 1? What is changed "
            "behind the softmax is no distribution any more.",
            (partial(_score, before=_plain, after=_divided),),
        ),
        Misconception(
            "scored at its own position",
            "The logits at a token's own position were made after it was read, and speak of the next one. "
            "Which ones was it drawn from?",
            (partial(_score, at=1),),
        ),
        Misconception(
            "probabilities, not logarithms",
            "Yours lie between 0 and 1. A log-probability is at most 0.",
            (partial(_score, normalise=lambda logits: logits.softmax(-1)),),
        ),
        Misconception(
            "logits, not log-probabilities",
            "Add 1 to all logits: yours change, though no probability does.",
            (partial(_score, normalise=lambda logits: logits),),
        ),
        Misconception(
            "softmax over the positions",
            "Over what do your probabilities add up to 1? It should be the tokens that could have been "
            "written.",
            (partial(_score, normalise=lambda logits: logits.log_softmax(1)),),
        ),
    ),
    lesson="14",
    returns=("scores",),
    edges={
        "two positions": lambda c: {n: c[n][:, :2] for n in ("logits", "tokens")},
        "one row": lambda c: {n: c[n][:1] for n in ("logits", "tokens")},
        "nearly no temperature": lambda c: {"temperature": 0.05},
        "a very high temperature": lambda c: {"temperature": 100.0},
        "a temperature of 1": lambda c: {"temperature": 1.0},
        "logits far from 0": lambda c: {"logits": c["logits"] + 20},
    },
)
