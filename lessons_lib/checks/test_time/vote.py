"""Check of a majority vote in which the unreadable abstain and a tie counts its share, by counting."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

Votes = list[int]


def _draw(rng: random.Random) -> dict[str, Any]:
    n_answers, n_samples = rng.randint(3, 4), rng.randint(4, 6)
    rows = [[rng.randint(-1, n_answers - 1) for _ in range(n_samples)] for _ in range(rng.randint(4, 7))]
    if rng.random() < 0.6:
        rows[rng.randrange(len(rows))] = [-1] * n_samples  # nobody can be read
    right = [rng.randrange(n_answers) for _ in rows]
    return {"answers": torch.tensor(rows), "right": torch.tensor(right), "n_answers": n_answers}


def _row_by_row(rule: Callable[[Votes, int, int], float]) -> Callable[..., Tensor]:
    """Return what applies `rule(votes, right, n_answers)` to each problem."""

    def vote(answers: Tensor, right: Tensor, n_answers: int) -> Tensor:
        pairs = zip(answers.tolist(), right.tolist(), strict=True)
        return torch.tensor([rule(*pair, n_answers) for pair in pairs], dtype=torch.float64)

    return vote


def _readable(votes: Votes) -> Votes:
    return [vote for vote in votes if vote >= 0]


def _most(votes: Votes) -> set[int]:
    counts = Counter(votes)
    return {answer for answer, n in counts.items() if n == max(counts.values())}


def _share(votes: Votes, right: int, n_answers: int) -> float:
    won = _most(_readable(votes))
    return 1 / len(won) if right in won else 0.0


def _unreadable_votes(votes: Votes, right: int, n_answers: int) -> float:
    won = _most(votes)
    return 1 / len(won) if right in won else 0.0


def _last_gets_them(votes: Votes, right: int, n_answers: int) -> float:
    won = _most([vote if vote >= 0 else n_answers - 1 for vote in votes])
    return 1 / len(won) if right in won else 0.0


def _first_gets_them(votes: Votes, right: int, n_answers: int) -> float:
    won = _most([max(vote, 0) for vote in votes])
    return 1 / len(won) if right in won else 0.0


def _smallest_wins(votes: Votes, right: int, n_answers: int) -> float:
    return float(right == min(_most(_readable(votes)), default=None))


def _first_seen_wins(votes: Votes, right: int, n_answers: int) -> float:
    common = Counter(_readable(votes)).most_common(1)
    return float(bool(common) and right == common[0][0])


def _whole_tie(votes: Votes, right: int, n_answers: int) -> float:
    return float(right in _most(_readable(votes)))


def _half(votes: Votes) -> float:
    return 1.0 if len(_most(_readable(votes))) == 1 else 0.5


def _of_readable(votes: Votes, right: int, n_answers: int) -> float:
    return votes.count(right) / max(1, len(_readable(votes)))


VOTE = Exercise(
    "vote",
    _draw,
    _row_by_row(_share),
    (
        Misconception(
            "the unreadable vote",
            "Your -1 is a candidate like any other, and sometimes it wins. Samples that cannot be read did "
            "not say anything.",
            (_row_by_row(_unreadable_votes),),
        ),
        Misconception(
            "the unreadable vote for the last answer",
            "One answer gets votes that nobody gave it. Which place of a list has the number -1 in Python?",
            (_row_by_row(_last_gets_them),),
        ),
        Misconception(
            "the unreadable vote for answer 0",
            "Answer 0 gets votes that nobody gave it. What became of the samples that cannot be read?",
            (_row_by_row(_first_gets_them),),
        ),
        Misconception(
            "a tie decided by order",
            "In a tie yours always prefers the same side, and so depends on how answers are numbered or "
            "ordered. A fair lot would give the right one its share.",
            (_row_by_row(_smallest_wins), _row_by_row(_first_seen_wins)),
        ),
        Misconception(
            "a tie won outright",
            "In a tie the lot decides: the right answer does not always win it.",
            (_row_by_row(_whole_tie),),
        ),
        Misconception(
            "a tie lost",
            "In a tie nobody has more votes than the others, and yet one of them is elected: by lot.",
            (_row_by_row(lambda votes, right, n: float(_most(_readable(votes)) == {right})),),
        ),
        Misconception(
            "a tie of two only",
            "A tie may be one of three or more. What is the right answer's share then?",
            (_row_by_row(lambda votes, right, n: _half(votes) if _share(votes, right, n) else 0.0),),
        ),
        Misconception(
            "share of the votes",
            "That is how many samples are right, not what the majority says. The winner takes it all.",
            (
                _row_by_row(lambda votes, right, n: votes.count(right) / len(votes)),
                _row_by_row(_of_readable),
            ),
        ),
        Misconception(
            "more than half",
            "Yours asks for more than half. To win, an answer only needs more votes than any other.",
            (
                _row_by_row(lambda votes, right, n: float(votes.count(right) > len(votes) / 2)),
                _row_by_row(lambda votes, right, n: float(votes.count(right) > len(_readable(votes)) / 2)),
            ),
        ),
        Misconception(
            "a tie of nobody",
            "Where nothing can be read, all answers have 0 votes in yours, and share a win. What does the "
            "text say of such a problem?",
            (_row_by_row(lambda votes, right, n: _share(votes, right, n) if _readable(votes) else 1 / n),),
        ),
    ),
    lesson="17",
    edges={
        "nobody can be read": lambda c: {"answers": c["answers"] * 0 - 1},
        "one sample": lambda c: {"answers": c["answers"][:, :1]},
        "one problem": lambda c: {"answers": c["answers"][:1], "right": c["right"][:1]},
        "all agree": lambda c: {"answers": c["answers"] * 0 + 1},
        "a tie of all": lambda c: {"answers": torch.arange(c["n_answers"]).expand(len(c["right"]), -1)},
        "a single possible answer": lambda c: {
            "answers": c["answers"].clamp(max=0),
            "right": c["right"] * 0,
            "n_answers": 1,
        },
    },
)
