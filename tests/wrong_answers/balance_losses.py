"""Lessons 05 and 06: answers to `auxiliary_loss` and `sequence_loss`, whose gradients count, too."""

import torch
import torch.nn.functional as F

from lessons_lib.checks.balancing.sequence import SEQUENCE_LOSS
from lessons_lib.checks.experts.loss import AUXILIARY_LOSS
from wrong_answers import right, wrong


def even_multiple(ids, n_experts):
    """Return each expert's load as a multiple of the even share."""
    return torch.bincount(ids.flatten(), minlength=n_experts) * n_experts / ids.numel()


@right(AUXILIARY_LOSS)
def by_bincount(scores, ids, alpha):
    p = scores.softmax(dim=-1).mean(dim=0)
    return alpha * (even_multiple(ids, scores.shape[1]) * p).sum()


@right(AUXILIARY_LOSS)
def choice_by_choice(scores, ids, alpha):
    (n, n_experts), k = scores.shape, ids.shape[1]
    affinity, loss = torch.softmax(scores, 1), 0.0
    for row in ids.tolist():
        for expert in row:
            loss = loss + affinity[:, expert].sum() / n
    return alpha * n_experts / (k * n) * loss


@right(AUXILIARY_LOSS)
def affinities_normalised_once_more(scores, ids, alpha):
    affinity = scores.softmax(-1)
    p = (affinity / affinity.sum(-1, keepdim=True)).mean(0)
    f = F.one_hot(ids, scores.shape[1]).double().mean((0, 1)) * scores.shape[1]
    return alpha * f.float() @ p


@wrong(AUXILIARY_LOSS, "without the factor E / K")
def share_of_the_choices(scores, ids, alpha):
    f = torch.bincount(ids.flatten(), minlength=scores.shape[1]) / ids.numel()
    return alpha * (f * scores.softmax(-1).mean(0)).sum()


@wrong(AUXILIARY_LOSS, "without the factor E / K")
def share_of_the_tokens(scores, ids, alpha):
    chosen = torch.zeros_like(scores).scatter(1, ids, 1.0)
    return alpha * chosen.mean(0) @ scores.softmax(1).mean(0)


@wrong(AUXILIARY_LOSS, "without the factor E / K")
def times_experts_only(scores, ids, alpha):
    f = F.one_hot(ids, scores.shape[1]).sum(1).float().mean(0)
    return alpha * scores.shape[1] * torch.dot(f, scores.softmax(1).mean(0))


@wrong(AUXILIARY_LOSS, "without the factor E / K")
def tokens_as_they_are_counted(scores, ids, alpha):
    load = torch.bincount(ids.flatten(), minlength=scores.shape[1])
    return (load * scores.softmax(-1)).sum(-1).mean() * alpha


@wrong(AUXILIARY_LOSS, "f differentiable")
def straight_through(scores, ids, alpha):
    affinity = scores.softmax(-1)
    hard = torch.zeros_like(affinity).scatter(1, ids, 1.0)
    f = (hard + affinity - affinity.detach()).mean(0) * scores.shape[1] / ids.shape[1]
    return alpha * (f * affinity.mean(0)).sum()


@wrong(AUXILIARY_LOSS, "f differentiable")
def chosen_affinities_for_their_number(scores, ids, alpha):
    affinity = scores.softmax(-1)
    chosen = affinity.gather(1, ids)
    f = torch.zeros(scores.shape[1]).index_add(0, ids.flatten(), chosen.flatten())
    return alpha * scores.shape[1] / ids.numel() * (f * affinity.mean(0)).sum()


@wrong(AUXILIARY_LOSS, "f differentiable")
def mean_affinity_squared(scores, ids, alpha):
    p = scores.softmax(-1).mean(0)
    return alpha * scores.shape[1] * p.square().sum()


@wrong(AUXILIARY_LOSS, "no gradient")
def made_a_new_tensor(scores, ids, alpha):
    p = scores.softmax(-1).mean(0)
    return torch.tensor((alpha * (even_multiple(ids, scores.shape[1]) * p).sum()).item())


@wrong(AUXILIARY_LOSS, "no gradient")
@torch.no_grad()
def under_no_grad(scores, ids, alpha):
    return alpha * (even_multiple(ids, scores.shape[1]) * scores.softmax(1).mean(0)).sum()


@wrong(AUXILIARY_LOSS, "no gradient")
def detached(scores, ids, alpha):
    p = scores.detach().softmax(-1).mean(0)
    return torch.dot(even_multiple(ids, scores.shape[1]), p) * alpha


@wrong(AUXILIARY_LOSS, "summed over the tokens")
def sum_for_mean(scores, ids, alpha):
    return alpha * (even_multiple(ids, scores.shape[1]) * scores.softmax(-1).sum(0)).sum()


@wrong(AUXILIARY_LOSS, "summed over the tokens")
def token_after_token(scores, ids, alpha):
    f = even_multiple(ids, scores.shape[1])
    return alpha * sum(torch.dot(f, row.softmax(0)) for row in scores)


@wrong(AUXILIARY_LOSS, "softmax over the tokens")
def first_axis(scores, ids, alpha):
    p = scores.softmax(dim=0).mean(dim=0)
    return alpha * (even_multiple(ids, scores.shape[1]) * p).sum()


@wrong(AUXILIARY_LOSS, "softmax over the tokens")
def columns(scores, ids, alpha):
    affinity = scores.exp() / scores.exp().sum(0, keepdim=True)
    return alpha * (affinity @ even_multiple(ids, scores.shape[1])).mean()


def chosen(affinity, k):
    """Return 1 where an expert is among a token's best, 0 elsewhere."""
    return torch.zeros_like(affinity).scatter(-1, affinity.topk(k, dim=-1).indices, 1.0)


