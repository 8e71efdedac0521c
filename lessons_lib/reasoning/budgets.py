"""How long may a model think? Budgets of tokens for a thought, enforced while it is written.

Two directions, after s1 (arXiv:2501.19393), which calls the second "budget forcing":
  less   after `most` tokens the end of the thought is written by force, and the answer follows;
  more   the end of the thought is suppressed while fewer than `waits` waits stand in it: `blindly`, as s1
         does, or only `after a miss`, where the last word is the one for a cross; `from the start` also
         suppresses it where nothing was tried yet.
And `again=False` forbids every door that the thought has named: no door is tried twice.
A budget changes logits before a token is drawn, and no weight. Differs from s1: no "Wait" is appended; the
model writes what it likes best of the rest.

Letters: N texts, T tokens written so far, V vocabulary.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lessons_lib.config.validation import require_choices, require_types, require_whole
from lessons_lib.reasoning.hunts import CROSS, END_THINK, IDS, LANGUAGES, MOST_DOORS, WAIT
from lessons_lib.reasoning.sampling import Edit

DOORS = torch.tensor([IDS[f"d{door}"] for door in range(MOST_DOORS)])
CROSSES = torch.tensor([IDS[words[CROSS]] for words in LANGUAGES.values()])
WAITS = torch.tensor([IDS[words[WAIT]] for words in LANGUAGES.values()])
Forcing = Literal["blindly", "after a miss", "from the start"]


@dataclass(frozen=True)
class Budget:
    """How long to think: at most `most` tokens (None: as long as it likes), at least `waits` waits."""

    most: int | None = None
    waits: int = 0
    forced: Forcing = "after a miss"
    again: bool = True  # may a thought name a door that it has named before?

    def __post_init__(self) -> None:
        require_types(self)
        require_choices(self)
        require_whole(self, "most", "waits", least=0)

    @property
    def edit(self) -> Edit | None:
        """What `sampling.sample` calls before every draw; None where nothing is to be changed."""
        return None if self.most is None and not self.waits and self.again else self._apply

    def _apply(self, logits: Tensor, step: int, history: Tensor) -> Tensor:
        if step == 0:  # not even <think> is written
            return logits
        is_open = ~(history == END_THINK).any(1)  # (N,)
        suppressed = is_open & self._goes_on(history)
        logits = logits.clone()
        logits[suppressed, END_THINK] = -math.inf
        if not self.again:
            named = (history[..., None] == DOORS).any(1) & is_open[:, None]  # (N, doors)
            logits[:, DOORS] = logits[:, DOORS].masked_fill(named, -math.inf)
        if self.most is not None and step > self.most:  # <think> itself is not part of the thought
            ended = torch.full_like(logits, -math.inf)
            ended[:, END_THINK] = 0.0
            logits = torch.where(is_open[:, None], ended, logits)  # a maximum beats a minimum
        return logits

    def _goes_on(self, history: Tensor) -> Tensor:
        """Return (N,) bool: may the thought, if it is open, not end here?"""
        waits_left = torch.isin(history, WAITS).sum(1) < self.waits
        if self.forced == "blindly":
            return waits_left
        missed = torch.isin(history[:, -1], CROSSES)
        if self.forced == "from the start":
            missed = missed | (history.shape[1] == 1)
        return waits_left & missed
