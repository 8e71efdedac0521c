"""What many samples of one problem are worth: pass@k, majority vote, best-of-n with a verifier that errs.

Three ways to spend n answers, by what chooses among them:
  pass@k      nothing has to choose: is one of k right? An upper bound, since somebody must know which;
  vote        the answers choose: the most frequent one wins;
  best-of-n   a verifier chooses, and may be wrong.
Sources: Chen et al., arXiv:2107.03374 (the estimator); Wang et al., arXiv:2203.11171 (self-consistency).
Left out: weighted votes, learned reward models, tree search.

Letters in line comments: P problems, S samples of each, G groups of k samples, A possible answers.
`answers` hold whole numbers from 0, and `NO_ANSWER` where there is nothing to read.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

NO_ANSWER = -1


def pass_at_k(correct: Tensor, k: int) -> Tensor:
    """Return (problems,) float64: the chance that k of the samples, drawn without return, hold a right one.

    `correct` (problems, samples) is True where a sample is right. With c of n right the chance is
    1 - C(n-c, k) / C(n, k), computed as a product of n - c - j over n - j, which cannot overflow.
    Raises ValueError unless 1 <= k <= samples.
    """
    n = correct.shape[1]
    _check_k(k, n)
    wrong = n - correct.sum(1, dtype=torch.float64)  # (P,)
    left = torch.arange(k, dtype=torch.float64)  # j samples are drawn already, all of them wrong
    next_is_wrong = (wrong[:, None] - left) / (n - left)  # (P, k); one factor is 0 where wrong ones run out
    return 1 - next_is_wrong.prod(1)


def plug_in_pass_at_k(correct: Tensor, k: int) -> Tensor:
    """Return (problems,) the naive 1 - (1 - c/n)^k, which is too low on average: shown, never used."""
    return 1 - (1 - correct.double().mean(1)) ** k


def winners(answers: Tensor, n_answers: int) -> Tensor:
    """Return (..., n_answers) bool: which answers have the most votes in `answers` (..., votes).

    `NO_ANSWER` does not vote; where nobody does, nobody wins. Several winners are a tie.
    """
    votes = F.one_hot(answers + 1, n_answers + 1)[..., 1:].sum(-2)  # (..., A), abstentions cut off
    most = votes.amax(-1, keepdim=True)
    return (votes == most) & (most > 0)


def vote_accuracy(answers: Tensor, right: Tensor, k: int, n_answers: int) -> Tensor:
    """Return (problems,) float64: how often a majority of k samples elects the answer `right` (problems,).

    The samples (problems, samples) are cut into samples // k groups, each of which votes once. A tie is
    decided by lot: of m tied answers the right one counts 1 / m.
    """
    grouped = _groups(answers, k)  # (P, G, k)
    won = winners(grouped, n_answers)  # (P, G, A)
    share = won.double() / won.sum(-1, keepdim=True).clamp(min=1)
    chosen = right[:, None, None].expand(*share.shape[:2], 1)  # (P, G, 1)
    return share.gather(-1, chosen).squeeze(-1).mean(1)


def judge_with_noise(
    correct: Tensor, answers: Tensor, noise: float, generator: torch.Generator, *, fixed: bool = False
) -> Tensor:
    """Return scores (problems, samples) of a verifier that errs: 1 for right, 0 for wrong, plus noise.

    The noise is normal with standard deviation `noise`. It is drawn anew for every sample, or, with
    `fixed`, once for every answer of a problem: then the same answer is misjudged every time. What
    cannot be read scores minus infinity.
    """
    n_answers = int(answers.max()) + 1
    if fixed:
        per_answer = torch.randn(len(answers), max(n_answers, 1), generator=generator)  # (P, A)
        drawn = per_answer.gather(1, answers.clamp(min=0))  # (P, S)
    else:
        drawn = torch.randn(answers.shape, generator=generator)
    return (correct + noise * drawn).masked_fill(answers == NO_ANSWER, -math.inf)


def best_of_n(correct: Tensor, scores: Tensor, n: int) -> Tensor:
    """Return (problems,) float64: how often the best-scored of n samples is right.

    Samples are cut into groups of n as in `vote_accuracy`; of equal scores the first counts, and a group
    in which nothing could be read is wrong.
    """
    scores, correct = _groups(scores, n), _groups(correct, n)  # (P, G, n)
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
