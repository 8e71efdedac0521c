"""Check of scores against remembered latents, by rebuilding each head's key: a step before attending to them.

Letters: c latent width, n width of a key without position, r rotary width.
"""

import math
import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, heads, new, held = rng.randint(1, 2), rng.randint(2, 3), rng.randint(1, 3), rng.randint(2, 4)
    n, r, c = rng.choice((3, 4)), 2, 5
    return {
        "q_nope": tenths(rng, batch, heads, new, n),
        "q_rotary": tenths(rng, batch, heads, new, r),
        "memory": tenths(rng, batch, held, c + r),
        "w_uk": tenths(rng, heads, n, c),
    }


def _rebuilt(q_nope: Tensor, q_rotary: Tensor, memory: Tensor, w_uk: Tensor) -> Tensor:
    """Rebuild every head's key, one remembered position after the other."""
    q = torch.cat([q_nope, q_rotary], dim=-1).double()
    c, columns = w_uk.shape[2], []
    for position in memory.double().unbind(1):  # (batch, c + r)
        keys = torch.stack([position[:, :c] @ w.double().T for w in w_uk], dim=1)  # (batch, heads, n)
        shared = position[:, None, c:].expand(-1, len(w_uk), -1)
        columns.append((q * torch.cat([keys, shared], dim=-1)[:, :, None]).sum(-1))
    return torch.stack(columns, dim=-1) / math.sqrt(q.shape[-1])


def _scores(
    q_nope: Tensor,
    q_rotary: Tensor,
    memory: Tensor,
    w_uk: Tensor,
    *,
    widths: str = "both",  # whose root divides the scores
    rotary: bool = True,  # in the score
    swapped: bool = False,  # take the rotary key to lie in front of the latent
    softmax: bool = False,
) -> Tensor:
    """Score with one thing (or none) done the wrong way."""
    q_nope, q_rotary, memory, w_uk = (x.double() for x in (q_nope, q_rotary, memory[:, None], w_uk))
    n, c, r = w_uk.shape[1], w_uk.shape[2], q_rotary.shape[-1]
    by = {"both": (n + r,) * 2, "absorbed": (c + r,) * 2, "n": (n,) * 2, "n, r": (n, r), "none": (1, 1)}
    by |= {"content": (n + r, 1), "rotary": (1, n + r)}
    latent, k_rotary = (memory[..., r:], memory[..., :r]) if swapped else (memory[..., :c], memory[..., c:])
    scores = q_nope @ w_uk @ latent.mT / by[widths][0] ** 0.5
    scores = scores + q_rotary @ k_rotary.mT / by[widths][1] ** 0.5 if rotary else scores
    return scores.softmax(-1) if softmax else scores


def _keys(q_nope: Tensor, q_rotary: Tensor, memory: Tensor, w_uk: Tensor) -> dict[str, Tensor]:
    return {"the keys of every position": memory[:, None, :, : w_uk.shape[2]] @ w_uk.mT}


SCORE_LATENTS = Exercise(
    "score_latents",
    _draw,
    _rebuilt,
    (
        Misconception(
            "scale of the absorbed width",
            "You divide by the root of the width that your products happen to have. Moving brackets left "
            "every score as it was: which vectors was that score made of before?",
            (partial(_scores, widths="absorbed"),),
        ),
        Misconception(
            "scale without the rotary part",
            "A score is a sum over more channels than those your scale counts.",
            (partial(_scores, widths="n"),),
        ),
        Misconception(
            "parts scaled apart",
            "The two terms are the two halves of one dot product. How many roots does one product need?",
            (partial(_scores, widths="n, r"),),
        ),
        Misconception(
            "scale missing",
            "Your scores are too large, all by one factor. What does attention divide them by?",
            (partial(_scores, widths="none"),),
        ),
        Misconception(
            "rotary part left out",
            "Your scores do not know where a token stands. Which argument have you not used?",
            (partial(_scores, rotary=False), partial(_scores, rotary=False, widths="n")),
        ),
        Misconception(
            "memory cut in the wrong order",
            "The numbers of a remembered vector come in an order that the text gives. Which part do you "
            "take to be in front?",
            (partial(_scores, swapped=True),),
        ),
        Misconception(
            "softmax already taken",
            "Each of your rows sums to 1. The text asks for what goes into the softmax.",
            (partial(_scores, softmax=True),),
        ),
        Misconception(
            "only one term scaled",
            "One of the two terms of your scores is scaled, the other is not. To what does the root "
            "belong: to a term, or to their sum?",
            (
                partial(_scores, widths="content"),
                partial(_scores, widths="rotary"),
            ),
        ),
    ),
    lesson="04",
    unmade=_keys,
    unmade_hint="A key is a latent behind a matrix, and a score is a query times a key: on which side of "
    "that product may the matrix stand?",
    edges={
        "one new query": lambda c: {n: c[n][:, :, :1] for n in ("q_nope", "q_rotary")},
        "one position": lambda c: {"memory": c["memory"][:, :1]},
        "one head": lambda c: {
            **{n: c[n][:, :1] for n in ("q_nope", "q_rotary")},
            "w_uk": c["w_uk"][:1],
        },
        "rotary queries of zero": lambda c: {"q_rotary": 0 * c["q_rotary"]},
        "latents of zero": lambda c: {"w_uk": 0 * c["w_uk"]},
    },
)
