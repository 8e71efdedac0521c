"""What many samples of one problem are worth: pass@k, majority vote, best-of-n with a verifier that errs.

Three ways to spend n answers, by what chooses among them:
  pass@k      nothing has to choose: is one of k right? An upper bound, since somebody must know which;
  vote        the answers choose: the most frequent one wins, or, with weights, the one of most weight;
  best-of-n   a verifier chooses, and may be wrong.
Sources: Chen et al., arXiv:2107.03374 (the estimator); Wang et al., arXiv:2203.11171 (self-consistency).
Left out: learned reward models, tree search.

Letters in line comments: P problems, S samples of each, G groups of k samples, A possible answers.
`answers` hold whole numbers from 0, and `NO_ANSWER` where there is nothing to read.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.signatures import checked

NO_ANSWER = -1
MOST_ANSWERS = 10**6  # that `judge_with_noise` keeps apart


@checked(correct="mask problems samples", k="1..")
def pass_at_k(correct: Tensor, k: int) -> Tensor:
    """Return (problems,) float64: the chance that k of the samples, drawn without return, hold a right one.

    `correct` (problems, samples) is True where a sample is right. With c of n right the chance is
    1 - C(n-c, k) / C(n, k), computed as a product of n - c - j over n - j, which cannot overflow.
    Raises ValueError unless 1 <= k <= samples.
    """
    n = correct.shape[1]
    _check_k(k, n)
    _check_mask(correct)
    wrong = n - correct.sum(1, dtype=torch.float64)  # (P,)
    left = torch.arange(k, dtype=torch.float64)  # j samples are drawn already, all of them wrong
    next_is_wrong = (wrong[:, None] - left) / (n - left)  # (P, k); one factor is 0 where wrong ones run out
    return 1 - next_is_wrong.prod(1)


@checked(correct="mask problems samples", k="1..")
def plug_in_pass_at_k(correct: Tensor, k: int) -> Tensor:
    """Return (problems,) the naive 1 - (1 - c/n)^k, which is too low on average: shown, never used."""
    _check_mask(correct)
    return 1 - (1 - correct.double().mean(1)) ** k


@checked(answers="whole ... votes", n_answers="1..", weights="number ... votes")
def winners(answers: Tensor, n_answers: int, weights: Tensor | None = None) -> Tensor:
    """Return (..., n_answers) bool: which answers have the most votes in `answers` (..., votes).

    `NO_ANSWER` does not vote; where nobody does, nobody wins. Several winners are a tie. `weights`, of the
    shape of `answers` and not negative, say what each vote counts; without them it counts 1.
    """
    _check_answers(answers, n_answers)
    ballots = F.one_hot(answers + 1, n_answers + 1)[..., 1:]  # (..., votes, A), abstentions cut off
    if weights is not None:
        _check_weights(weights)
        ballots = ballots * weights.double()[..., None]
    votes = ballots.sum(-2)  # (..., A)
    most = votes.amax(-1, keepdim=True)
    return (votes == most) & (most > 0)


@checked(
    answers="whole problems samples",
    right="whole problems",
    k="1..",
    n_answers="1..",
    weights="number problems samples",
)
def vote_accuracy(
    answers: Tensor, right: Tensor, k: int, n_answers: int, weights: Tensor | None = None
) -> Tensor:
    """Return (problems,) float64: how often a majority of k samples elects the answer `right` (problems,).

    The samples (problems, samples) are cut into samples // k groups, each of which votes once, with
    `weights` (problems, samples) if given. A tie is decided by lot: of m tied answers the right one counts
    1 / m.
    """
    _check_answers(right, n_answers, least=0)
    grouped = _groups(answers, k)  # (P, G, k)
    won = winners(grouped, n_answers, None if weights is None else _groups(weights, k))  # (P, G, A)
    share = won.double() / won.sum(-1, keepdim=True).clamp(min=1)
    chosen = right[:, None, None].expand(*share.shape[:2], 1)  # (P, G, 1)
    return share.gather(-1, chosen).squeeze(-1).mean(1)


@checked(
    correct="mask problems samples",
    lengths="whole problems samples",
    trusted="mask problems samples",
    most="1..",
)
def until_trusted(correct: Tensor, lengths: Tensor, trusted: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return (right, tokens), both (problems,) float64, of asking again until an answer is `trusted`.

    All three are (problems, samples). Samples are cut into groups of `most`: the first trusted one of a group
    is taken, its last one where none is; what was written until then is paid.
    """
    _check_mask(correct)
    _check_mask(trusted)
    correct, lengths, trusted = (_groups(of, most) for of in (correct, lengths, trusted))  # (P, G, most)
    stop = trusted.bool().clone()
    stop[..., -1] = True
    taken = stop.int().argmax(-1, keepdim=True)  # (P, G, 1): the first one
    right = correct.double().gather(-1, taken).squeeze(-1)
    paid = lengths.double().cumsum(-1).gather(-1, taken).squeeze(-1)
    return right.mean(1), paid.mean(1)


