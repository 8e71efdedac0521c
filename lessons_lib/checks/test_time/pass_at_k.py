"""Check of pass@k against an enumeration of all subsets of k samples."""

import random
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    n, n_problems = rng.randint(4, 7), rng.randint(2, 4)
    rows = []
    for _ in range(n_problems):
        right = rng.randint(0, n)
        row = [True] * right + [False] * (n - right)
        rng.shuffle(row)
        rows.append(row)
    return {"correct": torch.tensor(rows), "k": rng.randint(2, n - 1)}


def _by_enumeration(correct: Tensor, k: int) -> Tensor:
    shares = []
    for row in correct.tolist():
        subsets = list(combinations(row, k))
        shares.append(sum(any(subset) for subset in subsets) / len(subsets))
    return torch.tensor(shares, dtype=torch.float64)


def _all_right(correct: Tensor, k: int) -> Tensor:
    return 1 - _by_enumeration(~correct, k)


def _plug_in(correct: Tensor, k: int) -> Tensor:
    return 1 - (1 - correct.double().mean(1)) ** k


def _k_times(correct: Tensor, k: int) -> Tensor:
    return k * correct.double().mean(1)


def _first_wrong_kept(correct: Tensor, k: int) -> Tensor:
    """Multiply wrong shares of n, n - 1, ... without taking a wrong one away each time."""
    n = correct.shape[1]
    wrong = (n - correct.sum(1)).double()
    return 1 - torch.stack([wrong / (n - j) for j in range(k)]).prod(0)


def _exactly_one(correct: Tensor, k: int) -> Tensor:
    subsets = [list(combinations(row, k)) for row in correct.tolist()]
    return torch.tensor([sum(sum(s) == 1 for s in of) / len(of) for of in subsets], dtype=torch.float64)


PASS_AT_K = Exercise(
    "pass_at_k",
    _draw,
    _by_enumeration,
    (
        Misconception(
            "plug-in",
            "You take the share of right samples for the chance itself, and put every sample back before the "
            "next is drawn. Here k different ones are taken out of n.",
            (_plug_in,),
        ),
        Misconception(
            "the first k samples",
            "The answer should not change when the samples are put in another order. Yours does.",
            (
                lambda correct, k: correct[:, :k].any(1).double(),
                lambda correct, k: correct[:, -k:].any(1).double(),
            ),
        ),
        Misconception(
            "any of all",
            "You ask whether any sample at all is right. Only k of them are drawn.",
            (lambda correct, k: correct.any(1).double(),),
        ),
        Misconception(
            "all k right",
            "That is the chance that every one of k is right, which falls with k. Here one is enough.",
            (_all_right,),
        ),
        Misconception(
            "k times the mean",
            "Chances add up only for events that exclude each other; two samples may both be right. What is "
            "the chance that none is?",
            (_k_times, lambda correct, k: _k_times(correct, k).clamp(max=1)),
        ),
        Misconception(
            "a drawn sample still counted",
            "After one wrong sample has been taken out there is one wrong sample less, not only one "
            "sample less.",
            (_first_wrong_kept, lambda correct, k: _first_wrong_kept(correct, k).clamp(min=0)),
        ),
        Misconception(
            "exactly one right",
            "That is the chance that exactly one of the k is right. Are two right ones worse?",
            (_exactly_one,),
        ),
    ),
    lesson="17",
    edges={
        "k is 1": lambda c: {"k": 1},
        "k is n": lambda c: {"k": c["correct"].shape[1]},
        "no sample is right": lambda c: {"correct": c["correct"] & False},
        "every sample is right": lambda c: {"correct": c["correct"] | True},
        "one problem": lambda c: {"correct": c["correct"][:1]},
        "one sample": lambda c: {"correct": c["correct"][:, :1], "k": 1},
        "a dozen samples": lambda c: {"correct": c["correct"].repeat(1, 3)[:, :12], "k": 5},
    },
)
