"""Check of a verdict on texts that are cut after a number of tokens, read from the left by a loop.

A text is thought, answer, stop, and then stop again to fill the row. The answer is one token.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

Row = list[int]


def _draw(rng: random.Random) -> dict[str, Any]:
    stop, limit, length = rng.choice((0, 0, 3, 6)), rng.randint(4, 7), rng.randint(9, 12)
    others = [token for token in range(1, 6) if token != stop]
    rows, right = [], []
    more = [rng.randint(-2, 2) for _ in range(rng.randint(1, 3))]
    for over in (-1, 0, 1, 2, *more):  # how far the stop is beyond the limit
        n_written = limit + over - 1  # the stop is token number limit + over
        row = [rng.choice(others) for _ in range(n_written)]
        right.append(row[-1] if rng.random() < 0.7 else rng.choice(row))
        rows.append(row + [stop] * (length - n_written))
    order = rng.sample(range(len(rows)), len(rows))
    rows, right = [rows[i] for i in order], [right[i] for i in order]
    return {"tokens": torch.tensor(rows), "right": torch.tensor(right), "limit": limit, "stop": stop}


def _row_by_row(rule: Callable[[Row, int, int, int], bool]) -> Callable[..., Tensor]:
    """Return what applies `rule(row, right, limit, stop)` to each text."""

    def judge(tokens: Tensor, right: Tensor, limit: int, stop: int) -> Tensor:
        pairs = zip(tokens.tolist(), right.tolist(), strict=True)
        return torch.tensor([int(rule(row, answer, limit, stop)) for row, answer in pairs])

    return judge


def _finished_and_right(row: Row, right: int, limit: int, stop: int) -> bool:
    cut = row[: max(0, limit)]
    return stop in cut and row[cut.index(stop) - 1] == right


def _unfinished_counts(row: Row, right: int, limit: int, stop: int) -> bool:
    written = [token for token in row[:limit] if token != stop]
    return written[-1] == right


def _never_cut(row: Row, right: int, limit: int, stop: int) -> bool:
    return row[row.index(stop) - 1] == right


def _anywhere(row: Row, right: int, limit: int, stop: int) -> bool:
    return right in row[:limit]


RIGHT_WHEN_CUT = Exercise(
    "right_when_cut",
    _draw,
    _row_by_row(_finished_and_right),
    (
        Misconception(
            "an unfinished text is right",
            "You read the last token before the cut as an answer, though the text did not end there: it "
            "might have been part of the thought.",
            (_row_by_row(_unfinished_counts),),
        ),
        Misconception(
            "read beyond the cut",
            "You read tokens that the budget did not pay for. Where did the writing stop?",
            (_row_by_row(_never_cut),),
        ),
        Misconception(
            "right anywhere",
            "The right answer was mentioned. Was it given?",
            (
                _row_by_row(_anywhere),
                _row_by_row(lambda row, right, limit, stop: right in row),
                _row_by_row(lambda row, right, limit, stop: stop in row[:limit] and right in row[:limit]),
            ),
        ),
        Misconception(
            "one token off",
            "Look at a text whose stop is token number `limit`, and at one whose stop comes right after it.",
            (
                _row_by_row(lambda row, right, limit, stop: _finished_and_right(row, right, limit - 1, stop)),
                _row_by_row(lambda row, right, limit, stop: _finished_and_right(row, right, limit + 1, stop)),
            ),
        ),
    ),
    lesson="17",
    edges={
        "a budget of one token": lambda c: {"limit": 1},
        "a budget for everything": lambda c: {"limit": 1000},
        "one text": lambda c: {n: c[n][:1] for n in ("tokens", "right")},
        "all alike": lambda c: {"tokens": c["tokens"].where(c["tokens"] == c["stop"], c["stop"] + 1)},
    },
)