@checked(correct="mask problems samples", answers="whole problems samples", noise="0..")
def judge_with_noise(
    correct: Tensor, answers: Tensor, noise: float, generator: torch.Generator, *, fixed: bool = False
) -> Tensor:
    """Return scores (problems, samples) of a verifier that errs: 1 for right, 0 for wrong, plus noise.

    The noise is normal with standard deviation `noise`. It is drawn anew for every sample, or, with
    `fixed`, once for every answer of a problem: then the same answer is misjudged every time. What
    cannot be read scores minus infinity.
    """
    _check_mask(correct)
    _check_answers(answers, MOST_ANSWERS)
    n_answers = int(answers.max()) + 1
    if fixed:
        per_answer = torch.randn(len(answers), max(n_answers, 1), generator=generator)  # (P, A)
        drawn = per_answer.gather(1, answers.clamp(min=0))  # (P, S)
    else:
        drawn = torch.randn(answers.shape, generator=generator)
    return (correct + noise * drawn).masked_fill(answers == NO_ANSWER, -math.inf)


@checked(correct="mask problems samples", scores="float problems samples", n="1..")
def best_of_n(correct: Tensor, scores: Tensor, n: int) -> Tensor:
    """Return (problems,) float64: how often the best-scored of n samples is right.

    Samples are cut into groups of n as in `vote_accuracy`; of equal scores the first counts, and a group
    in which nothing could be read is wrong.
    """
    _check_mask(correct)
    if scores.isnan().any():
        raise ValueError("a score is nan: what cannot be read scores minus infinity")
    scores, correct = _groups(scores, n), _groups(correct.bool(), n)  # (P, G, n)
    best = scores.argmax(-1, keepdim=True)  # (P, G, 1)
    taken = correct.gather(-1, best) & scores.gather(-1, best).isfinite()
    return taken.double().squeeze(-1).mean(1)


def _groups(samples: Tensor, k: int) -> Tensor:
    """Cut (problems, samples) into (problems, samples // k, k); what is left over is not used."""
    _check_k(k, samples.shape[1])
    n_groups = samples.shape[1] // k
    return samples[:, : n_groups * k].unflatten(1, (n_groups, k))


def _check_k(k: int, n: int) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"k={k} samples cannot be taken from {n}: it must be from 1 to {n}")


def _check_weights(weights: Tensor) -> None:
    if not (weights >= 0).all() or weights.isinf().any():
        raise ValueError("a vote's weight must be a finite number, 0 or more")


def _check_mask(correct: Tensor) -> None:
    if not correct.numel():
        raise ValueError(f"there are no samples: correct has shape {tuple(correct.shape)}")
    if correct.dtype != torch.bool and not ((correct == 0) | (correct == 1)).all():
        raise ValueError("correct must be True or False, or 1 and 0, for every sample")


def _check_answers(answers: Tensor, n_answers: int, least: int = NO_ANSWER) -> None:
    if not answers.numel():
        raise ValueError(f"there are no answers: got shape {tuple(answers.shape)}")
    low, high = int(answers.min()), int(answers.max())
    if low < least or high >= n_answers:
        raise ValueError(f"answers must be from {least} to {n_answers - 1}, got {low} to {high}")
