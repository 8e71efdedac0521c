"""Check of attention through a cache, against a loop that takes one new position at a time."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths
from lessons_lib.model import apply_rope, rope_table


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, heads, head_dim = rng.randint(1, 2), rng.randint(1, 2), rng.choice((2, 4))
    old, n_new = rng.randint(2, 3), rng.randint(1, 3)
    case = {name: tenths(rng, batch, heads, n_new, head_dim) for name in "qkv"}
    case |= {f"cached_{n}": tenths(rng, batch, heads, old, head_dim) for n in ("keys", "values")}
    return case | {"table": rope_table(old + n_new + rng.randint(1, 4), head_dim, rng.choice((10.0, 50.0)))}


Step = tuple[Tensor, Tensor, Tensor]


def _loop(q: Tensor, k: Tensor, v: Tensor, cached_keys: Tensor, cached_values: Tensor, table: Tensor) -> Step:
    """Take one new position at a time, which sees all that is in the cache by then."""
    keys, values, out = cached_keys.double(), cached_values.double(), []
    for i in range(q.shape[2]):
        here = slice(i, i + 1)
        row = table[keys.shape[2]].unsqueeze(0)
        keys = torch.cat([keys, apply_rope(k[:, :, here].double(), row)], 2)
        values = torch.cat([values, v[:, :, here].double()], 2)
        query = apply_rope(q[:, :, here].double(), row)
        out.append(F.scaled_dot_product_attention(query, keys, values))
    return torch.cat(out, 2), keys, values


def _step(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cached_keys: Tensor,
    cached_values: Tensor,
    table: Tensor,
    *,
    start: Callable[[int], int | None] = lambda old: old,  # position of the first new token; None: the last
    in_front: bool = False,
    advance: bool = True,
    last: Callable[[int], int] = lambda old: old,  # which diagonal the mask keeps
    use_cache: bool = True,
    turn: str = "new keys",  # or "all keys", "values too"
) -> Step:
    """One cached step with one thing (or none) done the wrong way."""
    q, k, v, old_k, old_v = (x.double() for x in (q, k, v, cached_keys, cached_values))
    old, n_new = old_k.shape[2], q.shape[2]
    first = start(old)
    rows = table[-n_new:] if first is None else table[first : first + n_new]
    q, k = apply_rope(q, rows), apply_rope(k, rows)
    v = apply_rope(v, rows) if turn == "values too" else v
    if turn == "all keys":
        old_k = apply_rope(old_k, table[:old])
    keys, values = (torch.cat([b, a] if in_front else [a, b], 2) for a, b in ((old_k, k), (old_v, v)))
    if use_cache:
        seen = torch.ones(n_new, old + n_new, dtype=torch.bool).tril(last(old))
        out = F.scaled_dot_product_attention(q, keys, values, attn_mask=seen)
    else:
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return (out, keys, values) if advance else (out, old_k, old_v)


STEP = Exercise(
    "cached_step",
    _draw,
    _loop,
    (
        Misconception(
            "position not offset",
            "Your new tokens are turned as if they began the text. How many positions came before them?",
            (partial(_step, start=lambda old: 0),),
        ),
        Misconception(
            "position off by one",
            "Positions count from 0. If 3 are cached, at which position does the next token stand?",
            (partial(_step, start=lambda old: old - 1), partial(_step, start=lambda old: old + 1)),
        ),
        Misconception(
            "rows from the table's end",
            "The table may be longer than the text so far, and you take its last rows. At which row does the "
            "first new token stand?",
            (partial(_step, start=lambda old: None),),
        ),
        Misconception(
            "wrong side",
            "The new keys stand before the old ones. Which of them were read first?",
            (partial(_step, in_front=True), partial(_step, in_front=True, last=lambda old: 0)),
        ),
        Misconception(
            "not advanced",
            "The output is right, but the keys and values that you return are those you were given: the "
            "next token will know nothing of these.",
            (partial(_step, advance=False),),
        ),
        Misconception(
            "mask from the wrong corner",
            "With several new tokens, some see too little. Your mask lets the first of them see one key; "
            "is it the first position of the text?",
            (partial(_step, last=lambda old: 0),),
        ),
        Misconception(
            "no mask",
            "Your new tokens see each other, later ones too. Which positions may the first of them see?",
            (partial(_step, last=lambda old: 99),),
        ),
        Misconception(
            "cache not read",
            "The cache grows, but your queries look at the new keys only.",
            (partial(_step, use_cache=False),),
        ),
        Misconception(
            "cached keys turned again",
            "The cached keys were turned when they were new. What happens to them in your function?",
            (partial(_step, turn="all keys"),),
        ),
        Misconception(
            "values turned",
            "Positions belong where queries meet keys. What else do you turn?",
            (partial(_step, turn="values too"),),
        ),
    ),
    lesson="02",
    returns=("output", "keys", "values"),
    edges={
        "an empty cache": lambda c: {n: c[n][:, :, :0] for n in ("cached_keys", "cached_values")},
        "one new token": lambda c: {n: c[n][:, :, :1] for n in "qkv"},
        "a table for a much longer text": lambda c: {"table": rope_table(60, c["q"].shape[-1], 10.0)},
        "large scores": lambda c: {"q": 40 * c["q"]},
    },
)
