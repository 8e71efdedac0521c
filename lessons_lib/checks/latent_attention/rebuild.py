"""Check of rebuilding keys and values from what is remembered, against a loop over heads.

Letters: c latent width, n width of a key without position, r rotary width, v value width.
"""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    heads, c = rng.randint(2, 3), rng.randint(2, 4)
    n, v = rng.choice(((2, 3), (3, 2), (4, 2), (2, 4)))  # never equal: who confuses them is found out
    batch, held, r = rng.randint(1, 2), rng.randint(2, 4), 2 * heads
    return {
        "latent": tenths(rng, batch, held, c),
        "k_rotary": tenths(rng, batch, held, r),
        "wkv_b": tenths(rng, heads * (n + v), c),
        "n_heads": heads,
        "n": n,
    }


def _loop(latent: Tensor, k_rotary: Tensor, wkv_b: Tensor, n_heads: int, n: int) -> tuple[Tensor, Tensor]:
    """Give each head its own rows of the matrix, the key's rows first."""
    keys, values, rows = [], [], len(wkv_b) // n_heads
    for h in range(n_heads):
        own = wkv_b[h * rows : (h + 1) * rows].double()
        keys.append(torch.cat([latent.double() @ own[:n].T, k_rotary.double()], dim=-1))
        values.append(latent.double() @ own[n:].T)
    return torch.stack(keys, dim=1), torch.stack(values, dim=1)


def _rebuild(
    latent: Tensor,
    k_rotary: Tensor,
    wkv_b: Tensor,
    n_heads: int,
    n: int,
    *,
    cut: str = "per head",  # or "all keys first", "dealt", "value first", "value width"
    rotary: str = "shared",  # or "per head", "per head, reshaped", "none", "in front"
) -> tuple[Tensor, Tensor]:
    """Rebuild with one thing (or none) done the wrong way."""
    kv, shared = latent.double() @ wkv_b.double().T, k_rotary.double()
    v = kv.shape[-1] // n_heads - n
    by_head = kv.unflatten(-1, (n_heads, -1)).transpose(1, 2)
    if cut == "dealt":
        by_head = kv.unflatten(-1, (-1, n_heads)).permute(0, 3, 1, 2)
    if cut == "all keys first":
        parts = kv.split([n_heads * n, n_heads * v], dim=-1)
        k, value = (part.unflatten(-1, (n_heads, -1)).transpose(1, 2) for part in parts)
    elif cut == "value first":
        value, k = by_head.split([v, n], dim=-1)
    else:
        k, value = by_head.split([v, n] if cut == "value width" else [n, v], dim=-1)
    turned = shared.unsqueeze(1).expand(-1, n_heads, -1, -1)
    if rotary == "per head":
        turned = shared.unflatten(-1, (n_heads, -1)).transpose(1, 2)
    if rotary == "per head, reshaped":
        turned = shared.reshape(*k.shape[:3], -1)
    if rotary == "none":
        return k, value
    return torch.cat([turned, k] if rotary == "in front" else [k, turned], dim=-1), value


REBUILD = Exercise(
    "rebuild",
    _draw,
    _loop,
    (
        Misconception(
            "a rotary key per head",
            "You deal the rotary key out among the heads. How many rotary keys does a token leave?",
            (partial(_rebuild, rotary="per head"), partial(_rebuild, rotary="per head, reshaped")),
        ),
        Misconception(
            "no rotary key",
            "Your keys do not know where their tokens stand. Which argument have you not used?",
            (partial(_rebuild, rotary="none"),),
        ),
        Misconception(
            "parts swapped",
            "Both parts of your keys are right. Which of them comes first?",
            (partial(_rebuild, rotary="in front"),),
        ),
        Misconception(
            "all keys, then all values",
            "You cut once, into all keys and all values. In which order do the heads lie there?",
            (partial(_rebuild, cut="all keys first"),),
        ),
        Misconception(
            "value before key",
            "Within a head's block you take the value first. What does the text say?",
            (partial(_rebuild, cut="value first"),),
        ),
        Misconception(
            "value width for key width",
            "You cut each head's block in the wrong place. Keys and values need not be equally wide: whose "
            "width is n?",
            (partial(_rebuild, cut="value width"),),
        ),
        Misconception(
            "channels dealt out",
            "Each head should get a block of neighbouring numbers. Yours gets every n_heads-th one.",
            (partial(_rebuild, cut="dealt"),),
        ),
    ),
    lesson="03",
    returns=("keys", "values"),
)
