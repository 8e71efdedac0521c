"""Check of RLOO's advantages for answers in any order, against a loop over pairs of answers.

Rewards are quarters, whose sums are exact. Each case has questions with two answers and with three or more,
one answered once, and answers to a question that are no neighbours.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    names = rng.sample(range(20), 3)
    asked = [names[0]] * 2 + [names[1]] * rng.randint(3, 6) + [names[2]]
    while _neighbours(asked):
        rng.shuffle(asked)
    rewards = [rng.randint(0, 8) / 4 for _ in asked]
    rewards[asked.index(names[2])] = rng.randint(1, 8) / 4  # or a baseline of 0 would not show
    for name in names[:2]:  # two answers of a question are never paid alike
        first, second = [i for i, of in enumerate(asked) if of == name][:2]
        rewards[second] = (rewards[first] + rng.randint(1, 7) / 4) % 2.25
    return {"rewards": torch.tensor(rewards), "questions": torch.tensor(asked)}


def _neighbours(asked: list[int]) -> bool:
    """Do the answers to each question stand side by side?"""
    runs = 1 + sum(a != b for a, b in zip(asked, asked[1:], strict=False))
    return runs == len(set(asked))


def _pair_by_pair(rewards: Tensor, questions: Tensor) -> Tensor:
    advantages = []
    for i, (reward, question) in enumerate(zip(rewards.tolist(), questions.tolist(), strict=True)):
        others = [
            other
            for j, (other, of) in enumerate(zip(rewards.tolist(), questions.tolist(), strict=True))
            if of == question and j != i
        ]
        advantages.append(reward - sum(others) / len(others) if others else 0.0)
    return torch.tensor(advantages, dtype=torch.float64)


def _same_question(questions: Tensor) -> Tensor:
    return questions[:, None] == questions[None]  # (answer, answer), itself included


def _runs(questions: Tensor) -> Tensor:
    """Say which answers stand in one unbroken run of the same question."""
    new = torch.cat([torch.zeros(1, dtype=torch.long), (questions[1:] != questions[:-1]).long()])
    return _same_question(new.cumsum(0))


def _advantages(
    rewards: Tensor,
    questions: Tensor,
    *,
    among: Callable[[Tensor], Tensor] = _same_question,
    own: bool = False,  # does an answer's own reward count in the mean?
    number: Callable[[Tensor], Tensor] = lambda others: others.sum(1).clamp(min=1),
    alone: Callable[[Tensor], Tensor] = torch.zeros_like,  # the advantage of an answer without others
    sign: int = 1,
) -> Tensor:
    """Compute advantages with one thing (or none) done the wrong way."""
    rewards = rewards.double()
    others = among(questions).double()
    if not own:
        others = others * (1 - torch.eye(len(rewards), dtype=torch.float64))
    advantages = sign * (rewards - others @ rewards / number(others))
    return torch.where(others.sum(1) == 0, alone(rewards), advantages)


def _in_deviations(rewards: Tensor, questions: Tensor) -> Tensor:
    advantages = _advantages(rewards, questions, own=True)
    for question in questions.unique():
        of = questions == question
        if of.sum() > 1:
            advantages[of] /= rewards[of].double().std()
    return advantages


def _of_the_best(rewards: Tensor, questions: Tensor) -> Tensor:
    others = _same_question(questions) & ~torch.eye(len(rewards), dtype=torch.bool)
    best = rewards.double().expand(len(rewards), -1).masked_fill(~others, -torch.inf).amax(1)
    return torch.where(others.any(1), rewards.double() - best, 0.0)


RLOO_ADVANTAGES = Exercise(
    "rloo_advantages",
    _draw,
    _pair_by_pair,
    (
        Misconception(
            "own reward in the mean",
            "Yours compares each answer with a mean that it is part of. For two answers paid 1 and 0 that "
            "gives a half; whom is each to be compared with?",
            (partial(_advantages, own=True),),
        ),
        Misconception(
            "over the whole batch",
            "Whose rewards go into your mean? An answer is compared with other answers to the same question, "
            "not with those to an easier one.",
            (
                partial(_advantages, among=lambda questions: torch.ones(len(questions), len(questions))),
                partial(
                    _advantages, own=True, among=lambda questions: torch.ones(len(questions), len(questions))
                ),
            ),
        ),
        Misconception(
            "neighbours only",
            "You take answers that stand side by side for a group. Here the answers to a question are "
            "scattered over the batch.",
            (partial(_advantages, among=_runs),),
        ),
        Misconception(
            "divided by one too many",
            "The right rewards are added up. By how many are they divided, and how many others are there?",
            (partial(_advantages, number=lambda others: others.sum(1) + 1),),
        ),
        Misconception(
            "an only answer divided by zero",
            "One question was answered once, so there are no others. What is 0 divided by 0?",
            (partial(_advantages, alone=lambda rewards: rewards * torch.nan),),
        ),
        Misconception(
            "an only answer keeps its reward",
            "An answer without others has nothing to be compared with. Yours is pushed by its whole reward.",
            (partial(_advantages, alone=lambda rewards: rewards),),
        ),
        Misconception(
            "sign turned",
            "Among answers to a question, who has the largest of your advantages: the best or the worst?",
            (partial(_advantages, sign=-1),),
        ),
        Misconception(
            "deviations of the group",
            "That is GRPO's group score, in deviations from the mean of all. RLOO has another mean and no "
            "division.",
            (_in_deviations,),
        ),
        Misconception(
            "against the best of the others",
            "You compare with the best of the others. Then hardly anything is ever better: which number of "
            "theirs does the text name?",
            (_of_the_best,),
        ),
        Misconception(
            "the sum of the others",
            "You take off what all the others earned together. With what of theirs does the text compare?",
            (partial(_advantages, number=lambda others: torch.ones(len(others))),),
        ),
    ),
    lesson="13",
    edges={
        "one question": lambda c: {"questions": c["questions"] * 0},
        "every question answered once": lambda c: {"questions": torch.arange(len(c["questions"]))},
        "one answer": lambda c: {n: c[n][:1] for n in c},
        "all rewards equal": lambda c: {"rewards": c["rewards"] * 0 + 0.5},
        "rewards below 0": lambda c: {"rewards": c["rewards"] - 4},
        "large rewards": lambda c: {"rewards": 1024 * c["rewards"]},
        "side by side": lambda c: {"questions": c["questions"].sort().values},
        "large ids": lambda c: {"questions": c["questions"] * 1_000_003},
    },
)
