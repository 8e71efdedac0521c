"""Very short stories in which names and things come back.

    tom met a red fox at the park. the red fox fed tom. tom left the park.

Who and what is free the first time it is mentioned; after that only a reader who remembers knows it.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor

from lessons_lib.signatures import checked

from .items import GAP, ItemDomain
from .process import Script, literal, spell, spelling_surprise
from .tokenizer import Vocabulary

# A word in capitals is a slot. A slot that was filled before is filled with the same word again.
PLOT = "NAME VERB a ADJECTIVE NOUN at the PLACE. the ADJECTIVE NOUN DEED NAME. NAME left the PLACE. "
VERBS = "saw met fed hid led lost found liked"
WORDS = {  # equally many for each slot; within a slot no word begins another (see `spell`)
    "NAME": "tom mia leo ana sam eva max zoe",
    "VERB": VERBS,
    "ADJECTIVE": "red big new sad shy wet hot dry",
    "NOUN": "cat dog fox hen owl bee cow pig",
    "PLACE": "park lake farm barn hill cave town beach",
    "DEED": VERBS,
}


class Stories(ItemDomain):
    """One plot, told again and again with other people, things and places."""

    @checked()
    def __init__(
        self,
        vocabulary: Vocabulary,
        name: str,
        tag: str,
        plot: str = PLOT,
        words: Mapping[str, str] = WORDS,
    ) -> None:
        self.name, self.tag = name, tag
        self.parts = [part for part in re.split("([A-Z]+)", plot) if part]
        self.words = {slot: words[slot].split() for slot in dict.fromkeys(self.parts) if slot in words}
        counts = {len(choice) for choice in self.words.values()}
        if len(counts) != 1:
            raise ValueError(f"every slot needs equally many words, got {sorted(counts)}")
        (self.choices,) = counts
        # One table of everything that can fill a part: `choices` rows per slot, a row per other text.
        # `part_rows` says where a part's rows begin and `part_slots` which draw picks among them.
        rows = [word for choice in self.words.values() for word in choice]
        first_row = {slot: i * self.choices for i, slot in enumerate(self.words)}
        for part in self.parts:
            if part not in first_row:
                first_row[part] = len(rows)
                rows.append(part)
        width = max(map(len, rows))
        self.table = torch.tensor([vocabulary.encode(row) + [GAP] * (width - len(row)) for row in rows])
        slots = list(self.words)
        self.part_rows = torch.tensor([first_row[part] for part in self.parts])
        self.part_slots = torch.tensor(
            [slots.index(part) if part in slots else len(slots) for part in self.parts]
        )
        self._surprise, self._length_odds = self._measure()

    def item(self) -> Script:
        filled: dict[str, str] = {}
        for part in self.parts:
            if part in self.words and part not in filled:
                filled[part] = yield from spell(self.words[part])
            else:
                yield from literal(filled.get(part, part))

    def sample_items(self, count: int, generator: torch.Generator) -> Tensor:
        drawn = torch.randint(self.choices, (count, len(self.words) + 1), generator=generator)
        drawn[:, -1] = 0  # the last column serves the parts that are no slots
        rows = self.part_rows + drawn[:, self.part_slots]  # (count, parts)
        return self.table[rows].flatten(1)

    def _measure(self) -> tuple[list[float], dict[int, float]]:
        """Return the expected surprise of each place in a story, and the odds of its length.

        Where a word stands depends on the lengths of those before it, so all combinations of word
        lengths are gone through; what it costs to spell does not depend on where it stands.
        """
        cost = {slot: spelling_surprise(choice) for slot, choice in self.words.items()}
        lengths = [Counter(map(len, choice)) for choice in self.words.values()]
        surprise: Counter[int] = Counter()
        length_odds: Counter[int] = Counter()
        for combination in itertools.product(*lengths):
            ways = [count[n] for count, n in zip(lengths, combination, strict=True)]
            odds = math.prod(ways) / self.choices ** len(ways)
            length_of = dict(zip(self.words, combination, strict=True))
            place, told = 0, set()
            for part in self.parts:
                if part in cost and part not in told:
                    told.add(part)
                    for i, nats in enumerate(cost[part]):
                        surprise[place + i] += odds * nats
                place += length_of.get(part, len(part))
            length_odds[place] += odds
        return [surprise[place] for place in range(max(length_odds))], dict(length_odds)

    def surprise(self) -> list[float]:
        return self._surprise

    def length_odds(self) -> dict[int, float]:
        return self._length_odds
