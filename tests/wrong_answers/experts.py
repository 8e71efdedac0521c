"""Lesson 05: answers to the exercises on routing, dispatch, load, its loss, and size."""

import torch
import torch.nn.functional as F

from lessons_lib.checks.experts.dispatch import ASK_EXPERTS
from lessons_lib.checks.experts.load import LOAD_SHARES
from lessons_lib.checks.experts.loss import DEVICE_LOSS
from lessons_lib.checks.experts.route import ROUTE, ROUTE_TO_ONE
from lessons_lib.checks.experts.size import COUNT_PARAMETERS
from wrong_answers import refused, right, wrong


@right(ROUTE)
def affinities_over_their_sum(scores, k):
    best = scores.softmax(dim=-1).topk(k, dim=-1)
    return best.indices, best.values / best.values.sum(dim=-1, keepdim=True)


@right(ROUTE)
def softmax_of_the_chosen(scores, k):
    chosen, ids = torch.sort(scores, dim=1, descending=True)
    return ids[:, :k], chosen[:, :k].softmax(dim=1)


@right(ROUTE)
def token_by_token(scores, k):
    ids, weights = [], []
    for row in scores:
        rise = row.double().exp()
        order = sorted(range(len(row)), key=lambda i: rise[i].item(), reverse=True)[:k]
        ids.append(torch.tensor(order))
        weights.append(rise[order] / rise[order].sum())
    return torch.stack(ids), torch.stack(weights)


@wrong(ROUTE, "weights not normalised")
def division_forgotten(scores, k):
    values, ids = scores.softmax(dim=-1).topk(k)
    return ids, values


@wrong(ROUTE, "weights not normalised")
def gathered_and_handed_on(scores, k):
    affinity = scores.exp() / scores.exp().sum(1, keepdim=True)
    ids = affinity.argsort(1, descending=True)[:, :k]
    return ids, affinity.gather(1, ids)


@wrong(ROUTE, "softmax over the tokens")
def first_axis(scores, k):
    best = scores.softmax(dim=0).topk(k, dim=1)
    return best.indices, best.values / best.values.sum(1, keepdim=True)


@wrong(ROUTE, "softmax over the tokens")
def divided_by_the_columns(scores, k):
    affinity = scores.exp() / scores.exp().sum(0)
    values, ids = affinity.topk(k)
    return ids, F.normalize(values, p=1, dim=1)


@wrong(ROUTE, "scores for affinities")
def softmax_forgotten(scores, k):
    values, ids = scores.topk(k)
    return ids, values / values.sum(1, keepdim=True)


@wrong(ROUTE, "scores for affinities")
def scores_as_weights(scores, k):
    ids = scores.argsort(dim=-1, descending=True)[:, :k]
    return ids, torch.take_along_dim(scores, ids, dim=-1)


@wrong(ROUTE, "all chosen weigh the same")
def one_over_k(scores, k):
    ids = scores.topk(k).indices
    return ids, torch.full(ids.shape, 1 / k)


@wrong(ROUTE, "all chosen weigh the same")
def softmax_of_ones(scores, k):
    _, ids = scores.softmax(-1).topk(k)
    return ids, torch.ones_like(ids, dtype=torch.float64).softmax(-1)


@wrong(ROUTE, "worst experts chosen")
def smallest_first(scores, k):
    affinity = scores.softmax(-1)
    ids = affinity.argsort(-1)[:, :k]
    weights = affinity.gather(-1, ids)
    return ids, weights / weights.sum(-1, keepdim=True)


@wrong(ROUTE, "worst experts chosen")
def best_of_the_negative(scores, k):
    _, ids = (-scores).topk(k, dim=-1)
    return ids, scores.gather(-1, ids).softmax(-1)


@right(ROUTE_TO_ONE)
def largest_affinity(scores):
    best = scores.softmax(dim=-1).max(dim=-1)
    return best.indices, best.values


@right(ROUTE_TO_ONE)
def one_over_the_others(scores):
    ids = scores.argmax(dim=1)
    above = scores - scores.gather(1, ids[:, None])
    return ids, 1 / above.exp().sum(dim=1)


@wrong(ROUTE_TO_ONE, "top-1 normalised")
def divided_by_its_own_sum(scores):
    best = scores.softmax(-1).topk(1)
    weights = best.values / best.values.sum(-1, keepdim=True)
    return best.indices.squeeze(-1), weights.squeeze(-1)


