"""What is asked, what counts as an answer, and what it earns: rewards by rule alone.

    <think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>

Three ideas:
  form    a response is parsed by comparing words; nothing of it is ever run as code, and one look at each
          word is all, so that any input, however long or hostile, is answered in bounded time;
  apart   accuracy and format are two numbers, weighed later: a wrong answer in the right form earns the
          format's part, and what cannot be parsed earns nothing at all;
  blind   the verifier reads the answer and never the thought, as R1-Zero's did (report, section 2.2.2).

Language consistency is the share of a thought's language words that are of the wanted language, the extra
reward that DeepSeek-R1 got (arXiv:2501.12948, section 2.3.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lessons_lib.arguments import listed
from lessons_lib.reasoning.hunts import LANGUAGES, Problem
from lessons_lib.signatures import checked

FORM = ("<think>", "</think>", "<answer>", "</answer>", "<eos>")
LONGEST_TEXT = 20_000  # characters; a longer text is not even split


@dataclass(frozen=True)
class Parsed:
    """A response in the right form, cut into its parts."""

    thought: tuple[str, ...]
    answer: tuple[str, ...]


@dataclass(frozen=True)
class Earned:
    """What a response earned, each between 0 and 1 and not yet weighed."""

    accuracy: float
    format: float
    language: float  # 1 where the thought has no language words
    thinks: bool  # is there a thought that is not empty?


@checked()
def parse(words: Sequence[str]) -> Parsed | None:
    """Return the parts of a response, or None unless it is think, answer and <eos>, each once, in order."""
    words = list(words)
    places = [place for place, word in enumerate(words) if word in FORM]
    if tuple(words[place] for place in places) != FORM:
        return None
    start, end, answer, end_answer, eos = places
    if start != 0 or answer != end + 1 or eos != end_answer + 1 or eos != len(words) - 1:
        return None
    return Parsed(tuple(words[start + 1 : end]), tuple(words[answer + 1 : end_answer]))


def parse_text(text: str) -> Parsed | None:
    """Parse a response that is one text, its words separated by blanks."""
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        return None
    return parse(text.split())


@checked()
def is_right(problem: Problem, answer: Sequence[str]) -> bool:
    """Is `answer` exactly one word, the door that leads to the star?"""
    return tuple(answer) == (problem.answer,)


@checked()
def is_door(problem: Problem, answer: Sequence[str]) -> bool:
    """Is `answer` exactly one word, a door of this problem, right or wrong?"""
    return len(answer) == 1 and answer[0] in {f"d{door}" for door in range(problem.doors)}


@checked()
def language_share(thought: Sequence[str], wanted: str = "english") -> float:
    """Return the share of `wanted` among the words that belong to a language; 1 where there are none."""
    _refuse_language(wanted)
    of_any = [word for word in thought if any(word in words for words in LANGUAGES.values())]
    if not of_any:
        return 1.0
    return sum(word in LANGUAGES[wanted] for word in of_any) / len(of_any)


@checked()
def verify(problem: Problem, words: Sequence[str], wanted: str = "english") -> Earned:
    """Verify one response, given as its words. The right form includes that the answer is a door."""
    _refuse_language(wanted)
    parsed = parse(words)
    if parsed is None or not is_door(problem, parsed.answer):
        return Earned(0.0, 0.0, 0.0, thinks=len(words) > 1 and words[1] != "</think>")
    right = float(is_right(problem, parsed.answer))
    return Earned(right, 1.0, language_share(parsed.thought, wanted), thinks=bool(parsed.thought))


def _refuse_language(wanted: str) -> None:
    if wanted not in LANGUAGES:
        raise ValueError(f"wanted must be {listed(LANGUAGES)}, got {wanted!r:.40}")