def shares(affinity):
    return affinity / affinity.sum(-1, keepdim=True)


@right(SEQUENCE_LOSS)
def all_texts_at_once(affinity, k, alpha):
    f = chosen(affinity, k).mean(1) * affinity.shape[-1] / k
    return alpha * (f * shares(affinity).mean(1)).sum(-1).mean()


@right(SEQUENCE_LOSS)
def text_by_text(affinity, k, alpha):
    losses, n_experts = [], affinity.shape[2]
    for text in affinity:
        ids = text.argsort(dim=1, descending=True)[:, :k]
        p = F.normalize(text, p=1, dim=1).mean(dim=0)
        losses.append((even_multiple(ids, n_experts) * p).sum())
    return alpha * torch.stack(losses).mean()


@wrong(SEQUENCE_LOSS, "over the whole batch")
def texts_joined(affinity, k, alpha):
    s = affinity.flatten(0, 1)
    f = even_multiple(s.topk(k).indices, s.shape[1])
    return alpha * (f * shares(s).mean(0)).sum()


@wrong(SEQUENCE_LOSS, "over the whole batch")
def mean_over_both_axes(affinity, k, alpha):
    f, p = (x.mean(dim=(0, 1)) for x in (chosen(affinity, k), shares(affinity)))
    return alpha * affinity.shape[-1] / k * f @ p


@wrong(SEQUENCE_LOSS, "mean over the wrong axis")
def over_the_texts(affinity, k, alpha):
    f = chosen(affinity, k).mean(0) * affinity.shape[-1] / k
    return alpha * (f * shares(affinity).mean(0)).sum(-1).mean()


@wrong(SEQUENCE_LOSS, "mean over the wrong axis")
def position_by_position(affinity, k, alpha):
    total = 0.0
    for at in affinity.unbind(1):
        ids = at.topk(k).indices
        total = total + torch.dot(even_multiple(ids, at.shape[1]), shares(at).mean(0))
    return alpha * total / affinity.shape[1]


@wrong(SEQUENCE_LOSS, "shares not normalised")
def mean_affinity(affinity, k, alpha):
    f = chosen(affinity, k).mean(1) * affinity.shape[-1] / k
    return alpha * (f * affinity.mean(1)).sum(-1).mean()


@wrong(SEQUENCE_LOSS, "shares not normalised")
def affinities_text_by_text(affinity, k, alpha):
    losses = [even_multiple(s.topk(k).indices, s.shape[1]) @ s.mean(0) for s in affinity]
    return alpha * sum(losses) / len(losses)


@wrong(SEQUENCE_LOSS, "without the factor E / K")
def share_of_tokens(affinity, k, alpha):
    f, p = chosen(affinity, k).mean(1), shares(affinity).mean(1)
    return alpha * (f * p).sum(-1).mean()


@wrong(SEQUENCE_LOSS, "without the factor E / K")
def share_of_choices(affinity, k, alpha):
    losses = []
    for s in affinity:
        load = torch.bincount(s.topk(k).indices.flatten(), minlength=s.shape[1])
        losses.append((load / load.sum() * shares(s).mean(0)).sum())
    return alpha * torch.stack(losses).mean()


@wrong(SEQUENCE_LOSS, "without the factor E / K")
def times_all_experts(affinity, k, alpha):
    f = affinity.shape[-1] * chosen(affinity, k).sum(1) / affinity.shape[1]
    return alpha * torch.einsum("be,be->b", f, shares(affinity).mean(1)).mean()


@wrong(SEQUENCE_LOSS, "f differentiable")
def share_of_the_chosen_for_their_number(affinity, k, alpha):
    p = shares(affinity)
    f = (chosen(affinity, k) * p).mean(1) * affinity.shape[-1] / k
    return alpha * (f * p.mean(1)).sum(-1).mean()


@wrong(SEQUENCE_LOSS, "f differentiable")
def straight_through_shares(affinity, k, alpha):
    p = shares(affinity)
    f = chosen(affinity, k) + (p - p.detach())
    return alpha * affinity.shape[-1] / k * torch.einsum("be,be->b", f.mean(1), p.mean(1)).mean()


@wrong(SEQUENCE_LOSS, "f differentiable")
def shares_squared(affinity, k, alpha):
    p = F.normalize(affinity, p=1, dim=-1).mean(1)
    return alpha * affinity.shape[-1] * p.square().sum(-1).mean()


@wrong(SEQUENCE_LOSS, "summed over the texts")
def total_of_the_batch(affinity, k, alpha):
    f = chosen(affinity, k).mean(1) * affinity.shape[-1] / k
    return alpha * (f * shares(affinity).mean(1)).sum()


@wrong(SEQUENCE_LOSS, "summed over the texts")
def text_after_text(affinity, k, alpha):
    loss = 0.0
    for s in affinity:
        loss += alpha * (even_multiple(s.topk(k).indices, s.shape[1]) * shares(s).mean(0)).sum()
    return loss


@wrong(SEQUENCE_LOSS, "no gradient")
@torch.no_grad()
def measured_only(affinity, k, alpha):
    f = chosen(affinity, k).mean(1) * affinity.shape[-1] / k
    return alpha * (f * shares(affinity).mean(1)).sum(-1).mean()


@wrong(SEQUENCE_LOSS, "no gradient")
def rounded_on_the_way(affinity, k, alpha):
    p = torch.tensor(shares(affinity).tolist()).mean(1)
    f = chosen(affinity, k).mean(1) * affinity.shape[-1] / k
    return alpha * torch.einsum("be,be->b", f, p).mean()
