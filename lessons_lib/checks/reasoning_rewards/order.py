"""Check of the first half of a form: are the four tags there, each once, in their order?"""

import random
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.reasoning_rewards import forms
from lessons_lib.checks.reasoning_rewards.texts import one_a_line

ORDER = list(forms.TAGS)


def _draw(rng: random.Random) -> dict[str, Any]:
    a, b, c = (str(rng.randint(10, 99)) for _ in range(3))
    texts = [
        f"<think> {a} </think> <answer> {b} </answer>",
        f"{a} <think></think><answer></answer> {c}",
        f"<think> 1 < 2 </think> {a} <answer> <b> {b} </answer>",
        f"<answer> {b} </answer> <think> {a} </think>",
        f"<think> {a} <answer> </think> {b} </answer>",
        f"</think> {a} <think> <answer> {b} </answer>",
        f"<think> {a} </think> <answer> {b} </answer> <answer> {c} </answer>",
        f"<think> <think> {a} </think> <answer> {b} </answer>",
        f"<think> {a} </think> </think> <answer> {b} </answer>",
        f"<think> {a} </think> <answer> {b}",
        f"{a} </think> <answer> {b} </answer>",
        f"<think> {a} <answer> {b} </answer>",
        f"<Think> {a} </Think> <answer> {b} </answer>",
        rng.choice(("", a, "think answer", "< think > </ think >")),
    ]
    rng.shuffle(texts)
    return {"responses": tuple(texts)}


def _judge(is_so: Callable[[str], bool]) -> Callable[[tuple[str, ...]], Tensor]:
    return lambda responses: torch.tensor([float(is_so(text)) for text in responses], dtype=torch.float64)


def _in_order(text: str) -> bool:
    return re.findall("|".join(ORDER), text) == ORDER


def _first_ones_in_order(text: str) -> bool:
    places = [text.find(tag) for tag in ORDER]
    return -1 not in places and places == sorted(places)


def _matched(text: str) -> bool:
    return re.search(".*".join(ORDER), text, re.DOTALL) is not None


def _opened_and_closed(text: str) -> bool:
    pairs = (ORDER[:2], ORDER[2:])
    return forms.tags_once(text) and all(text.find(a) < text.find(b) for a, b in pairs)


TAGS_IN_ORDER = Exercise(
    "tags_in_order",
    _draw,
    _judge(_in_order),
    (
        Misconception(
            "tags there, in any number and order",
            "Yours asks only whether each tag occurs. Count them, and look where they stand.",
            (_judge(forms.tags_there),),
        ),
        Misconception(
            "each tag once, in any order",
            "Each of your tags occurs once, but look at a response whose answer comes before its thought.",
            (_judge(forms.tags_once),),
        ),
        Misconception(
            "a tag more than once",
            "Yours is content when the tags can be found in order, whatever stands between them. Look at a "
            "response in which a tag occurs twice.",
            (_judge(_first_ones_in_order), _judge(_matched)),
        ),
        Misconception(
            "thought and answer apart, their order not",
            "Both of your parts are opened before they are closed. Which part has to come first?",
            (_judge(_opened_and_closed),),
        ),
    ),
    lesson="14",
    returns=("form",),
    show={"responses": one_a_line},
    apart=True,
    edges={
        "no text": lambda c: {"responses": ("",)},
        "nothing but tags": lambda c: {"responses": ("".join(ORDER), "".join(reversed(ORDER)))},
        "line ends": lambda c: {"responses": ("\n".join(ORDER), "\n\n".join((*ORDER, "x")))},
        "a long response": lambda c: {
            "responses": (
                " word ".join(ORDER) + " word" * 2_000,
                "word " * 2_000 + "".join(ORDER),
                "word " * 2_000,
            )
        },
        "a tag with a blank": lambda c: {"responses": ("<think > </think> <answer> </answer>",)},
    },
)
