"""Group relative policy optimisation (GRPO): from rewards to the loss whose gradient raises them.

Four ideas:
  group      several answers to one question are judged against each other: an answer's advantage is its
             reward minus the group's mean, in units of the group's standard deviation. No second network
             has to guess how hard the question was;
  ratio      answers written by a slightly older model are weighted by new probability / old probability,
             of each token, or of the whole answer as a mean per token (level="sequence", GSPO);
  clip       a ratio that has left [1 - clip_low, 1 + clip_high] in the direction that its advantage pushes
             is held there and has no gradient. One that left in the other direction is still pulled back;
  reference  beta times an estimate of the divergence from a reference model joins each token's loss.

How the tokens' losses become one number is `aggregation`, and that alone tells the variants apart:
  "grpo"          mean over an answer's tokens, then over answers: a long answer's token counts for less;
  "bnpo", "dapo"  mean over all tokens of the batch. DAPO's own mean is over the tokens of one group; on one
                  process TRL's two are the same number. Its wider upper clip is `clip_high`;
  "dr_grpo"       sum divided by a constant, answers times `max_len`: no answer's length counts. Dr. GRPO
                  also leaves out the standard deviation: `normalize_std=False`.

The papers do not say which standard deviation; TRL takes the sample's (divided by n - 1), and so do we.
TRL multiplies the divergence by the ratio unless `use_bias_correction_kl=False`; here it is as in the paper.

Sources: DeepSeekMath, arXiv:2402.03300, equations 3 and 4; Dr. GRPO, arXiv:2503.20783; DAPO,
arXiv:2503.14476; GSPO, arXiv:2507.18071; `GRPOTrainer` of TRL 1.16.
Letters: B answers, T positions, G answers to one question.
"""

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from lessons_lib.config.reasoning import Aggregation, Level
from lessons_lib.signatures import checked

AGGREGATIONS, LEVELS = get_args(Aggregation), get_args(Level)
Estimate = Literal["k1", "k2", "k3"]


@checked(group_size="1..", eps="0<..")
def group_advantages(
    rewards: Tensor | Sequence[float | bool], group_size: int, normalize_std: bool = True, eps: float = 1e-4
) -> Tensor:
    """Return the advantages (B,) of rewards (B,), each group of G answers standing in one piece.

    `eps` keeps a group of equal rewards at 0, also where their mean is off by a rounding error. A group of
    one answer has nothing to be compared with: 0.
    """
    rewards = torch.as_tensor(rewards)
    if rewards.dim() != 1 or rewards.is_complex():
        raise ValueError(f"rewards must be one number per answer, shape (B,), got {tuple(rewards.shape)}")
    if len(rewards) % group_size or not len(rewards):
        raise ValueError(f"{len(rewards)} rewards cannot be cut into groups of {group_size}")
    if not rewards.is_floating_point():
        rewards = rewards.float()  # right or wrong may come as True or False
    if not rewards.isfinite().all():
        raise ValueError(f"rewards must be finite, got {rewards[~rewards.isfinite()][0].item()}")
    groups = rewards.view(-1, group_size)  # (questions, G)
    centred = groups - groups.mean(dim=1, keepdim=True)
    if normalize_std and group_size > 1:
        centred = centred / (groups.std(dim=1, keepdim=True) + eps)
    return centred.flatten()


@checked(logps="float ...", ref_logps="float ...")
def kl_estimate(logps: Tensor, ref_logps: Tensor, kind: Estimate = "k3") -> Tensor:
    """Return, for each sampled token, an estimate of KL(model || reference) from its two log-probabilities.

    Averaged over tokens that the model sampled, k1 and k3 tend to the divergence, k2 only near it. k3 is
    never negative and is what the loss uses. As a loss, k1's gradient averages to zero, k2's to that of the
    divergence, k3's to that of KL(reference || model), the other direction.
    """
    if logps.shape != ref_logps.shape:
        raise ValueError(
            f"ref_logps must have the shape of logps, {tuple(logps.shape)}; got {tuple(ref_logps.shape)}"
        )
    apart = ref_logps - logps
    if kind == "k1":
        return -apart
    if kind == "k2":
        return apart.square() / 2
    return apart.exp() - apart - 1