@wrong(ROUTE_TO_ONE, "top-1 normalised")
def softmax_of_one(scores):
    values, ids = scores.topk(1, dim=1)
    return ids[:, 0], values.softmax(dim=1)[:, 0]


@wrong(ROUTE_TO_ONE, "top-1 normalised")
def hard_choice(scores):
    ids = scores.argmax(-1)
    return ids, F.one_hot(ids, scores.shape[1]).float().amax(-1)


@wrong(ROUTE_TO_ONE, "weight cut off from the scores")
def detached_at_the_start(scores):
    best = scores.detach().softmax(dim=-1).max(dim=-1)
    return best.indices, best.values


@wrong(ROUTE_TO_ONE, "weight cut off from the scores")
def collected_as_python_numbers(scores):
    ids, weights = [], []
    for affinity in scores.softmax(1):
        ids.append(int(affinity.argmax()))
        weights.append(affinity[ids[-1]].item())
    return torch.tensor(ids), torch.tensor(weights)


@wrong(ROUTE_TO_ONE, "weight cut off from the scores")
def gradients_switched_off(scores):
    with torch.no_grad():
        weights, ids = torch.topk(scores.exp() / scores.exp().sum(-1, keepdim=True), 1)
    return ids.flatten(), weights.flatten()


@wrong(ROUTE_TO_ONE, "score for affinity")
def maximum_of_the_scores(scores):
    values, ids = scores.max(dim=-1)
    return ids, values


@wrong(ROUTE_TO_ONE, "score for affinity")
def score_at_the_best(scores):
    ids = scores.softmax(-1).argmax(-1)
    return ids, scores[range(len(scores)), ids]


@wrong(ROUTE_TO_ONE, "softmax over the tokens")
def columns_then_best(scores):
    best = scores.softmax(0).max(1)
    return best.indices, best.values


@wrong(ROUTE_TO_ONE, "softmax over the tokens")
def best_then_columns(scores):
    ids = scores.argmax(1)
    affinity = torch.exp(scores) / torch.exp(scores).sum(dim=0, keepdim=True)
    return ids, affinity.gather(1, ids.unsqueeze(1)).squeeze(1)


@wrong(ROUTE_TO_ONE, "each expert judged alone")
def sigmoid_of_the_best(scores):
    values, ids = scores.max(1)
    return ids, values.sigmoid()


@wrong(ROUTE_TO_ONE, "each expert judged alone")
def best_of_the_sigmoids(scores):
    affinity = 1 / (1 + torch.exp(-scores))
    return affinity.argmax(-1), affinity.amax(-1)


def slips_of(ids):
    """Return the slips' order, expert by expert, and whose each one is."""
    order = ids.flatten().argsort(stable=True)
    return order, order // ids.shape[1]


def work(rows, experts, matrices):
    """Let each row be answered by its expert."""
    return torch.stack([matrices[e] @ row for row, e in zip(rows, experts.tolist(), strict=True)])


@right(ASK_EXPERTS)
def by_loop_over_experts(x, ids, weights, matrices):
    answer = torch.zeros_like(x)
    for expert, matrix in enumerate(matrices):
        token, choice = (ids == expert).nonzero(as_tuple=True)
        answer[token] += weights[token, choice, None] * (x[token] @ matrix.T)
    return answer


@right(ASK_EXPERTS)
def masked(x, ids, weights, matrices):
    g = torch.zeros(len(x), len(matrices)).scatter(1, ids, weights)
    return torch.einsum("ne,eij,nj->ni", g, matrices, x)


@right(ASK_EXPERTS)
def sorted_and_put_back(x, ids, weights, matrices):
    order, token = slips_of(ids)
    found = work(x[token], ids.flatten()[order], matrices)
    found = torch.empty_like(found).index_copy(0, order, found)
    return (found.unflatten(0, ids.shape) * weights.unsqueeze(-1)).sum(1)


@right(ASK_EXPERTS)
def sorted_and_added(x, ids, weights, matrices):
    order, token = slips_of(ids)
    found = work(x[token], ids.flatten()[order], matrices) * weights.flatten()[order].unsqueeze(1)
    return torch.zeros_like(x).index_add(0, token, found)


