"""Check of both budgets at once: which token comes next when a thought may be forced on, or ended, by a loop.

In every case each condition decides some row: an open thought or a closed one, a cross before or not,
waits left or none, tokens left or none, both rules at once; and one row has only negative logits, where a
mask of 0 would win.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct

N_TOKENS = 6
ON = ("forced", "negative", "closed", "no cross", "no waits", "free")  # end is liked best, but where free
OFF = ("spent", "spent after a miss", "closed and spent")  # another token is liked best
KINDS = ON + OFF


def _draw(rng: random.Random) -> dict[str, Any]:
    cross, end, *others = rng.sample(range(N_TOKENS), N_TOKENS)  # all but the first two mean nothing
    kinds = [*KINDS, *rng.sample(KINDS, rng.randint(0, 2))]
    rng.shuffle(kinds)
    length, written, waits, tokens = rng.randint(3, 5), [], [], []
    logits = distinct(rng, len(kinds), N_TOKENS, low=-150, high=200)
    for row, kind in enumerate(kinds):
        text = [rng.choice((cross, *others[:3])) for _ in range(length)]
        if kind.startswith("closed"):
            text[rng.randrange(length - 1)] = end
        text[-1] = rng.choice(others) if kind in ("no cross", "spent") else cross
        written.append(text)
        waits.append(0 if kind == "no waits" else rng.randint(1, 3))
        tokens.append(0 if kind in OFF else rng.randint(1, 9))
        if kind == "negative":
            logits[row] -= 2.1  # none is above 2
        best = int(logits[row].argmax())
        liked = end if kind in ON[:-1] else rng.choice(others)
        logits[row, [liked, best]] = logits[row, [best, liked]]
    return {
        "logits": logits,
        "written": torch.tensor(written),
        "waits_left": torch.tensor(waits),
        "tokens_left": torch.tensor(tokens),
        "cross": cross,
        "end": end,
    }


def _pick(
    *,
    only_open: bool = True,
    only_after_cross: bool = True,
    limited: bool = True,
    mask: float = -1e9,
    anywhere: bool = False,
    cuts: bool = True,
    cuts_first: bool = True,
    cuts_closed: bool = False,
    early: int = 0,
) -> Callable[..., Tensor]:
    """Return a way of picking tokens, with one condition (or none) left out."""

    def pick(
        logits: Tensor, written: Tensor, waits_left: Tensor, tokens_left: Tensor, cross: int, end: int
    ) -> Tensor:
        picked = []
        rows = zip(*(of.tolist() for of in (logits, written, waits_left, tokens_left)), strict=True)
        for row, text, waits, tokens in rows:
            is_open = end not in text
            missed = (cross in text if anywhere else text[-1] == cross) or not only_after_cross
            forced = (is_open or not only_open) and missed and (waits > 0 or not limited)
            spent = cuts and (is_open or cuts_closed) and tokens <= early
            if spent and (cuts_first or not forced):
                picked.append(end)
                continue
            if forced:
                row[end] = mask
            picked.append(max(range(len(row)), key=row.__getitem__))
        return torch.tensor(picked)

    return pick


def _never(logits: Tensor, written: Tensor, waits_left: Tensor, tokens_left: Tensor, cross: int, end: int):
    return logits.argmax(1)


ROWS = ("logits", "written", "waits_left", "tokens_left")
NEXT_TOKEN = Exercise(
    "next_token_in_budget",
    _draw,
    _pick(),
    (
        Misconception(
            "forced after the answer",
            "Yours also interferes with a text whose thought is over. It has an answer to finish.",
            (_pick(only_open=False),),
        ),
        Misconception(
            "cut after the answer",
            "Yours ends thoughts that are over already. Where no tokens are left and the thought has ended, "
            "the answer goes on.",
            (_pick(cuts_closed=True), _pick(cuts_closed=True, only_open=False)),
        ),
        Misconception(
            "forced blindly",
            "Somebody who has just found the star is made to go on by yours, and may give it up again.",
            (_pick(only_after_cross=False),),
        ),
        Misconception(
            "a miss long ago",
            "Yours looks for a cross anywhere in the text. It is the last try that counts.",
            (_pick(anywhere=True),),
        ),
        Misconception(
            "no limit",
            "When no waits are left, the model may end its thought. Yours would think for ever.",
            (_pick(limited=False),),
        ),
        Misconception(
            "masked with 0",
            "A logit of 0 is not a small one: among negative logits it is the best. What can never win?",
            (_pick(mask=0.0),),
        ),
        Misconception(
            "never cut",
            "Where an open thought has no tokens left, only one token is allowed. Yours takes another.",
            (_pick(cuts=False),),
        ),
        Misconception(
            "the wait beats the limit",
            "After a miss yours goes on although no tokens are left. Which of the two rules says "
            '"whatever else holds"?',
            (_pick(cuts_first=False),),
        ),
        Misconception(
            "cut a token early",
            "With one token left there is still one to be written. Yours ends the thought before.",
            (_pick(early=1),),
        ),
        Misconception(
            "not forced at all",
            "Yours always takes the token that the model likes best, whatever was written before.",
            (_never,),
        ),
    ),
    lesson="17",
    edges={
        "no waits anywhere": lambda c: {"waits_left": c["waits_left"] * 0},
        "no tokens anywhere": lambda c: {"tokens_left": c["tokens_left"] * 0},
        "one token left": lambda c: {"tokens_left": c["tokens_left"].clamp(min=1, max=1)},
        "one text": lambda c: {name: c[name][:1] for name in ROWS},
        "one token written": lambda c: {"written": c["written"][:, -1:]},
        "logits far below 0": lambda c: {"logits": c["logits"] - 5000},
        "only crosses written": lambda c: {"written": c["written"] * 0 + c["cross"]},
        "nothing but ends written": lambda c: {"written": c["written"] * 0 + c["end"]},
    },
)
