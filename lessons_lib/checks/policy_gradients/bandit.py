"""Check of REINFORCE on a bandit and its gradient, against a loop and a gradient worked out by hand.

With p the probabilities, a the arms pulled, r the rewards and b the baseline, a constant, the loss is
-mean_n (r_n - b) log p(a_n), its derivative by logit j -mean_n (r_n - b) ((1 if j = a_n, else 0) - p_j).
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import ids, tenths
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    n_arms, n_pulls = rng.randint(2, 4), rng.randint(3, 6)
    return {
        "logits": tenths(rng, n_arms),
        "arms": ids(rng, n_arms, n_pulls),
        "rewards": tenths(rng, n_pulls),
        "worth": tenths(rng, n_arms),
    }


def _loop(logits: Tensor, arms: Tensor, rewards: Tensor, worth: Tensor) -> tuple[Tensor, Tensor]:
    powers = [math.exp(logit) for logit in logits.tolist()]
    p = [power / sum(powers) for power in powers]
    baseline = sum(p_i * w_i for p_i, w_i in zip(p, worth.tolist(), strict=True))
    loss, gradient = 0.0, [0.0] * len(p)
    for arm, reward in zip(arms.tolist(), rewards.tolist(), strict=True):
        advantage = (reward - baseline) / len(arms)
        loss -= advantage * math.log(p[arm])
        for j in range(len(p)):
            gradient[j] -= advantage * ((j == arm) - p[j])
    return torch.tensor(loss, dtype=torch.float64), torch.tensor(gradient, dtype=torch.float64)


def _expected(p: Tensor, arms: Tensor, worth: Tensor) -> Tensor:
    return p.detach() @ worth


def _loss(
    logits: Tensor,
    arms: Tensor,
    rewards: Tensor,
    worth: Tensor,
    *,
    baseline: Callable[[Tensor, Tensor, Tensor], Any] = _expected,  # of the probabilities, arms and worth
    score: Callable[[Tensor], Tensor] = lambda logits: logits.log_softmax(-1),
    sign: int = -1,
    mean: Callable[[Tensor], Tensor] = torch.mean,
) -> Tensor:
    """Compute the loss with one thing (or none) done the wrong way."""
    logits, rewards, worth = logits.double(), rewards.double(), worth.double()
    advantages = rewards - baseline(logits.softmax(-1), arms, worth)
    return sign * mean(advantages * score(logits)[arms])


BANDIT_LOSS = Exercise(
    "bandit_loss",
    _draw,
    _loop,
    (
        Misconception(
            "sign flipped",
            "An optimizer goes downhill. Take one step of yours and look at the arm that paid best: has it "
            "become more likely?",
            (partial(_loss, sign=1),),
        ),
        Misconception(
            "baseline carries a gradient",
            "The value is right, the gradient is not. Your baseline is computed from the logits too. Should "
            "they be pushed by it?",
            (partial(_loss, baseline=lambda p, arms, worth: p @ worth),),
        ),
        Misconception(
            "no baseline",
            "Your loss takes the rewards as they are. Add 10 to all of them: should that change where the "
            "logits are pushed?",
            (partial(_loss, baseline=lambda p, arms, worth: 0.0),),
        ),
        Misconception(
            "all arms counted alike",
            "Your baseline is a plain mean of what the arms are worth. But an arm that is hardly ever pulled "
            "hardly matters for the reward to be expected.",
            (partial(_loss, baseline=lambda p, arms, worth: worth.mean()),),
        ),
        Misconception(
            "baseline of the arm pulled",
            "Yours compares an arm with what that arm is worth itself. If the guesses were exact, what would "
            "be left to learn? Compare it with what the policy may expect.",
            (partial(_loss, baseline=lambda p, arms, worth: worth[arms]),),
        ),
        Misconception(
            "probability for its logarithm",
            "You weigh probabilities. The trick of the lesson holds for something else: look at what the "
            "derivative is divided by.",
            (partial(_loss, score=lambda logits: logits.softmax(-1)),),
        ),
        Misconception(
            "logits for log-probabilities",
            "You weigh the logits themselves. Then raising all of them would count as progress, though it "
            "changes no probability.",
            (partial(_loss, score=lambda logits: logits),),
        ),
        Misconception(
            "summed over the pulls",
            "Pull twice as often and your loss is twice as large. Which word of the text is still to do?",
            (partial(_loss, mean=torch.sum),),
        ),
    ),
    lesson="13",
    observe=with_gradient,
    returns=("loss", "logits.grad"),
    edges={
        "one pull": lambda c: {n: c[n][:1] for n in ("arms", "rewards")},
        "one arm": lambda c: {"logits": c["logits"][:1], "worth": c["worth"][:1], "arms": c["arms"] * 0},
        "always the same arm": lambda c: {"arms": c["arms"] * 0},
        "rewards of 0": lambda c: {"rewards": c["rewards"] * 0},
        "nearly certain": lambda c: {"logits": 8 * c["logits"]},
        "logits far from 0": lambda c: {"logits": c["logits"] + 20},
    },
)