@wrong(ASK_EXPERTS, "answers not weighted")
def summed_as_they_are(x, ids, weights, matrices):
    return torch.einsum("nkij,nj->ni", matrices[ids], x)


@wrong(ASK_EXPERTS, "answers not weighted")
def mean_of_the_answers(x, ids, weights, matrices):
    return torch.stack([matrices[chosen].mean(0) @ row for chosen, row in zip(ids, x, strict=True)])


@wrong(ASK_EXPERTS, "answers not weighted")
def sorted_without_weights(x, ids, weights, matrices):
    order, token = slips_of(ids)
    return torch.zeros_like(x).index_add(0, token, work(x[token], ids.flatten()[order], matrices))


@wrong(ASK_EXPERTS, "overwritten, not added")
def assigned_in_the_loop(x, ids, weights, matrices):
    answer = torch.zeros_like(x)
    for expert, matrix in enumerate(matrices):
        token, choice = (ids == expert).nonzero(as_tuple=True)
        answer[token] = weights[token, choice, None] * (x[token] @ matrix.T)
    return answer


@wrong(ASK_EXPERTS, "overwritten, not added")
def last_choice_wins(x, ids, weights, matrices):
    for choice in range(ids.shape[1]):
        answer = torch.stack([matrices[e] @ row for e, row in zip(ids[:, choice], x, strict=True)])
        answer = answer * weights[:, choice, None]
    return answer


@wrong(ASK_EXPERTS, "overwritten, not added")
def written_slip_by_slip(x, ids, weights, matrices):
    order, token = slips_of(ids)
    found = work(x[token], ids.flatten()[order], matrices) * weights.flatten()[order, None]
    answer = torch.zeros_like(x)
    for place, row in zip(token.tolist(), found, strict=True):
        answer[place] = row
    return answer


@wrong(ASK_EXPERTS, "first expert only")
def best_choice(x, ids, weights, matrices):
    return weights[:, :1] * torch.einsum("nij,nj->ni", matrices[ids[:, 0]], x)


@wrong(ASK_EXPERTS, "first expert only")
def returned_too_early(x, ids, weights, matrices):
    answer = torch.zeros_like(x)
    for choice in range(ids.shape[1]):
        for t, row in enumerate(x):
            answer[t] += weights[t, choice] * matrices[ids[t, choice]] @ row
        return answer


@wrong(ASK_EXPERTS, "order lost after the sort")
def summed_where_they_lie(x, ids, weights, matrices):
    order, token = slips_of(ids)
    found = work(x[token], ids.flatten()[order], matrices) * weights.flatten()[order, None]
    return found.view(len(x), ids.shape[1], -1).sum(1)


@wrong(ASK_EXPERTS, "order lost after the sort")
def weighed_where_they_lie(x, ids, weights, matrices):
    experts, order = ids.flatten().sort(stable=True)
    found = work(x.repeat_interleave(ids.shape[1], 0)[order], experts, matrices)
    return torch.einsum("nk,nkd->nd", weights, found.view(*ids.shape, -1))


@wrong(ASK_EXPERTS, "order lost after the sort")
def order_for_its_inverse(x, ids, weights, matrices):
    order, token = slips_of(ids)
    found = work(x[token], ids.flatten()[order], matrices)[order]
    return (found.view(*ids.shape, -1) * weights[..., None]).sum(1)


@wrong(ASK_EXPERTS, "slip mistaken for token")
def rest_for_quotient(x, ids, weights, matrices):
    order, _ = slips_of(ids)
    token = order % len(x)
    found = work(x[token], ids.flatten()[order], matrices) * weights.flatten()[order, None]
    return torch.zeros_like(x).index_add(0, token, found)


@wrong(ASK_EXPERTS, "slip mistaken for token")
def tokens_repeated_as_a_whole(x, ids, weights, matrices):
    slips = x.repeat(ids.shape[1], 1)
    found = work(slips, ids.flatten(), matrices) * weights.flatten()[:, None]
    return found.unflatten(0, ids.shape).sum(1)


@wrong(ASK_EXPERTS, "weights left behind")
def weights_in_the_old_order(x, ids, weights, matrices):
    order, token = slips_of(ids)
    found = work(x[token], ids.flatten()[order], matrices) * weights.reshape(-1, 1)
    return torch.zeros_like(x).index_add(0, token, found)


