"""Ways to look at the form of a response and at its answer: one of each is right, the others are mistakes.

A form is a function of the text, an answer of the text and the right number.
"""

import re
from collections.abc import Callable
from typing import Any

TAGS = "<think>", "</think>", "<answer>", "</answer>"
NUMBER = r"\s*[0-9]+\s*"


def answer_in_form(text: str) -> str | None:
    """Return what the answer's tags enclose; None if a tag is not there once, or something is left over."""
    if any(text.count(tag) != 1 for tag in TAGS):
        return None
    before, _, rest = text.partition("<think>")
    _, closed, rest = rest.partition("</think>")
    between, opened, rest = rest.partition("<answer>")
    answer, ended, after = rest.partition("</answer>")
    in_order = closed and opened and ended
    return answer if in_order and not (before + between + after).strip() else None


def formed(text: str) -> bool:
    """Is it in the right form, with a number that can be read?"""
    return re.fullmatch(NUMBER, answer_in_form(text) or "") is not None


def formed_but_unread(text: str) -> bool:
    """Are the tags in order, whatever stands in the answer?"""
    return answer_in_form(text) is not None


def tags_there(text: str) -> bool:
    """Does every tag occur?"""
    return all(tag in text for tag in TAGS)


def tags_once(text: str) -> bool:
    """Does every tag occur once, wherever?"""
    return all(text.count(tag) == 1 for tag in TAGS)


def pattern(way: Callable[..., Any], inside: str) -> Callable[[str], bool]:
    """Return a form: a pattern, `inside` in its answer, that `way` finds; tags may stand in the thought."""
    whole = rf"\s*<think>.*</think>\s*<answer>{inside}</answer>\s*"
    return lambda text: way(whole, text, re.DOTALL) is not None


MATCHED, SEARCHED, STARTED = (pattern(way, NUMBER) for way in (re.fullmatch, re.search, re.match))
MATCHED_UNREAD, SEARCHED_UNREAD = pattern(re.fullmatch, ".*"), pattern(re.search, ".*?")


def captured(way: Callable[..., Any]) -> Callable[[str, int], bool]:
    """Return a function that compares the number in the form which `way` finds."""
    whole = rf"\s*<think>.*</think>\s*<answer>({NUMBER})</answer>"

    def right(text: str, truth: int) -> bool:
        found = way(whole, text, re.DOTALL)
        return found is not None and int(found[1]) == truth

    return right


def number_in_tags(which: int) -> Callable[[str, int], bool]:
    """Return a function that compares one of the numbers between answer tags, wherever they stand."""

    def right(text: str, truth: int) -> bool:
        found = re.findall(r"<answer>\s*([0-9]+)\s*</answer>", text)
        return bool(found) and int(found[which]) == truth

    return right


FIRST, LAST = number_in_tags(0), number_in_tags(-1)


def among_numbers(text: str, truth: int) -> bool:
    """Is the right number one of those in the text?"""
    return truth in [int(digits) for digits in re.findall("[0-9]+", text)]


def digits_anywhere(text: str, truth: int) -> bool:
    """Do the right digits occur in the text?"""
    return str(truth) in text


def digits_in_answer(text: str, truth: int) -> bool:
    """Do the right digits occur in the answer?"""
    return str(truth) in (answer_in_form(text) or "")


def same_text(text: str, truth: int) -> bool:
    """Is the answer written as the right number is?"""
    return (answer_in_form(text) or "").strip() == str(truth)
