"""Check of sending tokens to their experts and adding up the answers, against a loop over choices.

An expert is one matrix here. Letters: N tokens, E experts, K experts per token, D width.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    n, n_experts, k, dim = rng.randint(3, 4), rng.randint(4, 5), rng.randint(2, 3), rng.randint(2, 3)
    return {
        "x": tenths(rng, n, dim),
        "ids": torch.tensor([rng.sample(range(n_experts), k) for _ in range(n)]),
        "weights": torch.tensor([[rng.randint(1, 9) / 10 for _ in range(k)] for _ in range(n)]),
        "matrices": tenths(rng, n_experts, dim, dim),
    }


def _loop(x: Tensor, ids: Tensor, weights: Tensor, matrices: Tensor) -> Tensor:
    answer = torch.zeros_like(x, dtype=torch.float64)
    for t in range(x.shape[0]):
        for expert, weight in zip(ids[t].tolist(), weights[t].tolist(), strict=True):
            answer[t] += weight * (matrices[expert].double() @ x[t].double())
    return answer


def _found(x: Tensor, ids: Tensor, weights: Tensor, matrices: Tensor, *, turned: bool = False) -> Tensor:
    """Return what each chosen expert answers, unweighted, (N, K, D)."""
    chosen = matrices.double()[ids]  # (N, K, D, D)
    return torch.einsum("nkij,ni->nkj" if turned else "nkij,nj->nki", chosen, x.double())


def _added(
    *case: Tensor, weigh: Callable[[Tensor], Tensor] = lambda weights: weights, **found: Any
) -> Tensor:
    return (_found(*case, **found) * weigh(case[2].double()).unsqueeze(-1)).sum(1)


def _one_left(*case: Tensor, which: Callable[[Tensor], Tensor]) -> Tensor:
    """Return only the answer of one expert for each token: number `which` of its choices."""
    answers = _found(*case) * case[2].double().unsqueeze(-1)
    return answers[torch.arange(len(answers)), which(case[1])]


def _sorted(
    x: Tensor,
    ids: Tensor,
    weights: Tensor,
    matrices: Tensor,
    *,
    from_token: Callable[..., Tensor] = lambda slip, n, k: slip // k,  # whose vector a slip carries
    to_token: Callable[..., Tensor] = lambda slip, n, k: slip // k,  # to whom its answer is added
    weights_too: bool = True,  # sorted along with the slips
    back: str = "added",  # or "not at all", "sorted twice"
) -> Tensor:
    """Sort slips by expert, work, and send back, with one thing (or none) done the wrong way."""
    (n, k), order = ids.shape, ids.flatten().argsort(stable=True)
    rows = x.double()[from_token(order, n, k)]  # (N K, D)
    found = torch.einsum("rij,rj->ri", matrices.double()[ids.flatten()[order]], rows)
    weight = weights.double().flatten()
    if back == "added":
        found = found * (weight[order] if weights_too else weight).unsqueeze(-1)
        return torch.zeros_like(x, dtype=torch.float64).index_add(0, to_token(order, n, k), found)
    found = found * weight[order].unsqueeze(-1) if weights_too else found
    found = found[order] if back == "sorted twice" else found
    found = found if weights_too else found * weight.unsqueeze(-1)
    return found.unflatten(0, (n, k)).sum(1)


def _dealt(slip: Tensor, n: int, k: int) -> Tensor:
    return slip % n


ASK_EXPERTS = Exercise(
    "ask_experts",
    _draw,
    _loop,
    (
        Misconception(
            "answers not weighted",
            "Your experts are asked, and all of them count for the same. Which argument have you not used?",
            (
                partial(_added, weigh=torch.ones_like),
                partial(_added, weigh=lambda weights: torch.ones_like(weights) / weights.shape[1]),
            ),
        ),
        Misconception(
            "overwritten, not added",
            "A token has only the answer of the expert that was written last. What happens at that place to "
            "the answers before it?",
            (
                partial(_one_left, which=lambda ids: ids.argmax(1)),  # the last in a loop over experts
                partial(_one_left, which=lambda ids: torch.full((len(ids),), ids.shape[1] - 1)),
            ),
        ),
        Misconception(
            "first expert only",
            "A token has the answer of its first expert, and of no other.",
            (partial(_one_left, which=lambda ids: torch.zeros(len(ids), dtype=torch.long)),),
        ),
        Misconception(
            "order lost after the sort",
            "The answers are right, and some went to the wrong tokens: after the work they lie expert by "
            "expert. To whom does the first of them belong?",
            tuple(
                partial(_sorted, back=back, weights_too=too)
                for back in ("not at all", "sorted twice")
                for too in (True, False)
            ),
        ),
        Misconception(
            "slip mistaken for token",
            "Each token wrote several slips, one after the other. If a token wrote two, whose is slip "
            "number 3? Count from 0.",
            (
                partial(_sorted, from_token=_dealt),
                partial(_sorted, to_token=_dealt),
                partial(_sorted, from_token=_dealt, to_token=_dealt),
            ),
        ),
        Misconception(
            "weights left behind",
            "Your answers lie expert by expert, and go back to the right tokens. In which order do the "
            "weights lie that you multiply them by?",
            (partial(_sorted, weights_too=False),),
        ),
        Misconception(
            "matrix turned",
            "It runs only because the matrices are square. Which of their axes meets the token?",
            (partial(_added, turned=True),),
        ),
    ),
    lesson="05",
    returns=("answers",),
    edges={
        "one token": lambda c: {n: c[n][:1] for n in ("x", "ids", "weights")},
        "one expert for each token": lambda c: {n: c[n][:, :1] for n in ("ids", "weights")},
        "all tokens at one expert": lambda c: {n: c[n][:, :1] * (n == "weights") for n in ("ids", "weights")},
        "weights of 0": lambda c: {"weights": c["weights"] * 0},
        "all experts at work": lambda c: {
            "ids": torch.arange(len(c["matrices"])).expand(len(c["x"]), -1),
            "weights": torch.ones(len(c["x"]), len(c["matrices"])),
        },
    },
)
