"""Facts: a fixed list of keys and values. Nothing in the window tells a value; it must be known."""

import torch
from torch import Tensor

from lessons_lib.signatures import checked

from .items import ItemDomain
from .process import Script, literal, spell, spelling_surprise
from .tokenizer import LETTERS, Vocabulary


class Facts(ItemDomain):
    """Lines `key=value;` about `facts` random keys of three letters, each with its own value."""

    @checked(facts="1..", seed="0..", width="1..4")
    def __init__(
        self, vocabulary: Vocabulary, name: str, tag: str, facts: int, seed: int, width: int = 3
    ) -> None:
        possible = len(LETTERS) ** width
        if not 1 <= facts <= possible:
            raise ValueError(f"{facts} facts need as many of the {possible} keys of {width} letters")
        self.name, self.tag = name, tag
        generator = torch.Generator().manual_seed(seed)
        keys = torch.randperm(possible, generator=generator)[:facts].tolist()
        values = torch.randint(possible, (facts,), generator=generator).tolist()
        self.value_of = {word(k, width): word(v, width) for k, v in zip(keys, values, strict=True)}
        lines = [vocabulary.encode(f"{key}={value};") for key, value in self.value_of.items()]
        self.lines = torch.tensor(lines)  # (facts, 2 * width + 2)

    def item(self) -> Script:
        key = yield from spell(list(self.value_of))
        yield from literal(f"={self.value_of[key]};")

    def sample_items(self, count: int, generator: torch.Generator) -> Tensor:
        return self.lines[torch.randint(len(self.lines), (count,), generator=generator)]

    def surprise(self) -> list[float]:
        key = spelling_surprise(list(self.value_of))
        return key + [0.0] * (self.lines.shape[1] - len(key))

    def length_odds(self) -> dict[int, float]:
        return {self.lines.shape[1]: 1.0}


@checked(number="0..", width="1..")
def word(number: int, width: int) -> str:
    """Return the word of `width` letters that spells `number` in base 26, a for 0."""
    letters = ""
    for _ in range(width):
        number, digit = divmod(number, len(LETTERS))
        letters = LETTERS[digit] + letters
    return letters
