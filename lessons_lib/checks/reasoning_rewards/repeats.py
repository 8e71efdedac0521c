"""Check of doors tried again, at equal number of the try and less what chance gives, against a loop."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

END = -1


def _draw(rng: random.Random) -> dict[str, Any]:
    n_doors, tries = rng.randint(3, 6), rng.randint(3, 6)
    lengths = [tries, tries, *(rng.randint(1, tries) for _ in range(rng.randint(3, 6)))]
    rng.shuffle(lengths)
    rows = [[rng.randrange(n_doors) for _ in range(n)] + [END] * (tries - n) for n in lengths]
    long = lengths.index(tries)
    rows[long][1] = rows[long][0]  # so that there is a door tried again
    return {"doors": torch.tensor(rows), "n_doors": n_doors}


def _blind(k: int, n: int) -> float:
    return (n - 1) / n * (1 - ((n - 2) / (n - 1)) ** (k - 1))


def _seen_before(row: list[int], k: int) -> bool:
    return row[k] in row[:k]


def _loop(
    doors: Tensor,
    n_doors: int,
    *,
    blind: Callable[[int, int], float] = _blind,
    again: Callable[[list[int], int], bool] = _seen_before,
    all_rows: bool = False,  # also those that have ended
    of_tries: bool = True,  # a share of this number's tries, not of all tries
) -> Tensor:
    """Return the differences with one thing (or none) done the wrong way."""
    rows, found = doors.tolist(), []
    for k in range(1, doors.shape[1]):
        there = rows if all_rows else [row for row in rows if row[k] != END]
        count = sum(again(row, k) and row[k] != END for row in there)
        n = len(there) if of_tries else int((doors != END).sum())
        found.append(count / n - blind(k + 1, n_doors))
    return torch.tensor(found, dtype=torch.float64)


REPEATS = Exercise(
    "repeats_above_chance",
    _draw,
    _loop,
    (
        Misconception(
            "thoughts that have ended are counted",
            "Yours divides by all thoughts, those that had ended before this try among them. Who isn't there "
            "tries nothing, and repeats nothing.",
            (partial(_loop, all_rows=True),),
        ),
        Misconception(
            "of all tries",
            "Yours divides by all tries. A long thought would look worse than a short one for its length "
            "alone: compare at equal number of the try.",
            (partial(_loop, of_tries=False),),
        ),
        Misconception(
            "the last door only",
            "Yours looks back by one try. A thought may come back to any door that it has tried.",
            (partial(_loop, again=lambda row, k: row[k] == row[k - 1]),),
        ),
        Misconception(
            "the star among the doors tried",
            "Your chance lets the doors tried before be any of them. A thought that goes on has met crosses "
            "only: among how many doors were its tries?",
            (partial(_loop, blind=lambda k, n: 1 - (1 - 1 / n) ** (k - 1)),),
        ),
        Misconception(
            "one try too many in the chance",
            "At the second try one door has been tried. How many does your chance count with there?",
            (
                partial(_loop, blind=lambda k, n: _blind(k + 1, n)),
                partial(_loop, blind=lambda k, n: _blind(k - 1, n)),
            ),
        ),
        Misconception(
            "chance not taken off",
            "Yours are the shares themselves. What would somebody have who draws blindly?",
            (partial(_loop, blind=lambda k, n: 0.0),),
        ),
        Misconception(
            "as if no door came twice",
            "Your chance grows by the same amount with every try, as if blind drawing never repeated itself.",
            (partial(_loop, blind=lambda k, n: (k - 1) / n),),
        ),
    ),
    lesson="14",
    returns=("differences",),
    edges={
        "two tries": lambda c: {"doors": c["doors"][:, :2]},
        "one long thought": lambda c: {"doors": c["doors"][(c["doors"] != END).all(1)][:1]},
        "always the same door": lambda c: {"doors": torch.where(c["doors"] == END, END, 0)},
        "three doors": lambda c: {"doors": c["doors"].clamp(max=2), "n_doors": 3},
    },
)
