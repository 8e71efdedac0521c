"""Check of best-of-n: the answer that a verifier scores highest, whatever its length, by a loop."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct

Sample = tuple[int, float, int]  # answer, score, length


def _draw(rng: random.Random) -> dict[str, Any]:
    n_problems, n = rng.randint(3, 5), rng.randint(4, 6)
    answers = [[rng.choice((-1, 0, 1, 2, 3)) for _ in range(n)] for _ in range(n_problems)]
    answers[0] = answers[0] if rng.random() < 0.7 else [-1] * n
    lengths = [rng.sample(range(4, 40), n) for _ in range(n_problems)]
    scores = distinct(rng, n_problems, n, low=-300, high=200)
    while any(len({round(total, 4) for total in of.values()}) < len(of) for of in _totals(answers, scores)):
        scores = distinct(rng, n_problems, n, low=-300, high=200)  # no tie between totals, so a vote is told
    return {"answers": torch.tensor(answers), "scores": scores, "lengths": torch.tensor(lengths)}


def _choose(by: Callable[[Sample], float], *, readable: bool = True) -> Callable[..., Tensor]:
    """Return what takes from each problem the answer of the sample that is best `by` something."""

    def choose(answers: Tensor, scores: Tensor, lengths: Tensor) -> Tensor:
        taken = []
        for rows in zip(answers.tolist(), scores.tolist(), lengths.tolist(), strict=True):
            samples = [s for s in zip(*rows, strict=True) if s[0] >= 0 or not readable]
            taken.append(max(samples, key=by)[0] if samples else -1)
        return torch.tensor(taken)

    return choose


def _totals(answers: list[list[int]], scores: Tensor) -> list[dict[int, float]]:
    """Return for each problem {answer: sum of its samples' scores}, of those that can be read."""
    return [
        {a: sum(s for b, s in zip(row, of, strict=True) if a == b) for a in row if a >= 0}
        for row, of in zip(answers, scores.tolist(), strict=True)
    ]


def _by_total(answers: Tensor, scores: Tensor, lengths: Tensor) -> Tensor:
    totals = _totals(answers.tolist(), scores)
    return torch.tensor([max(of, key=of.__getitem__, default=-1) for of in totals])


def _score(sample: Sample) -> float:
    return sample[1]


def _choose_positive(answers: Tensor, scores: Tensor, lengths: Tensor) -> Tensor:
    return _choose(_score)(torch.where(answers == 0, -1, answers), scores, lengths)


def _unreadable_at_zero(answers: Tensor, scores: Tensor, lengths: Tensor) -> Tensor:
    return answers.gather(1, scores.masked_fill(answers < 0, 0).argmax(1, keepdim=True)).squeeze(1)


BEST_OF_N = Exercise(
    "best_of_n",
    _draw,
    _choose(_score),
    (
        Misconception(
            "by length",
            "You choose by how long the samples are. Who thinks longest is not therefore right; the verifier "
            "was asked.",
            (
                _choose(lambda s: s[2]),
                _choose(lambda s: -s[2]),
                _choose(lambda s: s[2], readable=False),
                _choose(lambda s: -s[2], readable=False),
            ),
        ),
        Misconception(
            "score per token",
            "A score is a verdict on a whole answer. Shared out among its tokens, it favours the short.",
            (_choose(lambda s: s[1] / s[2]), _choose(lambda s: s[1] / s[2], readable=False)),
        ),
        Misconception(
            "the unreadable chosen",
            "Sometimes you hand over -1 although another sample can be read. Which samples should not be "
            "in the running?",
            (_choose(_score, readable=False),),
        ),
        Misconception(
            "scores added up",
            "You add up the scores of equal answers: a vote with weights. Best-of-n takes one sample.",
            (_by_total,),
        ),
        Misconception(
            "lowest score",
            "You take the one that the verifier likes least. Does a high score mean good or bad?",
            (_choose(lambda s: -s[1]), _choose(lambda s: -s[1], readable=False)),
        ),
        Misconception(
            "zero taken for unreadable",
            "Yours never hands over the answer 0 where there is another. Which number stands for what "
            "cannot be read?",
            (_choose_positive,),
        ),
        Misconception(
            "the place of the sample",
            "You hand over which sample is best: its place in the row. What was asked for?",
            (
                lambda answers, scores, lengths: scores.masked_fill(answers < 0, -math.inf).argmax(1),
                lambda answers, scores, lengths: scores.argmax(1),
            ),
        ),
        Misconception(
            "score of the unreadable set to 0",
            "You give what cannot be read a score of 0. Scores may be negative: what does 0 beat then?",
            (_unreadable_at_zero,),
        ),
    ),
    lesson="17",
    edges={
        "nothing can be read": lambda c: {"answers": c["answers"] * 0 - 1},
        "one sample": lambda c: {n: c[n][:, :1] for n in c},
        "one problem": lambda c: {n: c[n][:1] for n in c},
        "scores far below 0": lambda c: {"scores": c["scores"] - 10_000},
        "scores far above 0": lambda c: {"scores": c["scores"] + 1000},
    },
)
