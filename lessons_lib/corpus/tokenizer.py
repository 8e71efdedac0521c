"""Text to token ids and back: every token is one character, or one special name in angle brackets.

The corpora made by rule share one vocabulary, so a model trained on one can read another. Left out:
byte-pair merging; with tokens of one symbol, each step of a domain's process is one token, and its
entropy per token can be computed.
"""

import re
import string
from collections.abc import Iterable

import torch

from lessons_lib.arguments import whole_ids
from lessons_lib.signatures import checked

SPECIALS = ("<pad>", "<eos>", "<think>", "</think>", "<answer>", "</answer>")
SPARES = tuple(f"<spare_{i}>" for i in range(16))  # for tokens that later lessons or readers invent
LETTERS = string.ascii_lowercase
DIGITS = string.digits
PUNCTUATION = " \n.,:;?!|~=+-*/()[]{}'"  # no < or >: they would read like part of a special name
TAGS = string.ascii_uppercase  # the first token of a window names its domain

_TOKEN = re.compile("|".join(map(re.escape, SPECIALS + SPARES)) + "|.", re.DOTALL)


@checked()
def split(text: str) -> list[str]:
    """Cut `text` into the names of its tokens: special names whole, all else by character."""
    return _TOKEN.findall(text)


class Vocabulary:
    """A two-way table of tokens and ids; the special names always come first, in the same order."""

    @checked()
    def __init__(self, characters: str = LETTERS + DIGITS + PUNCTUATION + TAGS) -> None:
        self.names: tuple[str, ...] = SPECIALS + SPARES + tuple(characters)  # id -> token
        self._ids = {name: token for token, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    @checked()
    def token(self, name: str) -> int:
        """Return the id of one token, such as `"<eos>"` or `"a"`; ValueError if there is none."""
        if name not in self._ids:
            raise ValueError(f"{name!r} is not a token of this vocabulary of {len(self)}")
        return self._ids[name]

    @checked()
    def tokens(self, names: str | Iterable[str]) -> torch.Tensor:
        """Return the ids (number of names,) int64 of several tokens."""
        return torch.tensor([self.token(name) for name in names], dtype=torch.int64)

    @checked()
    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; special names such as `<eos>` become one token each.

        A character that is not in the vocabulary raises ValueError with the character and its place.
        """
        names = split(text)
        try:
            return [self._ids[name] for name in names]
        except KeyError as error:
            (unknown,) = error.args
        position = len("".join(names[: names.index(unknown)]))
        raise ValueError(
            f"character {unknown!r} at position {position} is not among the "
            f"{len(self)} tokens of this vocabulary"
        )

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids` (a list or a 1-D tensor): the inverse of `encode`."""
        return "".join(self.names[i] for i in whole_ids(ids, len(self), "this vocabulary"))
