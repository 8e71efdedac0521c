"""Check of the absorbed look, against a loop over the new positions that rebuilds keys and values.

Values and latents are drawn equally wide, so that a product over the wrong axis runs, and is wrong.
Letters: c latent width, n width of a key without position, r rotary width.
"""

import math
import random
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, heads, new, old = rng.randint(1, 2), rng.randint(2, 3), rng.randint(1, 4), rng.randint(0, 3)
    n, r, c = rng.randint(2, 3), 2, rng.randint(4, 5)
    return {
        "q_nope": tenths(rng, batch, heads, new, n),
        "q_rotary": tenths(rng, batch, heads, new, r),
        "memory": tenths(rng, batch, old + new, c + r),
        "w_uk": tenths(rng, heads, n, c),
        "w_uv": tenths(rng, heads, c, c),
    }


def _loop(q_nope: Tensor, q_rotary: Tensor, memory: Tensor, w_uk: Tensor, w_uv: Tensor) -> Tensor:
    """Rebuild, for one new position after the other, the keys and values of all that it may see."""
    q_nope, q_rotary, memory, w_uk, w_uv = (x.double() for x in (q_nope, q_rotary, memory, w_uk, w_uv))
    latent, k_rotary = memory.unsqueeze(1).split([w_uk.shape[2], q_rotary.shape[-1]], dim=-1)
    old, out = memory.shape[1] - q_nope.shape[2], []
    for t in range(q_nope.shape[2]):
        past, here = slice(0, old + t + 1), slice(t, t + 1)
        shared = k_rotary[:, :, past].expand(-1, len(w_uk), -1, -1)
        keys = torch.cat([latent[:, :, past] @ w_uk.mT, shared], dim=-1)
        query = torch.cat([q_nope[:, :, here], q_rotary[:, :, here]], dim=-1)
        out.append(F.scaled_dot_product_attention(query, keys, latent[:, :, past] @ w_uv.mT))
    return torch.cat(out, dim=2)


def _look(
    q_nope: Tensor,
    q_rotary: Tensor,
    memory: Tensor,
    w_uk: Tensor,
    w_uv: Tensor,
    *,
    widths: str = "both",  # whose root divides the scores
    anchor: str = "last",  # for which positions queries are taken, or "one more"; "none": nothing is hidden
    rotary: bool = True,  # in the score
    swapped: bool = False,  # take the rotary key to lie in front of the latent
    value: str = "latent",  # or "end": as many numbers, from the other end of what is remembered
    way_out: str = "w_uv",  # or "w_uv turned", "none", "w_uk"
) -> Tensor:
    """Look at the latents with one thing (or none) done the wrong way."""
    q_nope, q_rotary, memory, w_uk, w_uv = (x.double() for x in (q_nope, q_rotary, memory, w_uk, w_uv))
    n, c, r = w_uk.shape[1], w_uk.shape[2], q_rotary.shape[-1]
    latent, k_rotary = (memory[..., r:], memory[..., :r]) if swapped else (memory[..., :c], memory[..., c:])
    by = {"both": (n + r,) * 2, "absorbed": (c + r,) * 2, "n": (n,) * 2, "n, r": (n, r), "c, r": (c, r)}
    by |= {"none": (1, 1), "content": (n + r, 1), "rotary": (1, n + r)}
    latent, k_rotary, memory = latent[:, None], k_rotary[:, None], memory[:, None]
    scores = q_nope @ w_uk @ latent.mT / by[widths][0] ** 0.5
    if rotary:
        scores = scores + q_rotary @ k_rotary.mT / by[widths][1] ** 0.5
    new, held = scores.shape[-2:]
    last = {"last": held - new, "one more": held - new + 1, "first": 0, "none": held}[anchor]
    weights = scores.masked_fill(~torch.ones(new, held).tril(last).bool(), -math.inf).softmax(-1)
    mixed = weights @ (memory[..., r:] if value == "end" else latent)
    ways = {"w_uv": w_uv.mT, "w_uv turned": w_uv, "w_uk": w_uk.mT}
    return mixed @ ways[way_out] if way_out in ways else mixed


