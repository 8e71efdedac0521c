"""Check of the loss without padding, against a loop in Python numbers."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import ids, tenths


def _draw_loss(rng: random.Random) -> dict[str, Any]:
    batch, position, vocab = 2, rng.randint(3, 5), rng.randint(3, 4)
    pad = rng.randrange(vocab)
    targets = (pad + 1 + ids(rng, vocab - 1, batch, position)) % vocab
    first, second = rng.sample(range(position), 2)  # how many are padding: never all, never equally many
    targets[0, position - first :] = pad
    targets[1, position - second :] = pad
    return {"logits": tenths(rng, batch, position, vocab), "targets": targets, "pad": pad}


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
        Misconception(
            "softmax twice",
            "Your loss hardly moves, however sure the model is. Which of your steps takes a softmax "
            "already: what does cross_entropy expect?",
            (lambda logits, targets, pad: _loss_loop(logits.double().softmax(-1), targets, pad),),
        ),
        Misconception(
            "shifted once more",
            "You compare each position with the target of the next. In the text's arguments, to which "
            "position does `targets[b, t]` belong?",
            (lambda logits, targets, pad: _loss_loop(logits[:, :-1], targets[:, 1:], pad),),
        ),
    ),
    lesson="01",
    returns=("loss",),
    edges={
        "no padding": lambda c: {
            "targets": (c["pad"] + c["targets"].ne(c["pad"]) + 1) % 3,
            "pad": c["pad"] % 3,
        },
        "one target is left": lambda c: {
            "targets": torch.where(
                torch.arange(c["targets"].numel()).view_as(c["targets"]) == 0, (c["pad"] + 1) % 3, c["pad"]
            )
        },
        "padding in front": lambda c: {"targets": c["targets"].flip(1)},
        "one text of one position": lambda c: {
            "logits": c["logits"][:1, :1],
            "targets": torch.tensor([[(c["pad"] + 1) % 3]]),
        },
        "large logits": lambda c: {"logits": 60 * c["logits"]},
        "logits of zero": lambda c: {"logits": 0 * c["logits"]},
    },
)
