"""Check of best-of-n: the answer that a verifier scores highest, whatever its length, by a loop."""

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
    scores = distinct(rng, n_problems, n, low=-90, high=200)
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


def _by_total(answers: Tensor, scores: Tensor, lengths: Tensor) -> Tensor:
    taken = []
    for row, of in zip(answers.tolist(), scores.tolist(), strict=True):
        totals = {a: sum(s for b, s in zip(row, of, strict=True) if a == b) for a in row if a >= 0}
        taken.append(max(totals, key=totals.__getitem__, default=-1))
    return torch.tensor(taken)


def _score(sample: Sample) -> float:
    return sample[1]


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
            "Sometimes you hand over -1 although another sample can be read.",
            (_choose(_score, readable=False),),
        ),
        Misconception(
            "scores added up",
            "You add up the scores of equal answers: a vote with weights. Best-of-n takes one sample.",
            (_by_total,),
        ),
        Misconception(
            "lowest score",
            "You take the one that the verifier likes least.",
            (_choose(lambda s: -s[1]), _choose(lambda s: -s[1], readable=False)),
        ),
    ),
    lesson="17",
)
