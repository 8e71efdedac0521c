"""Check of a verdict on answers that are text: digits, blanks around them, and nothing else.

All drawn texts are harmless expressions, so that a verdict by `eval` can be told from the others. The
mistake is made here by a list of what `eval` would give, so no text is ever executed by this module.
"""

import math
import random
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.reasoning_rewards.texts import phrases


def _draw(rng: random.Random) -> dict[str, Any]:
    right = rng.randint(3, 9)
    one = rng.randint(1, right - 1)
    kinds = [
        f"{right}",
        rng.choice((f" {right} ", f"{right} ", f" {right}")),
        rng.choice((f"{right - one}+{one}", f"{right + one}-{one}", f"{2 * right}//2")),
        rng.choice((f"{right}.0", f"{right}e0")),
        rng.choice((f"{right}{rng.randint(0, 9)}", f"{one}{right}")),
        f"{right + rng.choice((1, 2))}",
        f"{right}, {one}",
        f"{one}, {right}",
    ]
    kinds += rng.sample(kinds, rng.randint(0, 2))
    rng.shuffle(kinds)
    return {"texts": tuple(kinds), "right": right}


def _value(text: str) -> float:
    """Compute what `eval` gives for the few forms that `_draw` writes."""
    if "," in text:
        return math.nan  # a pair, which equals no number
    for sign, operation in (("+", float.__add__), ("-", float.__sub__), ("//", float.__floordiv__)):
        if sign in text:
            left, _, other = text.partition(sign)
            return operation(float(left), float(other))
    return float(text)


def _each(rule: Callable[[str, int], bool]) -> Callable[[tuple[str, ...], int], Tensor]:
    return lambda texts, right: torch.tensor([int(rule(text, right)) for text in texts])


def _digits(text: str, right: int) -> bool:
    return text.strip().isdecimal() and int(text) == right


def _as_float(text: str, right: int) -> bool:
    try:
        return float(text) == right
    except ValueError:
        return False


def _first_number(text: str) -> str:
    return re.findall("[0-9]+", text)[0]


def _fixed(n: int) -> dict[str, tuple[str, ...]]:
    def around(*forms: str) -> tuple[str, ...]:
        return tuple(form.replace("n", f"{n}").replace("m", f"{n - 1}") for form in forms)

    return {
        "plain digits": around("n", "+n", "-n", "n²", "'n'", "#n", "n%", "", " ", "m"),
        "with blanks around it or not": around("n", " n", "n ", "    n    ", " m "),
        "nothing else": around("n!", "= n", "xn", "nx", "(n)", "n;", "I say n", "n or so"),
        "no sum": around("m+1", "m + 1", "n+0", "0 + n", "n*1", "n-0", "n+", "+ n"),
        "no point": around("n.0", "n.", ".n", "n.5", "ne0", "n,0", "0.n"),
        "no second number": around("n n", "1 n", "n 1", "n,n", "n\n1", "nn", "1n", "n0"),
    }


VERDICTS = Exercise(
    "verdicts",
    _draw,
    _each(_digits),
    (
        Misconception(
            "by eval",
            "Yours lets the answer compute: a sum passes for its result. An answer is a text by a stranger; "
            "whose code would run if it held something worse?",
            (_each(lambda text, right: _value(text) == right),),
        ),
        Misconception(
            "contained in the text",
            "The digits stand somewhere in the text, perhaps inside a longer number.",
            (
                _each(lambda text, right: str(right) in text),
                _each(lambda text, right: text.strip().startswith(str(right))),
                _each(lambda text, right: text.strip().endswith(str(right))),
            ),
        ),
        Misconception(
            "one of several words",
            "Yours reads one number and passes over what else stands there. The text must hold nothing else.",
            (
                _each(lambda text, right: _first_number(text) == str(right)),
                _each(lambda text, right: re.split(r"[ +/-]+", text.strip())[-1] == str(right)),
                _each(lambda text, right: text.split()[-1] == str(right)),
                _each(lambda text, right: text.split()[0].strip(",") == str(right)),
                _each(lambda text, right: re.findall("[0-9]+", text)[-1] == str(right)),
                _each(lambda text, right: str(right) in re.findall("[0-9]+", text)),
            ),
        ),
        Misconception(
            "blanks make it wrong",
            "A blank before or after a number does not change it.",
            (_each(lambda text, right: text == str(right)),),
        ),
        Misconception(
            "read as a decimal number",
            "Yours accepts a point or an exponent. The rule says digits and nothing else, so that nobody has "
            "to argue about what is near enough.",
            (_each(_as_float),),
        ),
    ),
    lesson="17",
    show={"texts": repr},
    apart=True,
    edges={
        **phrases("texts", "right", _fixed),
        "nothing": lambda c: {"texts": ("", " ", f"{c['right']}")},
        "a right number of several digits": lambda c: {
            "right": 120,
            "texts": ("120", " 120 ", "12", "20", "1 20", "120.", "0", "60+60", "120,0"),
        },
        "a right number of 0": lambda c: {"right": 0, "texts": ("0", " 0", "", "1", "10", "O", "0.0")},
    },
)
