"""Experts or a table of n-grams, at equal parameters, on a book of numbers (lesson 19)."""

from dataclasses import dataclass

from lessons_lib.config.book import BookConfig
from lessons_lib.config.validation import require_above_zero, require_types, require_whole


@dataclass(frozen=True)
class MemoryConfig:
    """A model of `book.model` that reads a book, with a table of about `rows` rows; 0: none."""

    book: BookConfig
    rows: int = 0
    table_rate: float = 5.0  # times the rate of all other parameters, as in the paper

    def __post_init__(self) -> None:
        require_types(self)
        require_whole(self, "rows", least=0)
        require_above_zero(self, "table_rate")
