"""Check of what is remembered of a text, against a loop over its positions.

Letters: c latent width, r rotary width.
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
    batch, new, r = rng.randint(1, 2), rng.randint(2, 4), rng.choice((4, 6))
    dim = c = rng.choice((3, 5, 7))  # equal: a matrix that reads the wrong vector runs, and is found out
    return {
        "x": tenths(rng, batch, new, dim),
        "w_latent": tenths(rng, c, dim),
        "w_rotary": tenths(rng, r, dim),
        "gain": tenths(rng, c),
        "table": rope_table(new, r, 10.0),
    }


def _loop(x: Tensor, w_latent: Tensor, w_rotary: Tensor, gain: Tensor, table: Tensor) -> Tensor:
    """Take one position after the other, and one pair of channels after the other."""
    out = torch.empty(*x.shape[:2], len(w_latent) + len(w_rotary), dtype=torch.float64)
    for t in range(x.shape[1]):
        here = x[:, t].double()
        latent, key = here @ w_latent.double().T, here @ w_rotary.double().T
        size = (latent.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        row = [latent / size * gain.double()]
        for i, (cos, sin) in enumerate(table[t]):
            a, b = key[:, 2 * i], key[:, 2 * i + 1]
            row.append(torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1))
        out[:, t] = torch.cat(row, dim=-1)
    return out


def _remember(
    x: Tensor,
    w_latent: Tensor,
    w_rotary: Tensor,
    gain: Tensor,
    table: Tensor,
    *,
    norm: str = "latent",  # or "none", "both"
    source: str = "hidden",  # or "latent", "raw latent": of what the rotary key is made
    turn: str = "neighbours",  # or "none", "halves"
    key_first: bool = False,
) -> Tensor:
    """Make what is remembered with one thing (or none) done the wrong way."""
    x, w_latent, w_rotary, gain = (a.double() for a in (x, w_latent, w_rotary, gain))
    latent = x @ w_latent.T
    normed = _rms(latent) * gain
    key = {"hidden": x, "latent": normed, "raw latent": latent}[source] @ w_rotary.T
    if norm == "both":
        key = _rms(key)
    if turn != "none":
        key = apply_rope(key, table, interleaved=turn == "neighbours")
    parts = [latent if norm == "none" else normed, key]
    return torch.cat(parts[::-1] if key_first else parts, dim=-1)


def _rms(x: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()


def _norm_of_the_hidden_state(
    x: Tensor, w_latent: Tensor, w_rotary: Tensor, gain: Tensor, table: Tensor
) -> Tensor:
    remembered = _remember(x, w_latent, w_rotary, gain, table)
    latent = (_rms(x.double()) * gain.double()) @ w_latent.double().T
    return torch.cat([latent, remembered[..., len(w_latent) :]], -1)


def _gain_alone(x: Tensor, w_latent: Tensor, w_rotary: Tensor, gain: Tensor, table: Tensor) -> Tensor:
    remembered = _remember(x, w_latent, w_rotary, gain, table, norm="none")
    c = len(w_latent)
    return torch.cat([remembered[..., :c] * gain.double(), remembered[..., c:]], -1)


def _gain_first(x: Tensor, w_latent: Tensor, w_rotary: Tensor, gain: Tensor, table: Tensor) -> Tensor:
    remembered = _remember(x, w_latent, w_rotary, gain, table)
    latent = _rms(x.double() @ w_latent.double().T * gain.double())
    return torch.cat([latent, remembered[..., len(w_latent) :]], -1)


MAKE_MEMORY = Exercise(
    "make_memory",
    _draw,
    _loop,
    (
        Misconception(
            "latent cached before its norm",
            "The rotary key is right. Your latent is as its matrix makes it: what comes before it is kept?",
            (partial(_remember, norm="none"), _gain_alone),
        ),
        Misconception(
            "rotary key normed too",
            "The latent is right. Which of the two parts has a norm?",
            (partial(_remember, norm="both"),),
        ),
        Misconception(
            "rotary key from the latent",
            "You make the rotary key from the latent. Which vector does its matrix read?",
            (partial(_remember, source="latent"), partial(_remember, source="raw latent")),
        ),
        Misconception(
            "no RoPE at all",
            "Your rotary key is the same wherever the token stands. Which argument have you not used?",
            (partial(_remember, turn="none"),),
        ),
        Misconception(
            "halves for neighbours",
            "Your pairs are half against half. Which two channels does the text pair?",
            (partial(_remember, turn="halves"),),
        ),
        Misconception(
            "parts in the wrong order",
            "Both parts are right. Which of them comes first?",
            (partial(_remember, key_first=True),),
        ),
        Misconception(
            "matrix turned",
            "The rotary key is right. It runs only because the latent is as wide as the hidden state "
            "here: which axis of its matrix meets the hidden state?",
            (lambda x, w_latent, w_rotary, gain, table: _remember(x, w_latent.T, w_rotary, gain, table),),
        ),
        Misconception(
            "hidden state normed",
            "The rotary key is right. You norm what goes into the matrix. Of which vector does the text "
            "take the norm?",
            (_norm_of_the_hidden_state,),
        ),
        Misconception(
            "gain before the norm",
            "The rotary key is right. In your latent the gain comes first, and the norm is of what it "
            "leaves. In which order has the text the two?",
            (_gain_first,),
        ),
    ),
    lesson="03",
    returns=("memory",),
    edges={
        "one position": lambda c: {"x": c["x"][:, :1], "table": c["table"][:1]},
        "hidden states of zero": lambda c: {"x": 0 * c["x"]},
        "small hidden states": lambda c: {"x": c["x"] / 1000},
        "large hidden states": lambda c: {"x": 100 * c["x"]},
        "a gain of zero": lambda c: {"gain": 0 * c["gain"]},
    },
)
