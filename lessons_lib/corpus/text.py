"""Your own text as a corpus: windows anywhere in a file. Its true process is unknown, so no floor."""

import os
from pathlib import Path

import torch
from torch import Tensor

from .source import Floor, Source
from .tokenizer import Vocabulary, split

UNKNOWN = "nobody knows the process that wrote this text, so it has no true probabilities and no floor"


class OneText(Source):
    """Windows of one text file, which is the only domain, `text`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        written = split(read_text(self._path))
        if len(written) < 2:
            raise ValueError(f"{self._path} has {len(written)} token; the shortest window takes 2")
        self.names = ("text",)
        self.vocabulary = Vocabulary("".join(sorted({name for name in written if len(name) == 1})))
        self._text = self.vocabulary.tokens(written)  # (tokens in the file,)

    def batch(self, size: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        places = len(self._text) - length
        if places < 1:
            raise ValueError(
                f"{self._path} has {len(self._text)} tokens, fewer than the {length + 1} of one window "
                f"with length={length}"
            )
        start = torch.randint(places, (size, 1), generator=generator)
        return self._text[start + torch.arange(length + 1)], torch.zeros(size, dtype=torch.int64)

    def log_probs(self, tokens: Tensor, domain_ids: Tensor) -> Tensor:
        raise ValueError(UNKNOWN)

    def next_token_probs(self, prefix_tokens: Tensor, domain_id: int) -> Tensor:
        raise ValueError(UNKNOWN)

    def entropy_floor(self, length: int) -> Floor | None:
        return None


def read_text(path: Path) -> str:
    """Return the text of a file; one sentence by name if it is empty or no UTF-8 text."""
    data = path.read_bytes()
    if b"\0" in data:
        raise ValueError(f"{path} is binary (byte 0 at position {data.index(0)}); a corpus needs text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is binary or not UTF-8 (byte {data[error.start]:#04x} at position {error.start}); "
            "save it as UTF-8 text"
        ) from None
    if not text:
        raise ValueError(f"{path} is empty; a corpus needs text")
    return text
