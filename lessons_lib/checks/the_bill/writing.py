"""Check of the length from which a model with drafts writes more cheaply, against a search for it."""

import math
import random
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from lessons_lib.checks.checker import Exercise, Misconception

Case = dict[str, Any]


def _draw(rng: random.Random) -> Case:
    memory = 8 * rng.randint(20, 90)
    plain_memory = 8 * rng.randint(3 * memory // 8, 5 * memory // 8)
    plain_active, module = 8000 * rng.randint(3, 40), 1000 * rng.randint(4, 20)
    kept = rng.choice((0.5, 0.625, 0.75, 0.875))
    saved = round((1 + kept) * plain_memory) - memory  # by each token of the text, in a pass
    length = rng.choice((-2, 0, 1, 2, 3, 5, 8, 13, 21))
    more = length * saved + rng.choice((1, 2)) * saved // 3  # in a pass; equal at no length
    active = round((1 + kept) * plain_active) - module + more
    names = ("plain_active", "plain_memory", "active", "memory", "module", "kept")
    return dict(zip(names, (plain_active, plain_memory, active, memory, module, kept), strict=True))


def _search(plain_active: int, plain_memory: int, active: int, memory: int, module: int, kept: float) -> int:
    def is_cheaper(length: int) -> bool:
        plain = 2 * (plain_active + length * plain_memory)
        one_pass = 2 * (active + module + length * memory)
        return one_pass < plain * (1 + Fraction(kept))

    high = 1
    while not is_cheaper(high):
        high *= 2
    low = -1  # not cheaper there, or before the first text
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_cheaper(middle) else (middle, high)
    return high


def _after(ratio: float) -> int:
    return math.floor(ratio) + 1


def _length(
    plain_active: int,
    plain_memory: int,
    active: int,
    memory: int,
    module: int,
    kept: float,
    *,
    tokens: Callable[[float], float] = lambda kept: 1 + kept,  # of a pass
    module_read: int = 1,
    whole: Callable[[float], int] = _after,
    least: Callable[[int], int] = lambda n: max(n, 0),
    active_shared: bool = True,  # do the tokens of a pass share the parameters read?
    memory_shared: bool = True,
    drafts_apart: bool = False,  # is the module read once for each token?
    memory_bytes: int = 1,  # of a number there, against one of the parameters
) -> int:
    """Compute the length with one thing (or none) done the wrong way; -1 where that has no meaning."""
    n = tokens(kept) or 1e-9
    here = active / (n if active_shared else 1)
    here += module_read * module / (1 if drafts_apart else n if active_shared else 1)
    saved = memory_bytes * (plain_memory - memory / (n if memory_shared else 1))
    return -1 if saved <= 0 else least(whole((here - plain_active) / saved))


CHEAPER_FROM = Exercise(
    "cheaper_from",
    _draw,
    _search,
    (
        Misconception(
            "drafts left out",
            "Your model with drafts writes one token in a pass. How many are they on average?",
            (partial(_length, tokens=lambda kept: 1.0),),
        ),
        Misconception(
            "kept drafts alone",
            "You count the drafts that are kept. A pass writes something besides, whatever becomes of them.",
            (partial(_length, tokens=lambda kept: kept),),
        ),
        Misconception(
            "module left out",
            "Your drafts come for nothing. What has to be read so that there are any?",
            (partial(_length, module_read=0),),
        ),
        Misconception(
            "module read for each token",
            "You read the module once for each token written. How often is it read in a pass?",
            (partial(_length, drafts_apart=True),),
        ),
        Misconception(
            "parameters read for each token",
            "You divide the memory among the tokens of a pass, and not the parameters. Are these read again "
            "for the second token?",
            (partial(_length, active_shared=False),),
        ),
        Misconception(
            "memory read for each token",
            "You divide the parameters among the tokens of a pass, and not the memory of the text. Is that "
            "read again for the second token?",
            (partial(_length, memory_shared=False),),
        ),
        Misconception(
            "one token too early",
            "At your length the second model is not cheaper yet. At which whole number is it first?",
            (partial(_length, whole=math.floor),),
        ),
        Misconception(
            "texts of negative length",
            "Right, but where the second is cheaper from the start. How long is the shortest text?",
            (partial(_length, least=lambda n: n),),
        ),
        Misconception(
            "two bytes for the memory alone",
            "A number has 2 bytes wherever it is read: in the memory, and in the parameters.",
            (partial(_length, memory_bytes=2),),
        ),
    ),
    lesson="12",
    edges={
        "cheaper from the start": lambda c: {"active": 1000, "module": 1000},
        "every draft is kept": lambda c: {"kept": 1.0},
        "a module without parameters": lambda c: {"module": 0},
    },
)
