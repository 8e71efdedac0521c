"""A telephone book: names of three letters, each with a number of three digits that was drawn at random.

Nothing in a name says anything about its number, so there is nothing to work out, only to know: a book of n
lines holds 3 n digits of log2 10 bits each, and what a model knows of them can be counted in bits.
Tokens 0 to 25 are the letters, 26 to 35 the digits.
"""

import math
import string

import torch
from torch import Tensor

from lessons_lib.arguments import takes

LETTERS = len(string.ascii_lowercase)
SYMBOLS = string.ascii_lowercase + string.digits
NAME = 3  # letters of a name; as many digits follow
BITS_PER_LINE = NAME * math.log2(10)


def telephone_book(entries: int, generator: torch.Generator) -> Tensor:
    """Return a book, (entries, 6) int64: a name and its number in each line, no name twice.

    Raises ValueError where there are fewer names than entries.
    """
    if not 1 <= entries <= LETTERS**NAME:
        raise ValueError(f"entries={entries}: a book has 1 to {LETTERS**NAME:,} names")
    keys = torch.randperm(LETTERS**NAME, generator=generator)[:entries]
    names = torch.stack([keys // LETTERS**place % LETTERS for place in (2, 1, 0)], dim=1)
    numbers = torch.randint(10, (entries, NAME), generator=generator) + LETTERS
    return torch.cat([names, numbers], dim=1)


@takes(line="whole symbols")
def in_words(line: Tensor) -> str:
    """Return a name, a number or both as text: "abc 123"; tokens that stand for nothing as "?"."""
    found = "".join(SYMBOLS[t] if 0 <= t < len(SYMBOLS) else "?" for t in line.tolist())
    return f"{found[:NAME]} {found[NAME:]}" if len(found) > NAME else found


def bits_of(nats_per_digit: float, entries: int) -> float:
    """Return how many of a book's bits a model knows that pays so many nats for a digit of a known name.

    Who knows nothing pays ln 10 and knows 0 bits; who knows a number by heart pays 0 and saves log2 10 bits a
    digit. Below 0: worse than guessing blindly.
    """
    return entries * NAME * (math.log(10) - nats_per_digit) / math.log(2)
