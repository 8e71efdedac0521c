"""Check of the sequence-wise loss of padded texts and its gradient, against a loop and a sum by hand.

With S the sum of a token's affinities s, and n the length of its text, L = alpha / B sum over texts of
1 / n sum over its tokens and i of f_i s_i / S, where f belongs to the text. Its derivative by s_j is
alpha / (B n) (f_j - sum_i f_i s_i / S) / S, and 0 for padding.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    """Draw texts of which at least two differ in length, and none is as long as the padded tensor."""
    n_texts, positions, n_experts = rng.randint(2, 3), rng.randint(4, 5), rng.randint(3, 5)
    lengths = [rng.randint(1, positions - 2), positions - 1, *(rng.randint(1, positions) for _ in range(9))]
    return {
        "affinity": distinct(rng, n_texts, positions, n_experts, low=5, high=95),
        "lengths": torch.tensor(lengths[:n_texts]),
        "k": rng.randint(1, 2),
        "alpha": rng.choice((4.0, 8.0, 16.0)),
    }


def _loop(affinity: Tensor, lengths: Tensor, k: int, alpha: float) -> tuple[Tensor, Tensor]:
    (n_texts, _, n_experts), loss = affinity.shape, 0.0
    gradient = torch.zeros(affinity.shape, dtype=torch.float64)
    for b, (rows, n) in enumerate(zip(affinity.tolist(), lengths.tolist(), strict=True)):
        chosen = [i for s in rows[:n] for i in sorted(range(n_experts), key=lambda i: -s[i])[:k]]
        f = [n_experts / (k * n) * chosen.count(i) for i in range(n_experts)]
        for t, s in enumerate(rows[:n]):
            pressure = sum(f_i * s_i for f_i, s_i in zip(f, s, strict=True)) / sum(s)
            loss += alpha / (n_texts * n) * pressure
            for j in range(n_experts):
                gradient[b, t, j] = alpha / (n_texts * n) * (f[j] - pressure) / sum(s)
    return torch.tensor(loss, dtype=torch.float64), gradient


def _shares(affinity: Tensor) -> Tensor:
    return affinity / affinity.sum(-1, keepdim=True)


def _counted(picked: Tensor, share: Tensor) -> Tensor:
    return picked


def _of_texts(x: Tensor) -> Tensor:
    """Sum over the tokens of each text: (texts, positions, ...) -> (texts, ...)."""
    return x.sum(1)


def _of_all(x: Tensor) -> Tensor:
    return x.sum((0, 1)).unsqueeze(0)


def _mean(of_text: Tensor, lengths: Tensor) -> Tensor:
    return of_text.mean()


def _loss(
    affinity: Tensor,
    lengths: Tensor,
    k: int,
    alpha: float,
    *,
    added: Callable[[Tensor], Tensor] = _of_texts,
    padding: bool = False,  # counted as tokens
    too_long: tuple[bool, bool] = (False, False),  # f, P divided by the number of positions
    share: Callable[[Tensor], Tensor] = _shares,
    counted: Callable[[Tensor, Tensor], Tensor] = _counted,
    factor: Callable[[int, int], float] = lambda e, k: e / k,
    over_texts: Callable[[Tensor, Tensor], Tensor] = _mean,
) -> Tensor:
    """Compute the loss with one thing (or none) done the wrong way."""
    s = affinity.double()
    picked = torch.zeros_like(s).scatter(-1, s.topk(k).indices, 1.0)
    is_token = (torch.arange(s.shape[1]) < lengths.unsqueeze(-1)) | padding
    real = is_token.double().unsqueeze(-1)  # (texts, positions, 1)
    n, positions = added(real), added(torch.ones_like(real))
    f = added(counted(picked, share(s)) * real) / (positions if too_long[0] else n) * factor(s.shape[-1], k)
    p = added(share(s) * real) / (positions if too_long[1] else n)
    return alpha * over_texts((f * p).sum(-1), lengths)


PADDED_SEQUENCE_LOSS = Exercise(
    "padded_sequence_loss",
    _draw,
    _loop,
    (
        Misconception(
            "padding counted",
            "Where all texts fill the tensor it is right. What stands behind a text's end chooses experts "
            "in your function. Does anybody compute for it?",
            (partial(_loss, padding=True),),
        ),
        Misconception(
            "divided by the padded length",
            "You leave padding out of a sum, and count it when you divide. Of how many tokens is your mean?",
            tuple(partial(_loss, too_long=which) for which in ((True, False), (False, True), (True, True))),
        ),
        Misconception(
            "texts weighed by length",
            "A long text counts for more than a short one in your mean. Over what does the last mean go?",
            (partial(_loss, over_texts=lambda of_text, n: (of_text * n).sum() / n.sum()),),
        ),
        Misconception(
            "over the whole batch",
            "You count all texts as one: what one of them has too much of, another may make good. Within "
            "what should the load be even?",
            (partial(_loss, added=_of_all, over_texts=lambda of_text, n: of_text.sum()),),
        ),
        Misconception(
            "shares not normalised",
            "Sigmoids of one token need not add up to 1, so your P is no share. Then all affinities falling "
            "together would lower the loss.",
            (partial(_loss, share=lambda s: s),),
        ),
        Misconception(
            "without the factor E / K",
            "For an even load the loss should be alpha, however many experts there are. What is yours then?",
            (
                partial(_loss, factor=lambda e, k: 1.0),
                partial(_loss, factor=lambda e, k: 1 / k),
                partial(_loss, factor=lambda e, k: e),
            ),
        ),
        Misconception(
            "f differentiable",
            "Part of your gradient comes through f. But a number of tokens is a whole number. By which of "
            "the two factors alone should the router be pushed?",
            (
                partial(_loss, counted=lambda picked, share: picked + share - share.detach()),
                partial(_loss, counted=lambda picked, share: picked * (1 + share - share.detach())),
                partial(_loss, counted=lambda picked, share: picked * share),
                partial(_loss, counted=lambda picked, share: share, factor=lambda e, k: e),
                partial(_loss, counted=lambda picked, share: share),
            ),
        ),
        Misconception(
            "summed over the texts",
            "Your loss grows with the number of texts in a batch. How is it made one number of many?",
            (partial(_loss, over_texts=lambda of_text, n: of_text.sum()),),
        ),
        Misconception(
            "no gradient",
            "The value is right, and the router learns nothing from it: the gradient is 0 everywhere. Where "
            "was it cut off?",
            (partial(_loss, share=lambda s: _shares(s).detach()),),
        ),
    ),
    lesson="06",
    observe=with_gradient,
    returns=("loss", "affinity.grad"),
    edges={
        "one text": lambda c: {n: c[n][:1] for n in ("affinity", "lengths")},
        "one token a text": lambda c: {"lengths": torch.ones_like(c["lengths"])},
        "no padding": lambda c: {"lengths": torch.full_like(c["lengths"], c["affinity"].shape[1])},
        "k is all": lambda c: {"k": c["affinity"].shape[2]},
        "a small alpha": lambda c: {"alpha": 0.001},
    },
)
