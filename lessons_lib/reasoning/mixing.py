"""Do thoughts mix languages? Counted word by word, so that a longer thought is no more mixed for being long.

Two measures over many answers:
  switches  of all pairs of neighbouring language words, the share in which the language changes;
  english   the share of the wanted language among a thought's language words, mean of the thoughts that
            have such words.
`mixes_languages` is the count that they replace: whether *any* word is of another language. Of words that are
drawn alone, two languages as often, n are all of one with chance 2 / 2^n: it counts length as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lessons_lib.reasoning.behaviour import thought_of
from lessons_lib.reasoning.hunts import LANGUAGES
from lessons_lib.reasoning.tasks import language_share
from lessons_lib.signatures import checked

LANGUAGE_OF = {word: name for name, words in LANGUAGES.items() for word in words}


@dataclass(frozen=True)
class Mixing:
    """How many answers mixed their languages, over `pairs` of words and `thoughts` with language words."""

    switches: float  # share of the pairs; 0 where there are none
    english: float  # mean share of the thoughts; 1 where there are none, as the reward has it
    pairs: int
    thoughts: int


@checked()
def languages_in(words: Sequence[str]) -> list[str]:
    """Return the language of each language word of an answer's thought, in order."""
    return [LANGUAGE_OF[word] for word in thought_of(words) if word in LANGUAGE_OF]


@checked()
def mixes_languages(words: Sequence[str]) -> bool:
    """Does the thought use words of more than one language?"""
    return len(set(languages_in(words))) > 1


@checked()
def mixing_of(answers: Iterable[str], wanted: str = "english") -> Mixing:
    """Measure how answers, given as texts, mix languages."""
    thoughts = [answer.split() for answer in answers]
    thoughts = [words for words in thoughts if languages_in(words)]
    changes = [a != b for words in thoughts for a, b in pairwise(languages_in(words))]
    shares = [language_share(thought_of(words), wanted) for words in thoughts]
    return Mixing(
        switches=sum(changes) / len(changes) if changes else 0.0,
        english=sum(shares) / len(shares) if shares else 1.0,
        pairs=len(changes),
        thoughts=len(thoughts),
    )
