"""Key-value recall: a few boxes are filled once, and then one is opened after the other.

    3a7b1c5d?b7?a3?d5?b7

The value stands before its key when a box is filled and after it when it is opened, so looking up is
finding the key and telling what stood before it.
"""

import math

import torch
from torch import Tensor

from lessons_lib.signatures import checked

from .process import Domain, Script, certain, uniform
from .tokenizer import DIGITS, LETTERS, Vocabulary


class Recall(Domain):
    """Boxes a, b, c, ... with a random digit each, then questions about random boxes without end."""

    @checked()
    def __init__(self, vocabulary: Vocabulary, name: str, tag: str, keys: int, values: int = 10) -> None:
        if not (1 <= keys <= len(LETTERS) and 1 <= values <= len(DIGITS)):
            raise ValueError(f"keys={keys} must be 1 to {len(LETTERS)}, values={values} 1 to {len(DIGITS)}")
        self.name, self.tag = name, tag
        self.keys, self.values = LETTERS[:keys], DIGITS[:values]
        self.key_tokens = vocabulary.tokens(self.keys)
        self.zero = vocabulary.token(DIGITS[0])
        self.ask = vocabulary.token("?")

    def script(self) -> Script:
        value_of: dict[str, str] = {}
        for key in self.keys:
            value_of[key] = yield uniform(self.values)
            yield certain(key)
        while True:
            yield certain("?")
            key = yield uniform(self.keys)
            yield certain(value_of[key])

    def sample(self, n: int, length: int, generator: torch.Generator) -> Tensor:
        keys = len(self.keys)
        questions = max(0, -(-(length - 2 * keys) // 3))
        values = torch.randint(len(self.values), (n, keys), generator=generator) + self.zero
        asked = torch.randint(keys, (n, questions), generator=generator)
        filling = torch.stack([values, self.key_tokens.expand(n, keys)], dim=2)  # (n, keys, 2)
        ask = torch.full_like(asked, self.ask)
        opening = torch.stack([ask, self.key_tokens[asked], values.gather(1, asked)], dim=2)
        return torch.cat([filling.flatten(1), opening.flatten(1)], dim=1)[:, :length]

    def entropy(self, length: int) -> float:
        keys = len(self.keys)
        filled = min((length + 1) // 2, keys)  # values that a window shows for the first time
        asked = max(0, (length - 2 * keys + 1) // 3)  # keys asked for: at places 2, 5, 8, ... of 3
        return filled * math.log(len(self.values)) + asked * math.log(keys)
