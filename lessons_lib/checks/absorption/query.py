"""Check of absorbing the key matrix on the query's side, against scores with keys that are rebuilt.

Keys and latents are drawn equally wide, so that a product over the wrong axis runs, and is wrong.
"""

import random
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, heads, new, width = rng.randint(1, 2), rng.randint(2, 3), rng.randint(1, 3), rng.randint(2, 4)
    return {"q_nope": tenths(rng, batch, heads, new, width), "w_uk": tenths(rng, heads, width, width)}


def _by_scores(q_nope: Tensor, w_uk: Tensor) -> Tensor:
    """Number i of the absorbed query is its score with the latent that is 1 at i and 0 elsewhere."""
    out = []
    for latent in torch.eye(w_uk.shape[2], dtype=torch.float64):
        keys = torch.stack([w.double() @ latent for w in w_uk])  # (heads, key)
        out.append((q_nope.double() * keys[:, None]).sum(-1))
    return torch.stack(out, dim=-1)


ABSORB_QUERY = Exercise(
    "absorb_query",
    _draw,
    _by_scores,
    (
        Misconception(
            "wrong axis",
            "It runs only because keys and latents are equally wide here. Which axis of the matrix belongs "
            "to the key, which to the latent, and over which of them do you sum?",
            (lambda q, w: q @ w.mT,),
        ),
        Misconception(
            "heads mixed",
            "Each head has a key matrix of its own. How many of them does your first head's query meet, "
            "and which does your last head's?",
            (
                lambda q, w: q @ w[0],
                lambda q, w: q @ w[-1],
                lambda q, w: q @ w.sum(0),
                lambda q, w: q @ w.mean(0),
            ),
        ),
        Misconception(
            "scaled too early",
            "Your numbers are too small by one factor. Scores are scaled once, where they are made, and "
            "this is not yet a score.",
            (lambda q, w: q @ w / q.shape[-1] ** 0.5, lambda q, w: q @ w / q.shape[-1]),
        ),
    ),
    lesson="04",
    edges={
        "one head": lambda c: {"q_nope": c["q_nope"][:, :1], "w_uk": c["w_uk"][:1]},
        "one query": lambda c: {"q_nope": c["q_nope"][:, :, :1]},
        "width 1": lambda c: {"q_nope": c["q_nope"][..., :1], "w_uk": c["w_uk"][:, :1, :1]},
        "as many queries as heads": lambda c: {
            "q_nope": c["q_nope"][:, :, :1].repeat(1, 1, len(c["w_uk"]), 1).cumsum(2)
        },
        "a symmetric matrix": lambda c: {"w_uk": c["w_uk"] + c["w_uk"].mT},
        "wide latents": lambda c: {"w_uk": torch.cat([c["w_uk"], -c["w_uk"], c["w_uk"]], dim=2)},
    },
)