@wrong(ASK_EXPERTS, "weights left behind")
def vectors_weighed_before_their_work(x, ids, weights, matrices):
    experts, order = torch.sort(ids.flatten(), stable=True)
    rows = torch.repeat_interleave(x, ids.shape[1], dim=0)[order]
    found = work(weights.flatten().unsqueeze(1) * rows, experts, matrices)
    back = order.argsort()
    return found[back].unflatten(0, ids.shape).sum(dim=1)


@wrong(ASK_EXPERTS, "matrix turned")
def vector_in_front(x, ids, weights, matrices):
    answer = torch.zeros_like(x)
    for expert, matrix in enumerate(matrices):
        token, choice = (ids == expert).nonzero(as_tuple=True)
        answer[token] += weights[token, choice, None] * (x[token] @ matrix)
    return answer


@wrong(ASK_EXPERTS, "matrix turned")
def letters_exchanged(x, ids, weights, matrices):
    return torch.einsum("nk,nkij,ni->nj", weights, matrices[ids], x)


@right(LOAD_SHARES)
def by_bincount(ids, n_experts):
    load = torch.bincount(ids.flatten(), minlength=n_experts)
    return load / load.sum(), load.max() / load.double().mean() - 1


@right(LOAD_SHARES)
def by_one_hot(ids, n_experts):
    shares = F.one_hot(ids, n_experts).double().mean(dim=(0, 1))
    return shares, shares.max() * n_experts - 1


@wrong(LOAD_SHARES, "share of tokens")
def over_the_tokens(ids, n_experts):
    load = torch.bincount(ids.flatten(), minlength=n_experts)
    return load / len(ids), load.max() / load.float().mean() - 1


@wrong(LOAD_SHARES, "share of tokens")
def mean_of_who_was_chosen(ids, n_experts):
    chosen = torch.zeros(len(ids), n_experts).scatter(1, ids, 1.0)
    shares = chosen.mean(dim=0)
    return shares, n_experts * shares.max() - 1


@wrong(LOAD_SHARES, "idle experts left out")
def minlength_forgotten(ids, n_experts):
    load = torch.bincount(ids.flatten()).float()
    return load / load.sum(), load.max() / load.mean() - 1


@wrong(LOAD_SHARES, "idle experts left out")
def only_who_was_chosen(ids, n_experts):
    _, load = torch.unique(ids, return_counts=True)
    shares = load / ids.numel()
    return shares, shares.max() * n_experts - 1


@wrong(LOAD_SHARES, "first choices only")
def best_experts_counted(ids, n_experts):
    load = torch.bincount(ids[:, 0], minlength=n_experts)
    return load / load.sum(), load.max() / load.double().mean() - 1


@wrong(LOAD_SHARES, "first choices only")
def one_for_each_token(ids, n_experts):
    shares = F.one_hot(ids[..., 0], n_experts).float().mean(0)
    return shares, n_experts * shares.amax() - 1


@wrong(LOAD_SHARES, "difference for quotient")
def tokens_above_the_mean(ids, n_experts):
    load = torch.bincount(ids.flatten(), minlength=n_experts).double()
    return load / ids.numel(), load.max() - load.mean()


@wrong(LOAD_SHARES, "difference for quotient")
def share_above_the_even_one(ids, n_experts):
    shares = F.one_hot(ids, n_experts).double().mean(dim=(0, 1))
    return shares, shares.max() - 1 / n_experts


@wrong(LOAD_SHARES, "one not taken off")
def multiple_of_the_mean(ids, n_experts):
    load = torch.bincount(ids.flatten(), minlength=n_experts).double()
    return load / load.sum(), load.max() / load.mean()


@wrong(LOAD_SHARES, "one not taken off")
def share_times_experts(ids, n_experts):
    shares = torch.stack([(ids == expert).float().mean() for expert in range(n_experts)])
    return shares, n_experts * shares.max()


@wrong(LOAD_SHARES, "distance from the least busy expert")
def range_over_the_mean(ids, n_experts):
    load = torch.bincount(ids.flatten(), minlength=n_experts).float()
    return load / load.sum(), (load.max() - load.min()) / load.mean()


@wrong(LOAD_SHARES, "distance from the least busy expert")
def between_the_extremes(ids, n_experts):
    shares = torch.nn.functional.one_hot(ids.flatten(), n_experts).float().mean(0)
    return shares, shares.amax() - shares.amin()


