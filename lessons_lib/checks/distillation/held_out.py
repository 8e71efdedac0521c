"""Check of pass@1 on held-out problems, each of which weighs the same, by a loop.

Problems have different numbers of answers. In every case some problems are held out and some are not, and
they are answered differently well.
"""

import random
from collections.abc import Callable
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

Shares = dict[int, list[bool]]


def _draw(rng: random.Random) -> dict[str, Any]:
    n_problems, n_models = rng.randint(4, 6), rng.randint(2, 3)
    held_out = [True, True, False] + [rng.random() < 0.5 for _ in range(n_problems - 3)]
    rng.shuffle(held_out)
    counts = rng.sample(range(1, 8), n_problems)  # no two problems are asked equally often
    problems = [p for p in range(n_problems) for _ in range(counts[p])]
    rng.shuffle(problems)
    correct = [[rng.random() < 0.5 for _ in problems] for _ in range(n_models)]
    return {
        "correct": torch.tensor(correct),
        "problem": torch.tensor(problems),
        "held_out": torch.tensor(held_out),
    }


def _model_by_model(
    rule: Callable[[Shares], float], keep: Callable[[bool], bool] = bool
) -> Callable[..., Tensor]:
    """Return what applies `rule({problem: its answers})` to the problems that `keep(is held out)` lets in."""

    def score(correct: Tensor, problem: Tensor, held_out: Tensor) -> Tensor:
        scores = []
        for row in correct.tolist():
            answers: Shares = {}
            for p, is_right in zip(problem.tolist(), row, strict=True):
                if keep(held_out.tolist()[p]):
                    answers.setdefault(p, []).append(is_right)
            scores.append(rule(answers))
        return torch.tensor(scores, dtype=torch.float64)

    return score


def _mean_of_problems(answers: Shares) -> float:
    return fmean(fmean(row) for row in answers.values())


def _mean_of_answers(answers: Shares) -> float:
    return fmean(is_right for row in answers.values() for is_right in row)


def _everything(is_held_out: bool) -> bool:
    return True


def _learned(is_held_out: bool) -> bool:
    return not is_held_out


def _over_all(correct: Tensor, problem: Tensor, held_out: Tensor) -> Tensor:
    """Count what is held out only, and share it out among all problems."""
    right = _model_by_model(_mean_of_problems)(correct, problem, held_out)
    return right * held_out.sum() / len(held_out)


HELD_OUT_SCORE = Exercise(
    "held_out_score",
    _draw,
    _model_by_model(_mean_of_problems),
    (
        Misconception(
            "training problems counted",
            "Among the problems that you count are some that the model has learned from. Knowing them by "
            "heart would raise your score.",
            (
                _model_by_model(_mean_of_problems, _everything),
                _model_by_model(_mean_of_answers, _everything),
            ),
        ),
        Misconception(
            "training problems alone",
            "You examine with exactly those problems that were there to learn from. What does the mask mark?",
            (_model_by_model(_mean_of_problems, _learned), _model_by_model(_mean_of_answers, _learned)),
        ),
        Misconception(
            "every answer weighs the same",
            "A problem that was asked often decides more in yours than one that was asked once.",
            (_model_by_model(_mean_of_answers),),
        ),
        Misconception(
            "solved once is solved",
            "One right answer among many makes a problem count in full. The score is for somebody who asks "
            "once.",
            (_model_by_model(lambda answers: fmean(any(row) for row in answers.values())),),
        ),
        Misconception(
            "solved by most of its answers",
            "That is a vote: a problem counts as solved or not. The score is for somebody who asks once.",
            (
                _model_by_model(lambda answers: fmean(fmean(row) > 0.5 for row in answers.values())),
                _model_by_model(lambda answers: fmean(fmean(row) >= 0.5 for row in answers.values())),
            ),
        ),
        Misconception(
            "shared out among all problems",
            "Only held-out problems can earn something in yours, and yet all of them are divided by: nobody "
            "could reach 1.",
            (_over_all,),
        ),
    ),
    lesson="16",
    edges={
        "one model": lambda c: {"correct": c["correct"][:1]},
        "all held out": lambda c: {"held_out": c["held_out"] | True},
        "nothing solved": lambda c: {"correct": c["correct"] & False},
        "everything solved": lambda c: {"correct": c["correct"] | True},
        "each asked once": lambda c: {
            "problem": torch.arange(len(c["held_out"])),
            "correct": c["correct"][:, : len(c["held_out"])],
        },
    },
)
