"""Check of scores with the shared rotary key, against a loop over heads and pairs of positions.

Letters: n width of a key without position, r rotary width.
"""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths
from lessons_lib.model import apply_rope, rope_table


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, heads, length = rng.randint(1, 2), rng.randint(2, 3), rng.randint(2, 4)
    n, r = rng.choice(((2, 4), (6, 4), (2, 6), (4, 6)))  # never equal: the roots of both are told apart
    return {
        "q": tenths(rng, batch, heads, length, n + r),
        "k_nope": tenths(rng, batch, heads, length, n),
        "k_rotary": tenths(rng, batch, length, r),
        "theta": rng.choice((5.0, 10.0, 20.0)),
    }


def _loop(q: Tensor, k_nope: Tensor, k_rotary: Tensor, theta: float) -> Tensor:
    """Turn, pair by pair, each query by the distance to the key: one turn instead of two."""
    q, k_nope, k_rotary = q.double(), k_nope.double(), k_rotary.double()
    n, r = k_nope.shape[-1], k_rotary.shape[-1]
    out = torch.einsum("bhtn,bhsn->bhts", q[..., :n], k_nope)
    for t in range(q.shape[2]):
        for s in range(q.shape[2]):
            for i in range(0, r, 2):
                angle = torch.tensor((t - s) * theta ** (-i / r), dtype=torch.float64)
                a, b = q[:, :, t, n + i], q[:, :, t, n + i + 1]
                ka, kb = k_rotary[:, None, s, i], k_rotary[:, None, s, i + 1]
                out[:, :, t, s] += (a * ka + b * kb) * angle.cos() + (a * kb - b * ka) * angle.sin()
    return out / (n + r) ** 0.5


def _scores(
    q: Tensor,
    k_nope: Tensor,
    k_rotary: Tensor,
    theta: float,
    *,
    turn: str = "rotary",  # or "none", "whole", "both parts", "query", "key", "halves"
    swapped: bool = False,  # take the query's rotary part to lie in front
    widths: str = "both",  # or "apart", "n", "none"
    rotary: bool = True,
) -> Tensor:
    """Score with one thing (or none) done the wrong way."""
    q, k_nope, k_rotary = q.double(), k_nope.double(), k_rotary.double()
    n, r, length = k_nope.shape[-1], k_rotary.shape[-1], q.shape[2]
    k_rotary = k_rotary.unsqueeze(1)
    if turn == "whole":
        table = rope_table(length, n + r, theta)
        k = apply_rope(torch.cat([k_nope, k_rotary.expand(-1, q.shape[1], -1, -1)], dim=-1), table)
        return apply_rope(q, table) @ k.mT / (n + r) ** 0.5
    q_nope, q_rotary = (q[..., r:], q[..., :r]) if swapped else (q[..., :n], q[..., n:])
    if turn == "both parts":
        table = rope_table(length, n, theta)
        q_nope, k_nope = apply_rope(q_nope, table), apply_rope(k_nope, table)
    table, neighbours = rope_table(length, r, theta), turn != "halves"
    if turn not in ("none", "key"):
        q_rotary = apply_rope(q_rotary, table, interleaved=neighbours)
    if turn not in ("none", "query"):
        k_rotary = apply_rope(k_rotary, table, interleaved=neighbours)
    by = {"both": (n + r, n + r), "apart": (n, r), "n": (n, n), "none": (1, 1)}[widths]
    content = q_nope @ k_nope.mT / by[0] ** 0.5
    return content + q_rotary @ k_rotary.mT / by[1] ** 0.5 if rotary else content


LATENT_SCORES = Exercise(
    "latent_scores",
    _draw,
    _loop,
    (
        Misconception(
            "parts scaled apart",
            "The two terms are two parts of one dot product. How many roots does one product need?",
            (partial(_scores, widths="apart"),),
        ),
        Misconception(
            "scale without the rotary part",
            "A score is a sum over more channels than those your scale counts.",
            (partial(_scores, widths="n"),),
        ),
        Misconception(
            "not scaled", "The dot products are right. What follows them?", (partial(_scores, widths="none"),)
        ),
        Misconception(
            "no RoPE at all",
            "Your scores are the same wherever the tokens stand. Which argument have you not used?",
            (partial(_scores, turn="none"),),
        ),
        Misconception(
            "RoPE on the whole head",
            "You turn every channel. Which channels are there for the position?",
            (partial(_scores, turn="whole"), partial(_scores, turn="both parts")),
        ),
        Misconception(
            "one side not turned",
            "A difference of positions appears only where two turned vectors meet. Which do you turn?",
            (partial(_scores, turn="query"), partial(_scores, turn="key")),
        ),
        Misconception(
            "halves for neighbours",
            "Your pairs are half against half. Which two channels does the text pair?",
            (partial(_scores, turn="halves"),),
        ),
        Misconception(
            "query cut in the wrong order",
            "A query has two parts. Which of them do you take to be in front?",
            (partial(_scores, swapped=True),),
        ),
        Misconception(
            "rotary part left out",
            "Your score compares the contents alone. Which term is missing?",
            (partial(_scores, rotary=False), partial(_scores, rotary=False, widths="n")),
        ),
    ),
    lesson="03",
    returns=("scores",),
    edges={
        "one position": lambda c: {n: c[n][..., :1, :] for n in ("q", "k_nope", "k_rotary")},
        "one head": lambda c: {n: c[n][:, :1] for n in ("q", "k_nope")},
        "contents of zero": lambda c: {"k_nope": 0 * c["k_nope"]},
        "rotary keys of zero": lambda c: {"k_rotary": 0 * c["k_rotary"]},
        "a theta of 10,000": lambda c: {"theta": 10_000.0},
    },
)