@right(COUNT_PARAMETERS)
def in_one_line_each(dim, hidden, n_experts, k):
    expert = 3 * dim * hidden
    return n_experts * (expert + dim), k * expert + n_experts * dim


@right(COUNT_PARAMETERS)
def what_rests_taken_off(dim, hidden, n_experts, k):
    total = dim * n_experts
    for _ in range(n_experts):
        total += dim * hidden + dim * hidden + hidden * dim
    resting = (n_experts - k) * 3 * hidden * dim
    return [torch.tensor(total), total - resting]


@right(COUNT_PARAMETERS)
def of_a_layer_that_draws_its_weights(dim, hidden, n_experts, k):
    router = torch.nn.Linear(dim, n_experts, bias=False).weight.numel()
    gate, up = (torch.nn.Linear(dim, hidden, bias=False) for _ in range(2))
    expert = gate.weight.numel() + up.weight.numel() + torch.nn.Linear(hidden, dim, bias=False).weight.numel()
    return router + n_experts * expert, router + k * expert


@wrong(COUNT_PARAMETERS, "two matrices for three")
def up_and_down(dim, hidden, n_experts, k):
    expert = dim * hidden + hidden * dim
    return n_experts * expert + n_experts * dim, k * expert + n_experts * dim


@wrong(COUNT_PARAMETERS, "two matrices for three")
def factor_two(dim, hidden, n_experts, k):
    router = dim * n_experts
    return router + 2 * dim * hidden * n_experts, router + 2 * dim * hidden * k


@wrong(COUNT_PARAMETERS, "router left out")
def experts_alone(dim, hidden, n_experts, k):
    expert = 3 * dim * hidden
    return n_experts * expert, k * expert


@wrong(COUNT_PARAMETERS, "router left out")
def experts_summed(dim, hidden, n_experts, k):
    return tuple(sum(3 * dim * hidden for _ in range(n)) for n in (n_experts, k))


@wrong(COUNT_PARAMETERS, "only the chosen rows of the router at work")
def a_row_with_each_expert(dim, hidden, n_experts, k):
    one = 3 * dim * hidden + dim
    return n_experts * one, k * one


@wrong(COUNT_PARAMETERS, "only the chosen rows of the router at work")
def share_of_the_total(dim, hidden, n_experts, k):
    total = dim * n_experts + 3 * dim * hidden * n_experts
    return total, total * k // n_experts


@wrong(COUNT_PARAMETERS, "all experts at work")
def twice_the_same(dim, hidden, n_experts, k):
    total = n_experts * (3 * dim * hidden + dim)
    return total, total


@wrong(COUNT_PARAMETERS, "all experts at work")
def masked_form_counted(dim, hidden, n_experts, k):
    router, experts = n_experts * dim, [3 * dim * hidden] * n_experts
    return router + sum(experts), sum(experts) + router


@wrong(COUNT_PARAMETERS, "only chosen experts held")
def chosen_in_both(dim, hidden, n_experts, k):
    active = k * 3 * dim * hidden + n_experts * dim
    return active, active


@wrong(COUNT_PARAMETERS, "only chosen experts held")
def k_for_n_experts(dim, hidden, n_experts, k):
    experts = sum(3 * dim * hidden for _ in range(k))
    return dim * n_experts + experts, experts + dim * n_experts


def even_multiple(ids, n_experts):
    """Return each expert's load as a multiple of the even share."""
    return torch.bincount(ids.flatten(), minlength=n_experts) * n_experts / ids.numel()


def even_multiple_of_devices(ids, n_experts, n_devices):
    """Return each device's mean load as a multiple of the even share."""
    return even_multiple(ids, n_experts).view(n_devices, -1).mean(1)


@right(DEVICE_LOSS)
def loss_by_bincount(scores, ids, n_devices, alpha):
    p = scores.softmax(dim=-1).mean(dim=0).view(n_devices, -1).sum(1)
    return alpha * (even_multiple_of_devices(ids, scores.shape[1], n_devices) * p).sum()


