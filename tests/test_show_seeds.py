"""Figures with a value for each seed draw the same from `Seeds`, whatever the seeds are, as from lists."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.runs import Seeds
from lessons_lib.show.figures import (
    eight_bits,
    experts,
    ladder,
    specialisation,
    telephone_book,
    violation,
)
from lessons_lib.show.figures import test_time as over_time
from lessons_lib.show.style import png

ROWS = {"a": [0.3, 0.1], "b": [0.2, 0.4]}
DRAW = {
    "waiting": lambda of: experts.waiting([2, 4], {"a": [of(v) for v in ROWS.values()]}, title="t"),
    "bits known": lambda of: telephone_book.bits_known({n: {5.0: of(v)} for n, v in ROWS.items()}, title="t"),
    "seeds in rows": lambda of: specialisation.seeds_in_rows(
        {"x": {n: of(v) for n, v in ROWS.items()}}, title="t"
    ),
    "by scope": lambda of: violation.violation_by_scope(
        {"window": 64, "all": 1024}, {n: [of(v), of(v)] for n, v in ROWS.items()}, title="t"
    ),
    "differences": lambda of: eight_bits.differences({n: of(v) for n, v in ROWS.items()}, 0.25, title="t"),
    "losses": lambda of: eight_bits.losses(
        {"a": of([[3.0, 2.0], [2.5, 2.0]])}, 1, guessing=("x", 4.0), title="t"
    ),
    "over samples": lambda of: over_time.against_samples(
        {n: ((1, 2), of([v, v])) for n, v in ROWS.items()}, title="t", ylabel="share", chance=0.1
    ),
}


def by_seed(values):
    return Seeds(dict(zip((5, 3), values, strict=True)))


@pytest.mark.parametrize("name", DRAW)
def test_seeds_are_drawn_as_lists_are(name):
    (fig, words), (same, told) = DRAW[name](list), DRAW[name](by_seed)
    assert words == told and png(fig) == png(same)
    plt.close("all")


def test_the_ladder_reads_runs_by_seed():
    gaps = {"small": [{"x": 1.0}, {"x": 3.0}], "large": [{"x": 0.5}, {"x": 0.5}]}
    assert ladder.last_steps({n: by_seed(runs) for n, runs in gaps.items()}, 0.1) == ladder.last_steps(
        gaps, 0.1
    )
