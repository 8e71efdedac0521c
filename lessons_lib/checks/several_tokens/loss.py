"""Check of the loss of several MTP modules, against a loop over modules, texts and positions.

Letters: D modules, k the number of one (from 1), T positions of T + 1 tokens, V vocabulary.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import ids, tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    depth, batch, vocab = rng.randint(2, 3), rng.randint(2, 3), rng.randint(3, 4)
    positions = depth + rng.randint(2, 3)
    return {
        "logits": tenths(rng, depth, batch, positions, vocab),
        "tokens": ids(rng, vocab, batch, positions + 1),
        "weight": rng.choice((2.0, 3.0, 4.0)),
    }


def _one_by_one(logits: Tensor, tokens: Tensor, weight: float) -> Tensor:
    modules, texts, total = logits.tolist(), tokens.tolist(), 0.0
    for k, module in enumerate(modules, start=1):
        for rows, text in zip(module, texts, strict=True):
            for row, label in zip(rows, text[k + 1 :], strict=False):  # where there is such a label
                loss = math.log(sum(math.exp(x) for x in row)) - row[label]
                total += weight / len(modules) * loss / len(rows) / len(texts)
    return torch.tensor(total, dtype=torch.float64)


def _loss(
    logits: Tensor,
    tokens: Tensor,
    weight: float,
    *,
    ahead: Callable[[int], int] = lambda k: k + 1,  # how far the label lies from the position
    count: Callable[[int, int], int] = lambda T, k: T - k,  # of positions, at most as labels are there
    last: bool = False,  # the last positions in place of the first
    wrapped: bool = False,  # labels begin again at the start of the text
    divisor: Callable[[int, int], int] = lambda T, k: T,
    over_texts: Callable[[Tensor], Tensor] = torch.mean,
    over_modules: Callable[[Tensor], Tensor] = torch.mean,
) -> Tensor:
    """Compute the loss with one thing (or none) done the wrong way."""
    losses, T = [], logits.shape[2]
    for k, rows in enumerate(logits.double(), start=1):
        labels = tokens.roll(-ahead(k), 1)[:, :T] if wrapped else tokens[:, ahead(k) :]
        n = min(labels.shape[1], count(T, k), T)
        here = rows[:, T - n :] if last else rows[:, :n]
        each = F.cross_entropy(here.mT, labels[:, :n], reduction="none")
        losses.append(over_texts(each.sum(1) / divisor(T, k)))
    return weight * over_modules(torch.stack(losses))


def _all(T: int, k: int) -> int:
    return T


def _scored(T: int, k: int) -> int:
    return T - k


MTP_LOSS = Exercise(
    "mtp_loss",
    _draw,
    _one_by_one,
    (
        Misconception(
            "label equal to the input",
            "You score each module on the token that it was given to read. That one is no prediction.",
            (
                partial(_loss, ahead=lambda k: k),
                partial(_loss, ahead=lambda k: k, count=_all),
            ),
        ),
        Misconception(
            "shift by one too many",
            "You score each module one token too far ahead. Count on a text of five tokens: which one "
            "follows what it has read?",
            (partial(_loss, ahead=lambda k: k + 2),),
        ),
        Misconception(
            "the same label for every module",
            "All your modules are scored on the same tokens. How far ahead looks the second?",
            (
                partial(_loss, ahead=lambda k: 2),
                partial(_loss, ahead=lambda k: 2, count=_all),
                partial(_loss, ahead=lambda k: 1),
                partial(_loss, ahead=lambda k: 1, count=_all),
            ),
        ),
        Misconception(
            "last positions for first",
            "You drop the right number of positions, at the wrong end. Which of them have no token so far "
            "ahead?",
            (partial(_loss, last=True),),
        ),
        Misconception(
            "labels wrapped round",
            "You also score positions near the end of the text, with labels from its beginning.",
            (
                partial(_loss, wrapped=True, count=_all),
                partial(_loss, wrapped=True, count=lambda T, k: T - 1),
            ),
        ),
        Misconception(
            "divided by what is added up",
            "What you add up is right. Compare your divisor with the one in the text: it is the same for all "
            "modules.",
            (partial(_loss, divisor=_scored),),
        ),
        Misconception(
            "sum over the modules",
            "With more modules your loss grows, and crowds out the main model's. What stands in front of the "
            "sum over modules?",
            (partial(_loss, over_modules=torch.sum),),
        ),
        Misconception(
            "sum over the texts",
            "Give it every text twice and your loss doubles. What is to be taken over the texts of the "
            "batch?",
            (partial(_loss, over_texts=torch.sum),),
        ),
    ),
    lesson="08",
    returns=("loss",),
    edges={
        "one module": lambda c: {"logits": c["logits"][:1]},
        "one text": lambda c: {"logits": c["logits"][:, :1], "tokens": c["tokens"][:1]},
        "logits of 0": lambda c: {"logits": c["logits"] * 0},
        "very different logits": lambda c: {"logits": 20 * c["logits"]},
        "a small weight": lambda c: {"weight": 0.1},
    },
)