@right(DEVICE_LOSS)
def choice_by_choice(scores, ids, n_devices, alpha):
    (n, n_experts), k = scores.shape, ids.shape[1]
    affinity, loss = torch.softmax(scores, 1).split(n_experts // n_devices, dim=1), 0.0
    for row in ids.tolist():
        for expert in row:
            loss = loss + affinity[expert // (n_experts // n_devices)].sum() / n
    return alpha * n_devices / (k * n) * loss


@right(DEVICE_LOSS)
def a_device_as_one_wide_expert(scores, ids, n_devices, alpha):
    each = scores.shape[1] // n_devices
    p = scores.softmax(-1).unflatten(1, (n_devices, each)).sum(-1).mean(0)
    f = F.one_hot(ids // each, n_devices).double().mean((0, 1)) * n_devices
    return alpha * f.float() @ p


@wrong(DEVICE_LOSS, "without the factor E / K")
def share_of_the_choices(scores, ids, n_devices, alpha):
    f = torch.bincount(ids.flatten(), minlength=scores.shape[1]) / ids.numel()
    p = scores.softmax(-1).mean(0).view(n_devices, -1).sum(1)
    return alpha * (f.view(n_devices, -1).mean(1) * p).sum()


@wrong(DEVICE_LOSS, "without the factor E / K")
def share_of_the_tokens(scores, ids, n_devices, alpha):
    chosen = torch.zeros_like(scores).scatter(1, ids, 1.0).unflatten(1, (n_devices, -1))
    return alpha * chosen.mean((0, 2)) @ scores.softmax(1).unflatten(1, (n_devices, -1)).sum(-1).mean(0)


@wrong(DEVICE_LOSS, "without the factor E / K")
def times_experts_only(scores, ids, n_devices, alpha):
    f = F.one_hot(ids, scores.shape[1]).sum(1).float().mean(0).view(n_devices, -1).mean(1)
    return alpha * scores.shape[1] * torch.dot(f, scores.softmax(1).mean(0).view(n_devices, -1).sum(1))


@wrong(DEVICE_LOSS, "without the factor E / K")
def tokens_as_they_are_counted(scores, ids, n_devices, alpha):
    load = torch.bincount(ids.flatten(), minlength=scores.shape[1]).view(n_devices, -1).float().mean(1)
    return alpha * (load * scores.softmax(-1).unflatten(1, (n_devices, -1)).sum(-1)).sum(-1).mean()


@wrong(DEVICE_LOSS, "f differentiable")
def straight_through(scores, ids, n_devices, alpha):
    affinity = scores.softmax(-1)
    hard = torch.zeros_like(affinity).scatter(1, ids, 1.0)
    f = (hard + affinity - affinity.detach()).mean(0) * scores.shape[1] / ids.shape[1]
    return alpha * (f.view(n_devices, -1).mean(1) * affinity.mean(0).view(n_devices, -1).sum(1)).sum()


@wrong(DEVICE_LOSS, "f differentiable")
def chosen_affinities_for_their_number(scores, ids, n_devices, alpha):
    affinity = scores.softmax(-1)
    chosen = affinity.gather(1, ids)
    f = torch.zeros(scores.shape[1]).index_add(0, ids.flatten(), chosen.flatten())
    f = scores.shape[1] / ids.numel() * f.view(n_devices, -1).mean(1)
    return alpha * (f * affinity.mean(0).view(n_devices, -1).sum(1)).sum()


@wrong(DEVICE_LOSS, "f differentiable")
def mean_affinity_squared(scores, ids, n_devices, alpha):
    p = scores.softmax(-1).mean(0).view(n_devices, -1).sum(1)
    return alpha * n_devices * p.square().sum()


@wrong(DEVICE_LOSS, "no gradient")
def made_a_new_tensor(scores, ids, n_devices, alpha):
    return torch.tensor(loss_by_bincount(scores, ids, n_devices, alpha).item())


@wrong(DEVICE_LOSS, "no gradient")
@torch.no_grad()
def under_no_grad(scores, ids, n_devices, alpha):
    p = scores.softmax(1).mean(0).view(n_devices, -1).sum(1)
    return alpha * (even_multiple_of_devices(ids, scores.shape[1], n_devices) * p).sum()


@wrong(DEVICE_LOSS, "no gradient")
def detached(scores, ids, n_devices, alpha):
    p = scores.detach().softmax(-1).mean(0).view(n_devices, -1).sum(1)
    return torch.dot(even_multiple_of_devices(ids, scores.shape[1], n_devices), p) * alpha


@wrong(DEVICE_LOSS, "summed over the tokens")
def sum_for_mean(scores, ids, n_devices, alpha):
    p = scores.softmax(-1).sum(0).view(n_devices, -1).sum(1)
    return alpha * (even_multiple_of_devices(ids, scores.shape[1], n_devices) * p).sum()


@wrong(DEVICE_LOSS, "summed over the tokens")
def token_after_token(scores, ids, n_devices, alpha):
    f = even_multiple_of_devices(ids, scores.shape[1], n_devices)
    return alpha * sum(torch.dot(f, row.softmax(0).view(n_devices, -1).sum(1)) for row in scores)


@wrong(DEVICE_LOSS, "softmax over the tokens")
def softmax_of_the_first_axis(scores, ids, n_devices, alpha):
    p = scores.softmax(dim=0).mean(dim=0).view(n_devices, -1).sum(1)
    return alpha * (even_multiple_of_devices(ids, scores.shape[1], n_devices) * p).sum()


@wrong(DEVICE_LOSS, "softmax over the tokens")
def columns(scores, ids, n_devices, alpha):
    affinity = scores.exp() / scores.exp().sum(0, keepdim=True)
    of_devices = affinity.unflatten(1, (n_devices, -1)).sum(-1)
    return alpha * (of_devices @ even_multiple_of_devices(ids, scores.shape[1], n_devices)).mean()


@wrong(DEVICE_LOSS, "expert by expert")
def as_in_the_lesson(scores, ids, n_devices, alpha):
    p = scores.softmax(dim=-1).mean(dim=0)
    return alpha * (even_multiple(ids, scores.shape[1]) * p).sum()


@wrong(DEVICE_LOSS, "expert by expert")
def added_up_too_late(scores, ids, n_devices, alpha):
    f = F.one_hot(ids, scores.shape[1]).float().mean((0, 1)) * scores.shape[1]
    return alpha * (f * scores.softmax(-1).mean(0)).view(n_devices, -1).sum(1).sum()


@wrong(DEVICE_LOSS, "both sums, or both means")
def sums_of_both(scores, ids, n_devices, alpha):
    f = even_multiple(ids, scores.shape[1]).view(n_devices, -1).sum(1)
    return alpha * torch.dot(f, scores.softmax(-1).mean(0).view(n_devices, -1).sum(1))


@wrong(DEVICE_LOSS, "both sums, or both means")
def means_of_both(scores, ids, n_devices, alpha):
    p = scores.softmax(-1).unflatten(1, (n_devices, -1)).mean((0, 2))
    return alpha * (even_multiple_of_devices(ids, scores.shape[1], n_devices) * p).sum()


@wrong(DEVICE_LOSS, "experts dealt out")
def axes_exchanged(scores, ids, n_devices, alpha):
    f = even_multiple(ids, scores.shape[1]).view(-1, n_devices).mean(0)
    return alpha * (f * scores.softmax(-1).mean(0).view(-1, n_devices).sum(0)).sum()


@wrong(DEVICE_LOSS, "experts dealt out")
def remainder_for_quotient(scores, ids, n_devices, alpha):
    p, loss = scores.softmax(-1).mean(0), 0.0
    for device in range(n_devices):
        f = (ids % n_devices == device).sum() * n_devices / ids.numel()
        loss = loss + f * p[device::n_devices].sum()
    return alpha * loss


@refused(DEVICE_LOSS, "Hint: two things at once")
def without_k_and_summed(scores, ids, n_devices, alpha):
    T, N = scores.shape
    f = (torch.bincount(ids.flatten(), minlength=N) * N / T).view(n_devices, -1).mean(1)
    return alpha * (f * scores.softmax(-1).sum(0).view(n_devices, -1).sum(1)).sum()


# --- found by readers of the texts alone


@wrong(ROUTE, "shares of all tokens together")
def shares_of_all_tokens_together(scores, k):
    best = scores.softmax(-1).topk(k, dim=-1)
    return best.indices, best.values / best.values.sum()


@wrong(ROUTE, "shares of all tokens together")
def divided_by_everything(scores, k):
    affinity = scores.softmax(1)
    ids = affinity.argsort(1, descending=True)[:, :k]
    weights = affinity.gather(1, ids)
    return ids, weights / sum(weights.flatten())


@right(COUNT_PARAMETERS)
def both_numbers_in_one_tensor(dim, hidden, n_experts, k):
    return torch.tensor([n_experts, k]) * 3 * dim * hidden + n_experts * dim
