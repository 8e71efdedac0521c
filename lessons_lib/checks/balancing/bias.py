"""Check of the sign update of the bias, against counting choice by choice."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    """Draw choices of a batch: the mean load is a whole number or not, and experts are idle or not.

    Where some are meant to be idle, it is the last one, and one that has a busy one behind it.
    """
    sequences, length, k = rng.randint(2, 3), rng.randint(2, 4), rng.randint(1, 2)
    tokens, whole, some_idle = sequences * length, rng.random() < 0.5, rng.random() < 0.5
    n_experts = rng.choice([n for n in (4, 5, 6) if (tokens * k % n == 0) == whole] or [4, 5])
    at_work: Sequence[int] = [*rng.sample(range(n_experts - 2), n_experts - 3), n_experts - 2]
    at_work = at_work if some_idle else range(n_experts)
    favoured = rng.sample(at_work, max(k, len(at_work) - 1))  # the load should not be even
    first = [*rng.sample(at_work[:-1], k - 1), at_work[-1]]  # the last one is at work indeed
    rows = [first] + [rng.sample(rng.choice((favoured, at_work)), k) for _ in range(tokens - 1)]
    return {
        "bias": tenths(rng, n_experts),
        "ids": torch.tensor(rows).unflatten(0, (sequences, length)),
        "speed": rng.choice((0.1, 0.2, 0.3, 0.5)),
    }


def _loop(bias: Tensor, ids: Tensor, speed: float) -> Tensor:
    chosen, out = ids.flatten().tolist(), []
    for expert, b in enumerate(bias.tolist()):
        above = chosen.count(expert) * len(bias) - len(chosen)  # load - mean, times the number of experts
        out.append(b - speed if above > 0 else b + speed if above < 0 else b)
    return torch.tensor(out, dtype=torch.float64)


def _sign(load: Tensor, mean: Tensor | float) -> Tensor:
    return torch.sign(load - mean)


def _moved(
    bias: Tensor,
    ids: Tensor,
    speed: float,
    *,
    push: Callable[[Tensor, Tensor | float], Tensor] = _sign,
    mean: Callable[[Tensor, Tensor], Tensor | float] = lambda load, ids: load.mean(),
    pieces: Callable[[Tensor], Tensor] = lambda ids: ids.flatten().unsqueeze(0),
    average: bool = False,
) -> Tensor:
    """Move the bias with one thing (or none) done the wrong way; `pieces` are counted each by itself."""
    out, cut = bias.double(), pieces(ids)
    for piece in cut:
        load = torch.bincount(piece.flatten(), minlength=len(bias)).double()
        out = out - speed * push(load, mean(load, ids)) / (len(cut) if average else 1)
    return out


def _chosen(load: Tensor) -> Tensor:
    return load > 0


def _up_to_the_last(load: Tensor) -> Tensor:
    return load.flip(0).cumsum(0).flip(0) > 0  # as long as bincount counts when it is not told


def _stay(load: Tensor, mean: Tensor | float, counted: Callable[[Tensor], Tensor]) -> Tensor:
    return _sign(load, mean) * counted(load)


def _mean_of(load: Tensor, ids: Tensor, counted: Callable[[Tensor], Tensor]) -> Tensor:
    return load[counted(load)].mean()


def _by_sequence(ids: Tensor) -> Tensor:
    return ids


def _by_token(ids: Tensor) -> Tensor:
    return ids.flatten(0, 1)


MOVE_BIAS = Exercise(
    "move_bias",
    _draw,
    _loop,
    (
        Misconception(
            "wrong sign",
            "Your busiest expert becomes more attractive still. Which way should its bias go?",
            (partial(_moved, push=lambda load, mean: -_sign(load, mean)),),
        ),
        Misconception(
            "proportional step",
            "The direction is right. Your steps are the longer the further a load is from the mean. How "
            "many lengths of step does V3 know?",
            (
                partial(_moved, push=lambda load, mean: load - mean),
                partial(_moved, push=lambda load, mean: load / mean - 1),
                partial(_moved, push=lambda load, mean: (load - mean) / load.sum()),
                partial(_moved, push=lambda load, mean: (load - mean) / (load - mean).abs().max()),
            ),
        ),
        Misconception(
            "never moved",
            "You return the bias that you were given. What should its busiest expert have done to it?",
            (partial(_moved, push=lambda load, mean: 0 * load),),
        ),
        Misconception(
            "each sequence by itself",
            "You compare within each text, or within each token, and move the bias again and again. Of what "
            "does V3 count the load before it takes one step?",
            tuple(
                partial(_moved, pieces=pieces, average=average)
                for pieces in (_by_sequence, _by_token)
                for average in (False, True)
            ),
        ),
        Misconception(
            "mean load pushed",
            "An expert that has exactly the mean load is pushed in your function. Is it too busy, or too "
            "idle?",
            (
                partial(_moved, push=lambda load, mean: 2.0 * (load > mean) - 1),
                partial(_moved, push=lambda load, mean: 2.0 * (load >= mean) - 1),
            ),
        ),
        Misconception(
            "only one side moved",
            "Half of the experts move rightly, the others never do. What about those on the other side of "
            "the mean?",
            (
                partial(_moved, push=lambda load, mean: 1.0 * (load > mean)),
                partial(_moved, push=lambda load, mean: -1.0 * (load < mean)),
            ),
        ),
        Misconception(
            "mean of tokens, not of choices",
            "Your mean is what an expert would have if a token chose one. How many does it choose?",
            (partial(_moved, mean=lambda load, ids: load.mean() / ids.shape[-1]),),
        ),
        Misconception(
            "mean rounded",
            "Your mean is a whole number. With 3 choices and 2 experts, which load would be the mean, and "
            "does anybody have it?",
            (
                partial(_moved, mean=lambda load, ids: load.mean().floor()),
                partial(_moved, mean=lambda load, ids: load.mean().round()),
            ),
        ),
        Misconception(
            "idle experts left out",
            "An expert that nobody chose has a load, too, and is one of those over whom the mean is taken. "
            "Where is it in your count?",
            (
                partial(_moved, mean=partial(_mean_of, counted=_chosen)),
                *(partial(_moved, push=partial(_stay, counted=c)) for c in (_chosen, _up_to_the_last)),
                *(
                    partial(_moved, push=partial(_stay, counted=c), mean=partial(_mean_of, counted=c))
                    for c in (_chosen, _up_to_the_last)
                ),
            ),
        ),
    ),
    lesson="06",
    returns=("bias",),
    edges={
        "an even load": lambda c: {"ids": torch.arange(len(c["bias"])).view(1, -1, 1)},
        "all at the first expert": lambda c: {"ids": c["ids"][..., :1] * 0},
        "all at the last expert": lambda c: {"ids": c["ids"][..., :1] * 0 + len(c["bias"]) - 1},
        "one token": lambda c: {"ids": c["ids"][:1, :1]},
        "a small speed": lambda c: {"speed": 0.001},
        "biases of 0": lambda c: {"bias": c["bias"] * 0},
        "all experts chosen": lambda c: {"ids": torch.arange(len(c["bias"])).expand(2, 3, -1)},
    },
)
