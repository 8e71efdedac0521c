"""Check of a verifier of sums, against one that reads a text word by word.

Every case has texts that Python would work out, though they are no sums as asked: a verifier that hands what
a model wrote to the interpreter pays for them. One text is very long.
"""

import random
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.reasoning_rewards import fixed
from lessons_lib.checks.reasoning_rewards.texts import one_a_line, phrases

LONGEST = 6  # digits of a number


def _draw(rng: random.Random) -> dict[str, Any]:
    a, b = rng.randint(4, 9), rng.randint(4, 9)
    c, d = rng.sample(range(2, 10), 2)
    target = a * b
    more = target + c + d
    answers = [
        f"{target}",
        f"{target - 1} + 1",
        f"0{target - 2} + 2",
        f"{more} - {c} - {d}",
        f"{target + c} - {c + d} + {d}",
        f"{target - 1} + {c + 1}",
        f"{target - c - 1} - {c} + 1",
        f"{target + c - d} - {c} - {d}",
        f"{target + d} - {c} + {target}",
        f"{c} + {target}",
        f"{a} * {b}",
        f"{a * b * c} / {c}",
        f"( {target + c} ) - {c}",
        f"[ {target} ] [ 0 ]",
        f"{target} if {c} else {d}",
        f"{target} or so",
        f"about {target - 1} + 1",
        f"{target - c} + + {c}",
        f"{target} +",
        "",
        "1" * 5000,
    ]
    rng.shuffle(answers)
    return {"answers": tuple(answers), "target": target}


def _word_by_word(answers: tuple[str, ...], target: int) -> Tensor:
    return torch.tensor([float(_value(text.split(" ")) == target) for text in answers])


def _is_number(word: str) -> bool:
    return 0 < len(word) <= LONGEST and all(letter in "0123456789" for letter in word)


def _value(words: list[str]) -> int | None:
    """Return the sum's value, None for what is no sum."""
    total, sign = 0, 1
    for place, word in enumerate(words):
        if place % 2 == 0 and _is_number(word):
            total += sign * int(word)
        elif place % 2 == 1 and word in ("+", "-"):
            sign = 1 if word == "+" else -1
        else:
            return None
    return total if len(words) % 2 == 1 else None


def _in_form(text: str) -> bool:
    return _value(text.split(" ")) is not None


def _every(verify: Callable[[str, int], bool]) -> Callable[[tuple[str, ...], int], Tensor]:
    return lambda answers, target: torch.tensor([float(verify(text, target)) for text in answers])


def _run(text: str, target: int) -> bool:
    """Do what the exercise warns of, to texts of our own and with no names at hand."""
    try:
        return eval(text, {"__builtins__": {}}) == target
    except Exception:
        return False


def _skipping(text: str, target: int, pattern: str) -> bool:
    total, sign, found = 0, 1, False
    for word in re.findall(pattern, text):
        if word in "+-":
            sign = 1 if word == "+" else -1
        elif len(word) <= LONGEST:
            total, found = total + sign * int(word), True
    return found and total == target


def _from_the_right(text: str, target: int) -> bool:
    if not _in_form(text):
        return False
    words = text.split(" ")
    total = int(words[-1])
    for place in range(len(words) - 3, -1, -2):
        total = int(words[place]) + (total if words[place + 1] == "+" else -total)
    return total == target


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(" ") if _is_number(word)]


RIGHT_SUMS = Exercise(
    "right_sums",
    _draw,
    _word_by_word,
    (
        Misconception(
            "run as code",
            "Yours works out whatever Python can work out. These texts are written by a model that is paid "
            "for passing; the next one may delete your files or never end. Read the words yourself.",
            (_every(_run),),
        ),
        Misconception(
            "what cannot be read is skipped",
            "You read what you know and pass over the rest. Then a text that is no sum becomes one. What "
            "does a verifier say of a word that it doesn't know?",
            (
                _every(lambda text, target: _skipping(text, target, r"[+-]|\d+")),
                _every(lambda text, target: _skipping(text, target, r"(?<!\S)(?:[+-]|\d+)(?!\S)")),
            ),
        ),
        Misconception(
            "from right to left",
            "Take 9 - 3 - 2. Without parentheses one subtracts from the left.",
            (_every(_from_the_right),),
        ),
        Misconception(
            "minus read as plus",
            "Yours never subtracts. Try `9 - 3`: what should the sign between the numbers do?",
            (_every(lambda text, target: _in_form(text) and sum(_numbers(text)) == target),),
        ),
        Misconception(
            "target found, not reached",
            "You look whether the number wanted stands in the text. What is the value of the sum?",
            (
                _every(lambda text, target: _in_form(text) and target in _numbers(text)),
                _every(lambda text, target: target in _numbers(text)),
                _every(lambda text, target: str(target) in text),
                _every(lambda text, target: _in_form(text) and _numbers(text)[-1] == target),
            ),
        ),
    ),
    lesson="14",
    show={"answers": one_a_line},
    apart=True,
    forbidden=("eval", "exec"),
    edges={
        **phrases("answers", "target", fixed.sums),
        "a target of 0": lambda c: {"target": 0, "answers": ("0", "5 - 5", "1 - 1 - 1", "", "0 - 0", "x")},
        "a target below 0": lambda c: {
            "target": -2,
            "answers": ("3 - 5", "-2", "- 2", "0 - 1 - 1", "2", "5 - 3"),
        },
    },
)
