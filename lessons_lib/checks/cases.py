"""The cases of a check: four that tell all known mistakes apart, more draws, and the fixed extremes."""

import functools
import random
import secrets
from itertools import combinations, product

from lessons_lib.checks.draws import size
from lessons_lib.checks.exercise import Case, Task, value_of

TELLING, FOR_HINTS = 4, 20  # of the draws, the first 4 tell mistakes apart; 20 decide on a hint


def draw_cases(task: Task) -> list[Case]:
    """Draw fresh cases, mostly 40; in the first four, the right answer and all mistakes differ."""
    groups = [[task.oracle], *map(task.ways, task.misconceptions)]
    close = functools.partial(task.same, tolerance=task.margin)
    rng = random.Random(secrets.randbits(64))
    for _ in range(100):
        drawn = sorted((task.draw(rng) for _ in range(10)), key=size)
        telling = [drawn[i] for i in (0, 1, 5, 9)]  # small ones first
        given = [[[value_of(f, case) for case in telling] for f in group] for group in groups]
        pairs = (p for one, other in combinations(given, 2) for p in product(one, other))
        if not any(all(map(close, one, other)) for one, other in pairs):
            return telling + [task.draw(rng) for _ in range(task.draws - TELLING)]
    raise RuntimeError(f"{task.name}: two known answers cannot be told apart")


def extreme_cases(task: Task) -> dict[str, Case]:
    """Return the fixed extremes by name, each put into a case of its own."""
    rng = random.Random(secrets.randbits(64))
    cases = {}
    for name, change in task.edges.items():
        case = task.draw(rng)
        cases[name] = case | change(case)
        if list(cases[name]) != list(case):
            raise RuntimeError(f"{task.name}: the extreme {name!r} changes what is no argument")
    return cases
