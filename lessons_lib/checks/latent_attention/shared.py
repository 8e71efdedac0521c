"""Check of writing shared heads as a latent, against a loop over the heads.

Letters: h heads, k sets of keys and values, d width of a head, C latent width (2 k d), D model width.
"""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    sets, d, dim = rng.randint(2, 3), rng.randint(2, 3), rng.randint(4, 5)
    return {
        "wk": tenths(rng, sets * d, dim),
        "wv": tenths(rng, sets * d, dim),
        "n_heads": sets * rng.randint(2, 3),
        "n_kv_heads": sets,
    }


def _loop(wk: Tensor, wv: Tensor, n_heads: int, n_kv_heads: int) -> tuple[Tensor, Tensor]:
    """Stack the matrices, then set the ones: head by head, number by number."""
    held, d = len(wk), len(wk) // n_kv_heads
    up = torch.zeros(n_heads * 2 * d, 2 * held, dtype=torch.float64)
    for head in range(n_heads):
        first = head * n_kv_heads // n_heads * d
        for i in range(d):
            up[head * 2 * d + i, first + i] = 1
            up[head * 2 * d + d + i, held + first + i] = 1
    return torch.cat([wk, wv]).double(), up


def _as_latent(
    wk: Tensor,
    wv: Tensor,
    n_heads: int,
    n_kv_heads: int,
    *,
    dealt: bool = False,  # heads get the sets in turn
    values: str = "their own",  # or "the keys"
    rows: str = "key, value",  # or "value, key", "all keys first"
    latent: str = "keys, values",  # or "values, keys", "set by set"
    flipped: bool = False,
) -> tuple[Tensor, Tensor]:
    """Write shared heads as a latent with one thing (or none) done the wrong way."""
    d = len(wk) // n_kv_heads
    heads = torch.arange(n_heads)
    mine = heads % n_kv_heads if dealt else heads * n_kv_heads // n_heads
    one = torch.eye(n_kv_heads, dtype=torch.float64)[mine]  # (h, k)
    pick = torch.einsum("hk,ij->hikj", one, torch.eye(d, dtype=torch.float64)).flatten(2)  # (h, d, k d)
    none = torch.zeros_like(pick)
    key, value = torch.cat([pick, none], 2), torch.cat([none, pick], 2)  # each (h, d, C)
    value = key if values == "the keys" else value
    if rows == "all keys first":
        up = torch.cat([key.flatten(0, 1), value.flatten(0, 1)])
    else:
        up = torch.cat([value, key] if rows == "value, key" else [key, value], 1).flatten(0, 1)
    down = torch.cat([wv, wk] if latent == "values, keys" else [wk, wv]).double()
    if latent == "set by set":
        down = down.unflatten(0, (2, n_kv_heads, d)).transpose(0, 1).flatten(0, 2)
    return (down.T, up.T) if flipped else (down, up)


def _written_out(wk: Tensor, wv: Tensor, n_heads: int, n_kv_heads: int) -> tuple[Tensor, Tensor]:
    """Keep the copies: right numbers, and a latent as wide as all heads' keys and values."""
    d, group = len(wk) // n_kv_heads, n_heads // n_kv_heads
    down = torch.cat([w.unflatten(0, (-1, d)).repeat_interleave(group, 0).flatten(0, 1) for w in (wk, wv)])
    _, up = _as_latent(down[: n_heads * d], down[n_heads * d :], n_heads, n_heads)
    return down.double(), up


SHARED_AS_LATENT = Exercise(
    "shared_as_latent",
    _draw,
    _loop,
    (
        Misconception(
            "sets dealt in turn",
            "Your heads take the sets in turn. Which heads share one: neighbours, or every second one?",
            (partial(_as_latent, dealt=True),),
        ),
        Misconception(
            "values picked from the keys",
            "Your heads get their set's key twice. In which half of the latent do the values lie?",
            (partial(_as_latent, values="the keys"),),
        ),
        Misconception(
            "value before key",
            "Within a head's block of `up` the value's rows come first. What does the text say?",
            (partial(_as_latent, rows="value, key"),),
        ),
        Misconception(
            "all keys, then all values",
            "Your `up` makes the keys of all heads, then all values. Whose rows should follow head 0's key?",
            (partial(_as_latent, rows="all keys first"),),
        ),
        Misconception(
            "values first in the latent",
            "Your latent holds the values before the keys. Which of them does the text name first?",
            (partial(_as_latent, latent="values, keys"),),
        ),
        Misconception(
            "latent set by set",
            "Your latent holds a set's key and value side by side. In which order does the text want them?",
            (partial(_as_latent, latent="set by set"),),
        ),
        Misconception(
            "rows for columns",
            "Both matrices lie on their side: a matrix has a row for each number that it makes.",
            (partial(_as_latent, flipped=True),),
        ),
        Misconception(
            "copies in the latent",
            "It would compute the right thing, but your latent keeps copies: it is as wide as the keys and "
            "values of all heads. What is kept of a token in grouped attention?",
            (_written_out,),
        ),
    ),
    lesson="03",
    returns=("down", "up"),
    edges={
        "one set for all": lambda c: _first_set(c) | {"n_kv_heads": 1},
        "a set for each head": lambda c: {"n_heads": c["n_kv_heads"]},
        "one head": lambda c: _first_set(c) | {"n_heads": 1, "n_kv_heads": 1},
        "heads of width 1": lambda c: {n: c[n][: c["n_kv_heads"]] for n in ("wk", "wv")},
        "matrices of zeros": lambda c: {n: 0 * c[n] for n in ("wk", "wv")},
    },
)


def _first_set(case: dict[str, Any]) -> dict[str, Any]:
    return {name: case[name][: len(case[name]) // case["n_kv_heads"]] for name in ("wk", "wv")}
