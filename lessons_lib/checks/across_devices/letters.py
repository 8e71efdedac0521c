"""Check of the letters that tokens write and of the answers that come home, against loops over tokens."""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw_ids(rng: random.Random) -> dict[str, Any]:
    n_ranks, each, k = rng.randint(2, 4), rng.randint(2, 3), rng.randint(2, 3)
    n_experts = n_ranks * each
    ids = torch.tensor([rng.sample(range(n_experts), k) for _ in range(rng.randint(2, 6))])
    return {"ids": ids, "n_ranks": n_ranks, "n_experts": n_experts}


def _by_sets(ids: Tensor, n_ranks: int, n_experts: int) -> Tensor:
    letters = [0] * n_ranks
    for row in ids.tolist():
        for rank in {expert // (n_experts // n_ranks) for expert in row}:
            letters[rank] += 1
    return torch.tensor(letters)


def _counted(rank_of: Tensor, n_ranks: int, once: bool = True) -> Tensor:
    """Count ranks (N, K), each once a token or as often as it stands there."""
    hits = rank_of.unsqueeze(-1) == torch.arange(n_ranks)  # (N, K, ranks)
    return (hits.any(1) if once else hits.sum(1)).sum(0)


def _runs(ids: Tensor, n_ranks: int, n_experts: int) -> Tensor:
    ranks = ids // (n_experts // n_ranks)
    begins = torch.cat([torch.ones(len(ids), 1).bool(), ranks[:, 1:] != ranks[:, :-1]], 1)
    return torch.bincount(ranks[begins], minlength=n_ranks)


LETTERS_TO_RANKS = Exercise(
    "letters_to_ranks",
    _draw_ids,
    _by_sets,
    (
        Misconception(
            "a letter for each expert",
            "You count choices. A token with two experts on one rank: how many copies of its vector does "
            "that rank need?",
            (lambda ids, n_ranks, n_experts: _counted(ids // (n_experts // n_ranks), n_ranks, once=False),),
        ),
        Misconception(
            "experts dealt out",
            "On which rank does expert 1 live? Neighbours stay together; yours were dealt out like cards.",
            (
                lambda ids, n_ranks, n_experts: _counted(ids % n_ranks, n_ranks),
                lambda ids, n_ranks, n_experts: _counted(ids % n_ranks, n_ranks, once=False),
            ),
        ),
        Misconception(
            "divided by the wrong number",
            "You divide the expert's number by the number of ranks. How many experts has a rank?",
            (lambda ids, n_ranks, n_experts: _counted(ids // n_ranks, n_ranks),),
        ),
        Misconception(
            "the first choice only",
            "Your tokens write for their first expert only. The others are asked, too.",
            (lambda ids, n_ranks, n_experts: _counted(ids[:, :1] // (n_experts // n_ranks), n_ranks),),
        ),
        Misconception(
            "neighbours compared only",
            "Two experts of one rank are seen as one letter where they stand side by side in a row. And "
            "where another stands between them?",
            (_runs,),
        ),
    ),
    lesson="07",
    returns=("letters",),
    edges={
        "one rank": lambda c: {"n_ranks": 1},
        "one token": lambda c: {"ids": c["ids"][:1]},
        "one choice": lambda c: {"ids": c["ids"][:, :1]},
        "an expert on each rank": lambda c: {"n_ranks": c["n_experts"]},
        "all experts chosen": lambda c: {"ids": torch.arange(c["n_experts"]).expand(3, -1)},
        "no token": lambda c: {"ids": c["ids"][:0]},
    },
)


def _draw_answers(rng: random.Random) -> dict[str, Any]:
    n_tokens, rows = rng.randint(2, 4), rng.randint(5, 8)
    token = [rng.randrange(n_tokens) for _ in range(rows)]
    token[1] = token[0]  # a token with answers from two ranks
    if n_tokens > 2:
        token = [t if t != n_tokens - 1 else 0 for t in token]  # the last asked nobody
    return {"token": torch.tensor(token), "answers": tenths(rng, rows, 2), "n_tokens": n_tokens}


def _loop(token: Tensor, answers: Tensor, n_tokens: int) -> Tensor:
    home = [[0.0] * answers.shape[1] for _ in range(n_tokens)]
    for row, t in enumerate(token.tolist()):
        for i, value in enumerate(answers[row].tolist()):
            home[t][i] += value
    return torch.tensor(home)


def _written(token: Tensor, answers: Tensor, n_tokens: int, *, first: bool = False) -> Tensor:
    """Keep one answer of each token, the last or the first."""
    home = torch.zeros(n_tokens, answers.shape[1])
    rows = list(range(len(token)))
    for row in reversed(rows) if first else rows:
        home[token[row]] = answers[row]
    return home


def _mean(token: Tensor, answers: Tensor, n_tokens: int) -> Tensor:
    counts = torch.bincount(token, minlength=n_tokens).clamp(min=1)
    return _loop(token, answers, n_tokens) / counts.unsqueeze(1)


BRING_HOME = Exercise(
    "bring_home",
    _draw_answers,
    _loop,
    (
        Misconception(
            "one answer kept",
            "A token that wrote to two ranks gets two answers, and only one of them is left. What "
            "becomes of the first when you write, or add, at an index that stands there twice?",
            (_written, partial(_written, first=True)),
        ),
        Misconception(
            "the mean of the answers",
            "You divide by the number of answers. Where were the weights of the experts multiplied in?",
            (_mean,),
        ),
        Misconception(
            "answers in their own order",
            "Your rows stand in the order of the letters. Whose answer is row 0?",
            (lambda token, answers, n_tokens: answers[:n_tokens],),
        ),
    ),
    lesson="07",
    returns=("home",),
    edges={
        "one answer": lambda c: {"token": c["token"][:1], "answers": c["answers"][:1]},
        "no answer": lambda c: {"token": c["token"][:0], "answers": c["answers"][:0]},
        "all for one token": lambda c: {"token": 0 * c["token"]},
        "one number a row": lambda c: {"answers": c["answers"][:, :1]},
        "large numbers": lambda c: {"answers": 1e6 * c["answers"]},
        "small numbers": lambda c: {"answers": c["answers"] / 1e6},
        "many tokens that asked nobody": lambda c: {"n_tokens": 50},
    },
)
