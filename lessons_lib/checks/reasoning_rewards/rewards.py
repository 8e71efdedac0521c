"""Check of accuracy and format of responses, against a parser that cuts at the tags and counts them.

Every case has a response of every kind: right, wrong, without a thought, and all the ways to miss the form.
"""

import random
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.reasoning_rewards import fixed, forms
from lessons_lib.checks.reasoning_rewards.texts import one_a_line, phrases


def _draw(rng: random.Random) -> dict[str, Any]:
    truth = rng.randint(12, 99)
    other, third = rng.sample([n for n in range(12, 99) if n != truth], 2)
    first = rng.randint(1, truth - 1)
    work = f"{first} and {truth - first}"
    responses = [
        f"<think> {work} </think> <answer> {truth} </answer>",
        f"<think> {work} </think>\n<answer>{truth}</answer>\n",
        f"<think></think> <answer> {truth} </answer>",
        f"<think> {work} </think> <answer> 0{truth} </answer>",
        f"<think> {work} </think> <answer> {other} </answer>",
        f"<think> it is {truth} </think> <answer> {other} </answer>",
        f"<think> {work} </think> <answer> {truth}{rng.randint(1, 9)} </answer>",
        f"<think> {work} </think> <answer> {rng.choice(('about', 'maybe', 'not'))} {truth} </answer>",
        f"<think> {work} </think> <answer> {truth} {third} </answer>",
        f"<think> {work} </think> <answer> </answer>",
        f"<think> {work} </think> <answer> {truth}.0 </answer>",
        f"<answer> {truth} </answer> <think> {work} </think>",
        f"<think> {work} </think> <answer> {truth}",
        f"<think> {work} </think> <answer> {truth} </answer> {rng.choice(('sure', 'or not', 'done'))}",
        f"{rng.choice(('well', 'so', 'hm'))} <think> {work} </think> <answer> {truth} </answer>",
        f"<think> {work} </think> <answer> {other} </answer> <answer> {truth} </answer>",
        f"<think> <answer> {other} </answer> </think> <answer> {truth} </answer>",
        f"<answer> {truth} </answer>",
        "",
    ]
    rng.shuffle(responses)
    return {"responses": tuple(responses), "truth": truth}


def _plainly(responses: tuple[str, ...], truth: int) -> tuple[Tensor, Tensor]:
    accuracy, form = [], []
    for text in responses:
        formed, answer = forms.formed(text), forms.answer_in_form(text)
        form.append(float(formed))
        accuracy.append(float(formed and answer is not None and int(answer) == truth))
    return torch.tensor(accuracy, dtype=torch.float64), torch.tensor(form, dtype=torch.float64)


def _pay(
    form: Callable[[str], bool] = forms.formed,
    right: Callable[[str, int], bool] = forms.FIRST,
    strict: bool = True,  # is accuracy paid in this form only?
    only_right: bool = False,  # is the form paid for right answers only?
) -> Callable[[tuple[str, ...], int], tuple[Tensor, Tensor]]:
    """Return a function of responses and truth that pays with one thing (or none) done the wrong way."""

    def pay(responses: tuple[str, ...], truth: int) -> tuple[Tensor, Tensor]:
        formed = torch.tensor([form(text) for text in responses])
        accurate = torch.tensor([right(text, truth) for text in responses])
        accurate = accurate & formed if strict else accurate
        return accurate.double(), (formed & accurate if only_right else formed).double()

    return pay


REWARDS = Exercise(
    "rewards",
    _draw,
    _plainly,
    (
        Misconception(
            "format paid for what cannot be read",
            "Yours pays for the form although no whole number stands between the answer's tags. A model will "
            "find that out: an answer that says nothing is never wrong.",
            (_pay(forms.formed_but_unread), _pay(forms.MATCHED_UNREAD), _pay(forms.SEARCHED_UNREAD)),
        ),
        Misconception(
            "format paid for tags alone",
            "Yours pays for tags that occur. Look at a response in which they stand in another order.",
            (
                _pay(forms.tags_there),
                _pay(forms.tags_there, forms.LAST),
                _pay(forms.tags_there, strict=False),
                _pay(forms.tags_there, forms.LAST, strict=False),
                _pay(forms.tags_once),
                _pay(forms.tags_once, strict=False),
            ),
        ),
        Misconception(
            "form found somewhere",
            "Yours finds the form inside a longer text. Look at a response with a word before or behind it: "
            "the whole text has to be in the form.",
            (
                _pay(forms.SEARCHED, forms.captured(re.search)),
                _pay(forms.SEARCHED),
                _pay(forms.SEARCHED, forms.LAST),
                _pay(forms.STARTED, forms.captured(re.match)),
                _pay(forms.STARTED),
                _pay(forms.STARTED, forms.LAST),
            ),
        ),
        Misconception(
            "tags inside the thought",
            "Look at the response whose thought holds an answer too. How often may a tag occur?",
            (_pay(forms.MATCHED), _pay(forms.MATCHED, forms.LAST)),
        ),
        Misconception(
            "accuracy without the form",
            "Your accuracy pays for a right number in a response that is out of form. What is out of form "
            "earns nothing, or the model need not keep to it.",
            (_pay(strict=False), _pay(right=forms.LAST, strict=False)),
        ),
        Misconception(
            "the right number in the thought",
            "Yours is content when the right number occurs somewhere. A thought may name it and the answer "
            "another: which of them counts?",
            (
                _pay(right=forms.among_numbers),
                _pay(right=forms.among_numbers, strict=False),
                _pay(right=forms.digits_anywhere),
                _pay(right=forms.digits_anywhere, strict=False),
            ),
        ),
        Misconception(
            "part of a number",
            "Is 12 in 125? As text it is. Compare numbers.",
            (_pay(right=forms.digits_in_answer),),
        ),
        Misconception(
            "compared as text",
            "An answer may be written with a zero in front, and is the same number. Compare numbers.",
            (_pay(right=forms.same_text),),
        ),
        Misconception(
            "format paid for right answers only",
            "Your format is never paid for a wrong answer. The two rewards are apart: a wrong number in the "
            "right form has kept the form.",
            (_pay(only_right=True),),
        ),
    ),
    lesson="14",
    returns=("accuracy", "format"),
    show={"responses": one_a_line},
    apart=True,
    edges={
        **phrases("responses", "truth", fixed.responses),
        "a truth of 0": lambda c: {
            "truth": 0,
            "responses": tuple(f"<think> </think> <answer> {n} </answer>" for n in (0, "00", 1)),
        },
    },
)
