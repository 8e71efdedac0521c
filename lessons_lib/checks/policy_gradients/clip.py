"""Check of the clipped loss and its gradient, against a loop over tokens and a gradient worked out by hand.

Every case has ratios beyond both ends of the clip for both signs of the advantage: two of these four are
held and have no gradient, two are still pulled back.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    clip = rng.choice((0.1, 0.2, 0.3))
    corners = [(side, sign) for side in (-1, 1) for sign in (-1, 1)]
    tokens = [(side * rng.randint(8, 13) / 20, sign * rng.randint(2, 20) / 10) for side, sign in corners]
    for _ in range(rng.randint(0, 3)):
        tokens.append((rng.choice((-0.05, 0.05)), rng.choice((-1, 1)) * rng.randint(2, 20) / 10))
    rng.shuffle(tokens)
    old = [_draw_old(rng, moved, clip) for moved, _ in tokens]
    return {
        "logps": torch.tensor([o + moved for o, (moved, _) in zip(old, tokens, strict=True)]),
        "old_logps": torch.tensor(old),
        "advantages": torch.tensor([advantage for _, advantage in tokens]),
        "clip": clip,
    }


def _draw_old(rng: random.Random, moved: float, clip: float) -> float:
    """Draw an old log-probability; the quotient of both, a mistake, must not lie at an end of the clip."""
    while True:
        old = -rng.randint(14, 50) / 20
        if abs(abs(moved / old) - clip) > 5e-3:
            return old


def _loop(logps: Tensor, old_logps: Tensor, advantages: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    loss, gradient = 0.0, []
    for new, old, advantage in zip(logps.tolist(), old_logps.tolist(), advantages.tolist(), strict=True):
        ratio = math.exp(new - old)
        held = ratio > 1 + clip if advantage > 0 else ratio < 1 - clip
        bound = 1 + clip if advantage > 0 else 1 - clip
        loss -= advantage * (bound if held else ratio) / len(logps)
        gradient.append(0.0 if held else -advantage * ratio / len(logps))
    return torch.tensor(loss, dtype=torch.float64), torch.tensor(gradient, dtype=torch.float64)


def _ratio(new: Tensor, old: Tensor) -> Tensor:
    return (new - old).exp()


def _smaller(ratio: Tensor, clipped: Tensor, advantages: Tensor) -> Tensor:
    return torch.min(ratio * advantages, clipped * advantages)


def _loss(
    logps: Tensor,
    old_logps: Tensor,
    advantages: Tensor,
    clip: float,
    *,
    ratio: Callable[[Tensor, Tensor], Tensor] = _ratio,
    choose: Callable[[Tensor, Tensor, Tensor], Tensor] = _smaller,
    sign: int = -1,
) -> Tensor:
    """Compute the loss with one thing (or none) done the wrong way."""
    ratios = ratio(logps.double(), old_logps.double())
    return sign * choose(ratios, ratios.clamp(1 - clip, 1 + clip), advantages.double()).mean()


CLIPPED_LOSS = Exercise(
    "clipped_loss",
    _draw,
    _loop,
    (
        Misconception(
            "clip inverted for negative advantages",
            "It is right where the advantage is positive. For a bad token, which is smaller: the ratio times "
            "the advantage, or the clipped ratio times it? Choose between products.",
            (partial(_loss, choose=lambda ratio, clipped, a: torch.min(ratio, clipped) * a),),
        ),
        Misconception(
            "clipped on both sides",
            "Yours has no gradient wherever a ratio lies outside. But a good token that has become less "
            "likely should be pulled back: it is outside on the harmless side.",
            (partial(_loss, choose=lambda ratio, clipped, a: clipped * a),),
        ),
        Misconception(
            "never clipped",
            "Yours pushes on however far a ratio has already gone. What is the clip given for?",
            (partial(_loss, choose=lambda ratio, clipped, a: ratio * a),),
        ),
        Misconception(
            "the larger of the two",
            "Of the two products you take the one that promises more. The clip is there to be careful.",
            (partial(_loss, choose=lambda ratio, clipped, a: torch.max(ratio * a, clipped * a)),),
        ),
        Misconception(
            "ratio as a difference",
            "How many times as likely has a token become when its log-probability rises by 1? Your ratio "
            "is not that.",
            (
                partial(_loss, ratio=lambda new, old: new - old),
                partial(_loss, ratio=lambda new, old: 1 + new - old),
                partial(_loss, ratio=lambda new, old: new.exp() - old.exp()),
                partial(_loss, ratio=lambda new, old: 1 + new.exp() - old.exp()),
            ),
        ),
        Misconception(
            "ratio of the logarithms",
            "You divide one logarithm by the other. The ratio of what do we want?",
            (partial(_loss, ratio=lambda new, old: new / old),),
        ),
        Misconception(
            "ratio upside down",
            "Where a token has become more likely, your ratio is below 1. Which of the two models is being "
            "trained?",
            (partial(_loss, ratio=lambda new, old: (old - new).exp()),),
        ),
        Misconception(
            "old log-probabilities of the current model",
            "Your ratios are all 1: nothing is ever clipped. The old ones are those of the model that wrote "
            "the tokens, and they were handed to you.",
            (
                partial(_loss, ratio=lambda new, old: (new - new.detach()).exp()),
                partial(_loss, ratio=lambda new, old: (new - new).exp()),
            ),
        ),
        Misconception(
            "sign flipped",
            "An optimizer goes downhill. Is a good token more likely after a step of yours?",
            (partial(_loss, sign=1),),
        ),
        Misconception(
            "held at one end only",
            "You hold the ratio at one end, and let it run at the other. Which end matters where an "
            "advantage is below 0, and which where it is above?",
            (
                partial(
                    _loss, choose=lambda ratio, clipped, a: _smaller(ratio, torch.min(ratio, clipped), a)
                ),
                partial(
                    _loss, choose=lambda ratio, clipped, a: _smaller(ratio, torch.max(ratio, clipped), a)
                ),
            ),
        ),
    ),
    lesson="13",
    observe=with_gradient,
    returns=("loss", "logps.grad"),
    edges={
        "nothing has moved": lambda c: {"old_logps": c["logps"].clone()},
        "one token": lambda c: {n: c[n][:1] for n in ("logps", "old_logps", "advantages")},
        "advantages of 0": lambda c: {"advantages": c["advantages"] * 0},
        "tokens that have become much likelier": lambda c: {"old_logps": c["logps"] - 4},
        "tokens that have become much rarer": lambda c: {"logps": c["old_logps"] - 4},
        "a wide clip": lambda c: {"clip": 0.9},
    },
)