def _rebuilt(
    q_nope: Tensor, q_rotary: Tensor, memory: Tensor, w_uk: Tensor, w_uv: Tensor
) -> dict[str, Tensor]:
    """Return what is not to be made; nothing for one position, whose value is the output."""
    latent = memory[:, None, :, : w_uk.shape[2]]
    made = {"the keys of every position": latent @ w_uk.mT, "the values of every position": latent @ w_uv.mT}
    return made if memory.shape[1] > 1 else {}


ATTEND_TO_LATENTS = Exercise(
    "attend_to_latents",
    _draw,
    _loop,
    (
        Misconception(
            "scale of the absorbed width",
            "You divide by the root of the width that your products happen to have. Moving brackets left "
            "every score as it was: which vectors was that score made of before?",
            (partial(_look, widths="absorbed"),),
        ),
        Misconception(
            "scale without the rotary part",
            "A score is a sum over more channels than those your scale counts.",
            (partial(_look, widths="n"),),
        ),
        Misconception(
            "parts scaled apart",
            "The two terms are the two halves of one dot product. How many roots does one product need?",
            (partial(_look, widths="n, r"), partial(_look, widths="c, r")),
        ),
        Misconception(
            "no mask",
            "Your new tokens see each other, later ones too. Which positions may the first of them see?",
            (partial(_look, anchor="none"),),
        ),
        Misconception(
            "mask shows the next position",
            "Each of your queries sees one position too many: the one after its own.",
            (partial(_look, anchor="one more"),),
        ),
        Misconception(
            "mask from the first position",
            "Without a cache it would be right. With one, your first new token sees one remembered vector: "
            "is it the first token of the text?",
            (partial(_look, anchor="first"),),
        ),
        Misconception(
            "rotary part left out",
            "Your scores do not know where a token stands. Which argument have you not used?",
            (partial(_look, rotary=False), partial(_look, rotary=False, widths="n")),
        ),
        Misconception(
            "memory cut in the wrong order",
            "The numbers of a remembered vector come in an order that the text gives. Which part do you "
            "take to be in front?",
            (partial(_look, swapped=True),),
        ),
        Misconception(
            "rotary part in the value",
            "The weights are right, but what you mix holds part of the rotary key. Of what are values made?",
            (partial(_look, value="end"),),
        ),
        Misconception(
            "value matrix on the wrong axis",
            "The sum over the latents is right. It runs only because values and latents are equally wide "
            "here: which axis of the value matrix belongs to the latent?",
            (partial(_look, way_out="w_uv turned"),),
        ),
        Misconception(
            "value matrix left out",
            "What you return is a mixture of latents. Is that what a head hands on?",
            (partial(_look, way_out="none"),),
        ),
        Misconception(
            "key matrix for the values",
            "On the way out you undo what you did to the query, but a head's output is a mixture of values. "
            "What makes a value from a latent?",
            (partial(_look, way_out="w_uk"),),
        ),
        Misconception(
            "only one term scaled",
            "One of the two terms of your scores is scaled, the other is not. To what does the root "
            "belong: to a term, or to their sum?",
            (
                partial(_look, widths="content"),
                partial(_look, widths="rotary"),
            ),
        ),
        Misconception(
            "scale missing",
            "Your weights are too near 0 and 1. What does the rebuilt form divide its scores by?",
            (partial(_look, widths="none"),),
        ),
    ),
    lesson="04",
    returns=("output",),
    unmade=_rebuilt,
    unmade_hint="A key is a latent behind a matrix, and a score is a query times a key: on which side of "
    "that product may the matrix stand? And must values be made before they are mixed?",
    edges={
        "one new query": lambda c: {n: c[n][:, :, :1] for n in ("q_nope", "q_rotary")},
        "a whole prompt": lambda c: {"memory": c["memory"][:, -c["q_nope"].shape[2] :]},
        "one position in all": lambda c: {
            "memory": c["memory"][:, :1],
            **{n: c[n][:, :, :1] for n in ("q_nope", "q_rotary")},
        },
        "one head": lambda c: {
            **{n: c[n][:, :1] for n in ("q_nope", "q_rotary")},
            **{n: c[n][:1] for n in ("w_uk", "w_uv")},
        },
        "rotary keys of zero": lambda c: {"q_rotary": 0 * c["q_rotary"]},
        "large scores": lambda c: {"q_nope": 30 * c["q_nope"]},
    },
)
