"""Slow and sure: every string that a tiny domain can write, from its script alone.

Also the tiny instances themselves, one or more of each kind of domain, small enough to be exhausted and
long enough that windows cut their items in the middle.
"""

from lessons_lib.corpus.arithmetic import Arithmetic
from lessons_lib.corpus.brackets import Brackets
from lessons_lib.corpus.copying import Copy, Periodic
from lessons_lib.corpus.facts import Facts
from lessons_lib.corpus.languages import languages
from lessons_lib.corpus.process import Domain, odds_after
from lessons_lib.corpus.recall import Recall
from lessons_lib.corpus.stories import Stories
from lessons_lib.corpus.tokenizer import Vocabulary

VOCABULARY = Vocabulary()

TINY_WORDS = {"NAME": "al eve", "DEED": "sang hid", "PLACE": "bay hills"}  # words of unequal length

TINY: dict[str, Domain] = {
    "language": languages(VOCABULARY, ["language"], "X", symbols=3, seed=5)[0],
    "arithmetic": Arithmetic(VOCABULARY, "arithmetic", "A", addends=3, base=2),
    "arithmetic of many": Arithmetic(VOCABULARY, "arithmetic", "A", addends=4, base=1),
    "brackets": Brackets(VOCABULARY, "brackets", "B", depth=2),
    "brackets, flat": Brackets(VOCABULARY, "brackets", "B", depth=1),
    "copy": Copy(VOCABULARY, "copy", "C", letters=3, word=2),
    "recall": Recall(VOCABULARY, "recall", "K", keys=2, values=2),
    "periodic": Periodic(VOCABULARY, "periodic", "P", letters=2, shortest=2, longest=3, run=5),
    "stories": Stories(VOCABULARY, "stories", "S", plot="NAME DEED.PLACE NAME DEED;PLACE.", words=TINY_WORDS),
    "facts": Facts(VOCABULARY, "facts", "F", facts=5, seed=2, width=2),
}


def all_strings(domain: Domain, length: int) -> dict[tuple[str, ...], float]:
    """Return every string of `length` tokens that `domain` can write, with its probability."""
    strings: dict[tuple[str, ...], float] = {(): 1.0}
    for _ in range(length):
        longer = {}
        for string, probability in strings.items():
            for token, odds in odds_after(domain.script(), string).items():
                assert odds > 0, "a token that cannot come must be absent, not listed with 0"
                longer[(*string, token)] = probability * odds
        strings = longer
    return strings
