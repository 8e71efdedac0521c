"""Nested brackets: what may close depends on what is open, however long ago it was opened."""

from collections.abc import Hashable

from lessons_lib.signatures import checked

from .automata import RESOLUTION, AutomatonDomain, Moves
from .process import Script, certain, uniform
from .tokenizer import Vocabulary

PAIRS = {"(": ")", "[": "]", "{": "}"}


class Brackets(AutomatonDomain):
    """Balanced groups of three kinds of brackets, at most `depth` deep, a semicolon after some.

    A group begins with any opening bracket. Inside, each kind opens with probability 1/8 and the
    innermost closes with 5/8; at full depth it must close. When all is closed, a semicolon ends the
    group with probability 1/4, or one of the three kinds opens again.
    """

    @checked()
    def __init__(self, vocabulary: Vocabulary, name: str, tag: str, depth: int) -> None:
        if not 1 <= depth <= 6:
            raise ValueError(f"depth={depth} must be 1 to 6: there are 3**depth states to write down")
        self.name, self.tag, self.depth = name, tag, depth
        self.tabulate(vocabulary, start=";")

    def script(self) -> Script:
        while True:
            token = yield uniform(list(PAIRS))
            while token != ";":
                waiting = [PAIRS[token]]
                while waiting:
                    if len(waiting) == self.depth:
                        token = yield certain(waiting[-1])
                    else:
                        token = yield {waiting[-1]: 5 / 8, **dict.fromkeys(PAIRS, 1 / 8)}
                    if token in PAIRS:
                        waiting.append(PAIRS[token])
                    else:
                        waiting.pop()
                token = yield uniform([";", *PAIRS])

    def moves(self, state: Hashable) -> Moves:
        waiting = str(state)  # the closing brackets still to come, innermost last; ";": a fresh start
        if waiting == ";":
            return {opening: (RESOLUTION // 3, PAIRS[opening]) for opening in PAIRS}
        if waiting == "":
            again = {opening: (RESOLUTION // 4, PAIRS[opening]) for opening in PAIRS}
            return {";": (RESOLUTION // 4, ";"), **again}
        if len(waiting) == self.depth:
            return {waiting[-1]: (RESOLUTION, waiting[:-1])}
        deeper = {opening: (RESOLUTION // 8, waiting + PAIRS[opening]) for opening in PAIRS}
        return {waiting[-1]: (RESOLUTION * 5 // 8, waiting[:-1]), **deeper}