@checked(
    logps="float answers positions",
    advantages="number answers",
    mask="mask answers positions",
    ref_logps="float answers positions",
    beta="0..",
    clip_low="0..",
    clip_high="0..inf",
    max_len="1..",
)
def grpo_loss(
    logps: Tensor,
    old_logps: Tensor | None,
    advantages: Tensor,
    mask: Tensor,
    *,
    ref_logps: Tensor | None = None,
    beta: float = 0.0,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    aggregation: Aggregation = "grpo",
    level: Level = "token",
    max_len: int | None = None,
) -> Tensor:
    """Return the loss of sampled tokens with log-probabilities `logps` (B, T), to be minimised.

    `mask` (B, T) is true where a token was sampled: not in the prompt, not after the end; what stands
    elsewhere may be anything, NaN too. `old_logps` (B, T) are those of the model that sampled; None says
    that it is this very one, so every ratio is 1 and only its gradient is left. `advantages` (B,) hold for
    all tokens of an answer. Only `logps` has a gradient; an answer without tokens adds 0.
    """
    _check(logps, old_logps, advantages, ref_logps, beta, aggregation, max_len)
    mask = mask.bool()
    # before any exp: 0 times infinity is NaN, in the gradient too
    logps = logps.masked_fill(~mask, 0.0)
    old_logps = logps.detach() if old_logps is None else old_logps.detach().masked_fill(~mask, 0.0)
    advantages = advantages.detach().to(logps.dtype).unsqueeze(1)  # (B, 1)
    lengths = mask.sum(dim=1).clamp(min=1)  # (B,)

    log_ratio = logps - old_logps  # (B, T)
    if level == "sequence":
        log_ratio = (log_ratio.sum(dim=1) / lengths).unsqueeze(1)  # (B, 1)
    # where the clip holds anyway, or nothing is learned, no exp runs over: 0 times infinity again
    most = math.log(torch.finfo(log_ratio.dtype).max) - 1
    log_ratio = torch.where(advantages < 0, log_ratio, log_ratio.clamp(max=most))
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    losses = -torch.min(ratio * advantages, clipped * advantages)  # (B, T) or (B, 1)
    if ref_logps is not None and beta:
        ref_logps = ref_logps.detach().masked_fill(~mask, 0.0)
        losses = losses + beta * kl_estimate(logps, ref_logps)  # (B, T)
    per_answer = (losses * mask).sum(dim=1)  # (B,)

    if aggregation == "grpo":
        return (per_answer / lengths).mean()
    if aggregation == "dr_grpo" and max_len is not None:
        return per_answer.sum() / (len(mask) * max_len)
    return per_answer.sum() / mask.sum().clamp(min=1)


def _check(logps, old_logps, advantages, ref_logps, beta, aggregation, max_len) -> None:
    """Refuse what single annotations do not show."""
    if aggregation == "dr_grpo" and max_len is None:
        raise ValueError("dr_grpo divides by max_len, the most tokens an answer may have; got None")
    if beta and ref_logps is None:
        raise ValueError(f"beta is {beta}, which needs ref_logps, the reference model's log-probabilities")
    if not advantages.isfinite().all():
        raise ValueError(f"advantages must be finite, got {advantages[~advantages.isfinite()][0].item()}")
    if old_logps is not None and old_logps.shape != logps.shape:
        raise ValueError(
            f"old_logps must have the shape of logps, {tuple(logps.shape)}; got {tuple(old_logps.shape)}"
        )
    if 0 in logps.shape:
        raise ValueError(f"logps must hold an answer and a position at least, got shape {tuple(logps.shape)}")
