"""Lesson 06: answers to the exercises on V3's router and layer, on balance, and on what experts learned."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.balancing.bias import MOVE_BIAS
from lessons_lib.checks.balancing.groups import CHOOSE_IN_GROUPS
from lessons_lib.checks.balancing.information import EXPERT_INFORMATION
from lessons_lib.checks.balancing.layer import ADD_UP_EXPERTS
from lessons_lib.checks.balancing.route import ROUTE_WITH_BIAS
from lessons_lib.checks.balancing.sequence import SEQUENCE_LOSS
from wrong_answers import right, wrong
from wrong_answers.experts import even_multiple


def over_its_sum(x):
    return x / x.sum(-1, keepdim=True)


@right(ROUTE_WITH_BIAS)
def rank_then_gather(logits, bias, k, route_scale):
    s = logits.sigmoid()
    ids = (s + bias).topk(k, dim=-1).indices
    return ids, route_scale * over_its_sum(s.gather(-1, ids))


@right(ROUTE_WITH_BIAS)
def token_by_token(logits, bias, k, route_scale):
    ids, weights = [], []
    for row in logits:
        s = 1 / (1 + torch.exp(-row))
        best = sorted(range(len(s)), key=lambda i: (s[i] + bias[i]).item(), reverse=True)[:k]
        ids.append(best)
        weights.append(s[best] / s[best].sum() * route_scale)
    return torch.tensor(ids), torch.stack(weights)


@right(ROUTE_WITH_BIAS)
def bias_taken_off_again(logits, bias, k, route_scale):
    values, ids = (torch.sigmoid(logits) + bias).sort(dim=1, descending=True)
    s = values[:, :k] - bias[ids[:, :k]]
    return ids[:, :k], F.normalize(s, p=1, dim=1) * route_scale


@wrong(ROUTE_WITH_BIAS, "bias in the weights")
def values_of_topk(logits, bias, k, route_scale):
    values, ids = (logits.sigmoid() + bias).topk(k)
    return ids, values / values.sum(-1, keepdim=True) * route_scale


@wrong(ROUTE_WITH_BIAS, "bias in the weights")
def affinity_overwritten(logits, bias, k, route_scale):
    s = logits.sigmoid()
    s = s + bias
    ids = s.argsort(-1, descending=True)[:, :k]
    return ids, route_scale * over_its_sum(torch.take_along_dim(s, ids, 1))


@wrong(ROUTE_WITH_BIAS, "bias in the weights")
def biased_and_not_divided(logits, bias, k, route_scale):
    best = torch.topk(torch.sigmoid(logits) + bias, k)
    return best.indices, best.values * route_scale


@wrong(ROUTE_WITH_BIAS, "softmax for sigmoid")
def softmax_of_lesson_05(logits, bias, k, route_scale):
    s = logits.softmax(-1)
    ids = (s + bias).topk(k).indices
    return ids, route_scale * over_its_sum(s.gather(-1, ids))


@wrong(ROUTE_WITH_BIAS, "softmax for sigmoid")
def softmax_by_hand(logits, bias, k, route_scale):
    s = logits.exp() / logits.exp().sum(1, keepdim=True)
    order = (s + bias).argsort(1, descending=True)
    return order[:, :k], s.gather(1, order[:, :k]) * route_scale


@wrong(ROUTE_WITH_BIAS, "softmax for sigmoid")
def sigmoid_ranks_and_softmax_weighs(logits, bias, k, route_scale):
    _, ids = (logits.sigmoid() + bias).topk(k)
    return ids, logits.gather(1, ids).softmax(1) * route_scale


@wrong(ROUTE_WITH_BIAS, "normalised before selection")
def shares_of_all(logits, bias, k, route_scale):
    s = over_its_sum(logits.sigmoid())
    ids = (s + bias).topk(k).indices
    return ids, route_scale * s.gather(-1, ids)


@wrong(ROUTE_WITH_BIAS, "normalised before selection")
def divided_by_the_sum_of_all(logits, bias, k, route_scale):
    s = logits.sigmoid()
    ids = (s + bias).argsort(descending=True)[:, :k]
    return ids, s.gather(1, ids) / s.sum(1, keepdim=True) * route_scale


@wrong(ROUTE_WITH_BIAS, "normalised before selection")
def normalised_twice(logits, bias, k, route_scale):
    s = F.normalize(logits.sigmoid(), p=1, dim=-1)
    _, ids = torch.topk(s + bias, k)
    return ids, route_scale * over_its_sum(s.gather(-1, ids))


@wrong(ROUTE_WITH_BIAS, "weights not normalised")
def affinities_scaled(logits, bias, k, route_scale):
    s = logits.sigmoid()
    ids = (s + bias).topk(k).indices
    return ids, route_scale * s.gather(-1, ids)


@wrong(ROUTE_WITH_BIAS, "weights not normalised")
def affinities_as_they_are(logits, bias, k, route_scale):
    s = 1 / (1 + (-logits).exp())
    ids = torch.sort(s + bias, descending=True).indices[:, :k]
    return ids, torch.take_along_dim(s, ids, 1)


@wrong(ROUTE_WITH_BIAS, "route_scale forgotten")
def weights_that_add_up_to_1(logits, bias, k, route_scale):
    s = logits.sigmoid()
    ids = (s + bias).topk(k).indices
    return ids, over_its_sum(s.gather(-1, ids))


@wrong(ROUTE_WITH_BIAS, "route_scale forgotten")
def scaled_before_the_division(logits, bias, k, route_scale):
    s = torch.sigmoid(logits)
    ids = (s + bias).argsort(1, descending=True)[:, :k]
    return ids, F.normalize(route_scale * s.gather(1, ids), p=1, dim=1)


@wrong(ROUTE_WITH_BIAS, "bias without effect")
def bias_not_used(logits, bias, k, route_scale):
    best = logits.sigmoid().topk(k)
    return best.indices, route_scale * over_its_sum(best.values)


@wrong(ROUTE_WITH_BIAS, "bias without effect")
def bias_added_after_the_choice(logits, bias, k, route_scale):
    _, ids = logits.topk(k)
    s = logits.sigmoid()
    _biased = s + bias
    return ids, s.gather(1, ids) / s.gather(1, ids).sum(1, keepdim=True) * route_scale


@wrong(ROUTE_WITH_BIAS, "bias before the sigmoid")
def ranked_by_biased_logits(logits, bias, k, route_scale):
    ids = (logits + bias).topk(k).indices
    return ids, route_scale * over_its_sum(logits.sigmoid().gather(1, ids))


@wrong(ROUTE_WITH_BIAS, "bias before the sigmoid")
def bias_of_a_linear_layer(logits, bias, k, route_scale):
    values, ids = torch.sigmoid(logits + bias).topk(k)
    return ids, route_scale * values / values.sum(dim=1, keepdim=True)


@right(ADD_UP_EXPERTS)
def two_sums(shared, routed, affinity, route_scale):
    g = route_scale * over_its_sum(affinity)
    return shared.sum(1) + (g.unsqueeze(-1) * routed).sum(1)


@right(ADD_UP_EXPERTS)
def one_sum_with_ones(shared, routed, affinity, route_scale):
    g = torch.cat([torch.ones(shared.shape[:2]), F.normalize(affinity, p=1) * route_scale], 1)
    return torch.einsum("ne,ned->nd", g, torch.cat([shared, routed], 1))


@wrong(ADD_UP_EXPERTS, "shared experts gated")
def shared_take_part_in_the_sum(shared, routed, affinity, route_scale):
    s = torch.cat([torch.ones(shared.shape[:2]), affinity], 1)
    g = over_its_sum(s) * route_scale
    return torch.einsum("ne,ned->nd", g, torch.cat([shared, routed], 1))


@wrong(ADD_UP_EXPERTS, "shared experts gated")
def one_denominator_for_both(shared, routed, affinity, route_scale):
    whole = shared.shape[1] + affinity.sum(1, keepdim=True)  # a shared expert fits perfectly: 1
    mixed = (affinity / whole * route_scale).unsqueeze(1) @ routed
    return shared.sum(1) / whole + mixed.squeeze(1)


@wrong(ADD_UP_EXPERTS, "route_scale on the shared experts")
def whole_layer_scaled(shared, routed, affinity, route_scale):
    return route_scale * (shared.sum(1) + (over_its_sum(affinity).unsqueeze(-1) * routed).sum(1))


@wrong(ADD_UP_EXPERTS, "route_scale on the shared experts")
def scaled_answers_of_all(shared, routed, affinity, route_scale):
    shared, routed = (x * route_scale for x in (shared, routed))
    return torch.einsum("nk,nkd->nd", over_its_sum(affinity), routed) + shared.sum(dim=1)


@wrong(ADD_UP_EXPERTS, "route_scale forgotten")
def scale_not_used(shared, routed, affinity, route_scale):
    return shared.sum(1) + (over_its_sum(affinity).unsqueeze(-1) * routed).sum(1)


@wrong(ADD_UP_EXPERTS, "route_scale forgotten")
def scale_divided_out(shared, routed, affinity, route_scale):
    g = F.normalize(affinity * route_scale, p=1, dim=1)
    return shared.sum(1) + torch.einsum("nk,nkd->nd", g, routed)


@wrong(ADD_UP_EXPERTS, "shared experts averaged")
def mean_of_the_shared(shared, routed, affinity, route_scale):
    g = route_scale * over_its_sum(affinity)
    return shared.mean(1) + (g.unsqueeze(-1) * routed).sum(1)


@wrong(ADD_UP_EXPERTS, "shared experts averaged")
def equal_weights_for_the_shared(shared, routed, affinity, route_scale):
    equal = torch.full(shared.shape[:2], 1 / shared.shape[1])
    g = torch.cat([equal, over_its_sum(affinity) * route_scale], 1)
    return torch.einsum("ne,ned->nd", g, torch.cat([shared, routed], 1))


@wrong(ADD_UP_EXPERTS, "shared experts counted several times")
def added_in_the_loop(shared, routed, affinity, route_scale):
    out = torch.zeros_like(shared[:, 0])
    for choice in range(routed.shape[1]):
        g = route_scale * affinity[:, choice] / affinity.sum(1)
        out = out + shared.sum(1) + g[:, None] * routed[:, choice]
    return out


@wrong(ADD_UP_EXPERTS, "shared experts counted several times")
def added_by_broadcasting(shared, routed, affinity, route_scale):
    g = route_scale * over_its_sum(affinity)
    return (shared.sum(1, keepdim=True) + g.unsqueeze(-1) * routed).sum(1)


@wrong(ADD_UP_EXPERTS, "shared experts counted several times")
def added_before_and_after(shared, routed, affinity, route_scale):
    out = shared.sum(1)
    out = out + torch.einsum("nk,nkd->nd", route_scale * over_its_sum(affinity), routed)
    return out + shared.sum(1)


@wrong(ADD_UP_EXPERTS, "affinities not normalised")
def affinities_as_weights(shared, routed, affinity, route_scale):
    return shared.sum(1) + route_scale * (affinity.unsqueeze(-1) * routed).sum(1)


@wrong(ADD_UP_EXPERTS, "affinities not normalised")
def neither_divided_nor_scaled(shared, routed, affinity, route_scale):
    return shared.sum(1) + torch.einsum("nk,nkd->nd", affinity, routed)


@wrong(ADD_UP_EXPERTS, "routed experts not weighted")
def all_answers_added(shared, routed, affinity, route_scale):
    return shared.sum(1) + routed.sum(1)


@wrong(ADD_UP_EXPERTS, "routed experts not weighted")
def mean_of_the_chosen(shared, routed, affinity, route_scale):
    out = route_scale * routed.mean(dim=1)
    for one in shared.unbind(1):
        out = out + one
    return out


def load_of(ids, bias):
    return torch.bincount(ids.flatten(), minlength=len(bias)).double()


@right(MOVE_BIAS)
def sign_of_the_difference(bias, ids, speed):
    load = load_of(ids, bias)
    return bias - speed * torch.sign(load - load.mean())


@right(MOVE_BIAS)
def three_cases(bias, ids, speed):
    load = F.one_hot(ids, len(bias)).sum(dim=(0, 1, 2))
    mean, moved = ids.numel() / len(bias), bias.clone()
    moved[load > mean] -= speed
    moved[load < mean] += speed
    return moved


@wrong(MOVE_BIAS, "wrong sign")
def towards_the_busy(bias, ids, speed):
    load = load_of(ids, bias)
    return bias + speed * torch.sign(load - load.mean())


@wrong(MOVE_BIAS, "wrong sign")
def cases_exchanged(bias, ids, speed):
    load, moved = load_of(ids, bias), bias.clone()
    moved[load > load.mean()] += speed
    moved[load < load.mean()] -= speed
    return moved


@wrong(MOVE_BIAS, "proportional step")
def difference_without_sign(bias, ids, speed):
    load = load_of(ids, bias)
    return bias - speed * (load - load.mean())


@wrong(MOVE_BIAS, "proportional step")
def relative_to_the_mean(bias, ids, speed):
    load = load_of(ids, bias)
    return bias - speed * (load / load.mean() - 1)


@wrong(MOVE_BIAS, "proportional step")
def gradient_step(bias, ids, speed):
    load = load_of(ids, bias)
    moving = bias.double().requires_grad_()
    with torch.enable_grad():
        loss = (moving * (load / load.sum() - 1 / len(bias))).sum()
    return bias - speed * torch.autograd.grad(loss, moving)[0]


@wrong(MOVE_BIAS, "never moved")
def returned_as_it_was(bias, ids, speed):
    return bias


@wrong(MOVE_BIAS, "never moved")
def moved_and_thrown_away(bias, ids, speed):
    load = load_of(ids, bias)
    moved = bias.clone()
    moved - speed * torch.sign(load - load.mean())
    return moved


@wrong(MOVE_BIAS, "each sequence by itself")
def text_after_text(bias, ids, speed):
    for text in ids:
        load = load_of(text, bias)
        bias = bias - speed * torch.sign(load - load.mean())
    return bias


@wrong(MOVE_BIAS, "each sequence by itself")
def mean_of_signs(bias, ids, speed):
    loads = F.one_hot(ids, len(bias)).double().sum(dim=(1, 2))
    return bias - speed * (loads - loads.mean(1, keepdim=True)).sign().mean(0)


@wrong(MOVE_BIAS, "each sequence by itself")
def token_after_token(bias, ids, speed):
    chosen = F.one_hot(ids.flatten(0, 1), len(bias)).sum(1).double()
    return bias - speed * torch.sign(chosen - chosen.mean(-1, keepdim=True)).sum(0)


@wrong(MOVE_BIAS, "mean load pushed")
def either_more_or_up(bias, ids, speed):
    load = load_of(ids, bias)
    return bias + torch.where(load > load.mean(), -speed, speed)


@wrong(MOVE_BIAS, "mean load pushed")
def either_less_or_down(bias, ids, speed):
    load = load_of(ids, bias)
    few = (load < load.mean()).double()
    return bias + speed * few - speed * (1 - few)


@wrong(MOVE_BIAS, "only one side moved")
def busy_ones_down(bias, ids, speed):
    load = load_of(ids, bias)
    return torch.where(load > load.mean(), bias - speed, bias)


@wrong(MOVE_BIAS, "only one side moved")
def idle_ones_up(bias, ids, speed):
    load = load_of(ids, bias)
    return bias + speed * (load.mean() - load).sign().relu()


@wrong(MOVE_BIAS, "mean of tokens, not of choices")
def tokens_over_experts(bias, ids, speed):
    mean = ids.shape[0] * ids.shape[1] / len(bias)
    return bias - speed * torch.sign(load_of(ids, bias) - mean)


@wrong(MOVE_BIAS, "mean of tokens, not of choices")
def share_of_tokens_against_an_even_one(bias, ids, speed):
    share = F.one_hot(ids, len(bias)).sum(2).double().mean(dim=(0, 1))
    moved = bias.clone()
    moved[share > 1 / len(bias) + 1e-9] -= speed
    moved[share < 1 / len(bias) - 1e-9] += speed
    return moved


@wrong(MOVE_BIAS, "mean rounded")
def whole_number_of_choices_each(bias, ids, speed):
    return bias - speed * torch.sign(load_of(ids, bias) - ids.numel() // len(bias))


@wrong(MOVE_BIAS, "mean rounded")
def counted_and_divided_in_integers(bias, ids, speed):
    load, moved = torch.bincount(ids.flatten(), minlength=len(bias)), bias.clone()
    mean = load.sum().div(len(bias), rounding_mode="floor")
    moved[load > mean] -= speed
    moved[load < mean] += speed
    return moved


@wrong(MOVE_BIAS, "mean rounded")
def nearest_whole_number(bias, ids, speed):
    load = load_of(ids, bias)
    return bias + speed * torch.sign(round(load.mean().item()) - load)


@wrong(MOVE_BIAS, "idle experts left out")
def those_that_occur(bias, ids, speed):
    moved = bias.clone()
    experts, load = ids.unique(return_counts=True)
    moved[experts] -= speed * torch.sign(load - load.double().mean()).float()
    return moved


@wrong(MOVE_BIAS, "idle experts left out")
def as_long_as_bincount_makes_it(bias, ids, speed):
    load, moved = torch.bincount(ids.flatten()).double(), bias.clone()
    for expert, n in enumerate(load):
        moved[expert] -= speed * torch.sign(n - load.mean())
    return moved


@wrong(MOVE_BIAS, "idle experts left out")
def mean_of_those_at_work(bias, ids, speed):
    load = load_of(ids, bias)
    return bias - speed * torch.sign(load - load[load > 0].mean())


def cut(scores, n_groups):
    return scores.unflatten(-1, (n_groups, -1))


def left_out_of(group_score, kept):
    """Return which groups are not among the best, (N, groups)."""
    return torch.ones_like(group_score).scatter(1, group_score.topk(kept).indices, 0.0) == 1


@right(CHOOSE_IN_GROUPS)
def masked_with_minus_infinity(scores, k, n_groups, kept):
    grouped = cut(scores, n_groups)
    left_out = left_out_of(grouped.topk(2).values.sum(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), -torch.inf).flatten(1).topk(k).indices


@right(CHOOSE_IN_GROUPS)
def only_allowed_experts_ranked(scores, k, n_groups, kept):
    size, out = scores.shape[1] // n_groups, []
    for row in scores.tolist():
        best_two = [sum(sorted(row[g * size : (g + 1) * size])[-2:]) for g in range(n_groups)]
        groups = sorted(range(n_groups), key=lambda g: best_two[g])[-kept:]
        allowed = [i for i in range(len(row)) if i // size in groups]
        out.append(sorted(allowed, key=lambda i: row[i], reverse=True)[:k])
    return torch.tensor(out)


@wrong(CHOOSE_IN_GROUPS, "masked with 0")
def filled_with_0(scores, k, n_groups, kept):
    grouped = cut(scores, n_groups)
    left_out = left_out_of(grouped.topk(2).values.sum(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), 0.0).flatten(1).topk(k).indices


@wrong(CHOOSE_IN_GROUPS, "masked with 0")
def multiplied_by_the_mask(scores, k, n_groups, kept):
    size = scores.shape[1] // n_groups
    best_two = cut(scores, n_groups).sort(-1, descending=True).values[..., :2].sum(-1)
    mask = torch.zeros_like(best_two).scatter(1, best_two.topk(kept).indices, 1.0)
    return torch.topk(scores * mask.repeat_interleave(size, 1), k, dim=1)[1]


@wrong(CHOOSE_IN_GROUPS, "masked with 0")
def sorted_after_multiplying(scores, k, n_groups, kept):
    grouped = cut(scores, n_groups)
    left_out = left_out_of(grouped.topk(2).values.sum(-1), kept)
    masked = (grouped * (1 - left_out.unsqueeze(-1).float())).flatten(1)
    return torch.tensor([sorted(range(len(row)), key=lambda i: -row[i])[:k] for row in masked.tolist()])


@wrong(CHOOSE_IN_GROUPS, "group score by max")
def best_single_expert(scores, k, n_groups, kept):
    grouped = cut(scores, n_groups)
    left_out = left_out_of(grouped.amax(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), -math.inf).flatten(1).topk(k).indices


@wrong(CHOOSE_IN_GROUPS, "group score by max")
def groups_of_the_best_experts(scores, k, n_groups, kept):
    size, out = scores.shape[1] // n_groups, []
    for row in scores.tolist():
        order, groups = sorted(range(len(row)), key=lambda i: -row[i]), []
        for expert in order:
            if expert // size not in groups and len(groups) < kept:
                groups.append(expert // size)
        out.append([expert for expert in order if expert // size in groups][:k])
    return torch.tensor(out)


@wrong(CHOOSE_IN_GROUPS, "group score over all members")
def sum_of_a_group(scores, k, n_groups, kept):
    grouped = cut(scores, n_groups)
    left_out = left_out_of(grouped.sum(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), -1e9).flatten(1).topk(k).indices


@wrong(CHOOSE_IN_GROUPS, "group score over all members")
def mean_of_a_group(scores, k, n_groups, kept):
    size = scores.shape[1] // n_groups
    means = torch.stack([block.mean(1) for block in scores.split(size, dim=1)], 1)
    hidden = left_out_of(means, kept).repeat_interleave(size, 1)
    return torch.where(hidden, -torch.inf, scores).argsort(1, descending=True)[:, :k]


@wrong(CHOOSE_IN_GROUPS, "groups dealt out")
def axes_exchanged(scores, k, n_groups, kept):
    grouped = scores.unflatten(-1, (-1, n_groups))  # (N, members, groups)
    left_out = left_out_of(grouped.topk(2, dim=1).values.sum(1), kept)
    return grouped.masked_fill(left_out.unsqueeze(1), -torch.inf).flatten(1).topk(k).indices


@wrong(CHOOSE_IN_GROUPS, "groups dealt out")
def rest_for_quotient(scores, k, n_groups, kept):
    out = []
    for row in scores.tolist():
        best_two = [sum(sorted(row[g::n_groups], reverse=True)[:2]) for g in range(n_groups)]
        groups = sorted(range(n_groups), key=lambda g: -best_two[g])[:kept]
        ranked = sorted(range(len(row)), key=lambda i: -row[i])
        out.append([i for i in ranked if i % n_groups in groups][:k])
    return torch.tensor(out)


@wrong(CHOOSE_IN_GROUPS, "no limit")
def best_of_all(scores, k, n_groups, kept):
    return scores.topk(k).indices


@wrong(CHOOSE_IN_GROUPS, "no limit")
def mask_not_kept(scores, k, n_groups, kept):
    grouped = cut(scores, n_groups)
    left_out = left_out_of(grouped.topk(2).values.sum(-1), kept)
    grouped.masked_fill(left_out.unsqueeze(-1), -torch.inf)
    return grouped.flatten(1).argsort(1, descending=True)[:, :k]


@wrong(CHOOSE_IN_GROUPS, "same groups for all tokens")
def scores_of_the_batch(scores, k, n_groups, kept):
    grouped = cut(scores, n_groups)
    best = grouped.topk(2).values.sum(-1).sum(0).topk(kept).indices
    masked = torch.full_like(grouped, -torch.inf)
    masked[:, best] = grouped[:, best]
    return masked.flatten(1).topk(k).indices


@wrong(CHOOSE_IN_GROUPS, "same groups for all tokens")
def mean_over_the_tokens(scores, k, n_groups, kept):
    grouped = cut(scores, n_groups)
    score = grouped.sort(-1).values[..., -2:].sum(-1).mean(0, keepdim=True)
    left_out = left_out_of(score, kept).unsqueeze(-1)
    return grouped.masked_fill(left_out, -torch.inf).flatten(1).argsort(1, descending=True)[:, :k]


@right(EXPERT_INFORMATION)
def sum_over_the_pairs(table):
    p = table.double() / table.sum()
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * (p / apart).log2())[p > 0].sum()


@right(EXPERT_INFORMATION)
def pair_by_pair(table):
    bits, total = torch.zeros(()), table.sum().item()
    for row in table:
        for expert, n in enumerate(row.tolist()):
            if n:
                expected = row.sum().item() * table[:, expert].sum().item() / total
                bits += n / total * math.log2(n / expected)
    return bits


@right(EXPERT_INFORMATION)
def entropy_taken_off(table):
    p = table / table.sum()
    entropies = [torch.special.entr(x).sum() for x in (p.sum(0), p.sum(1), p)]
    return (entropies[0] + entropies[1] - entropies[2]) / math.log(2)


@wrong(EXPERT_INFORMATION, "nats for bits")
def natural_logarithm(table):
    p = table.double() / table.sum()
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * (p / apart).log())[p > 0].sum()


@wrong(EXPERT_INFORMATION, "nats for bits")
def entropies_in_nats(table):
    p = table / table.sum()
    entropies = [torch.special.entr(x).sum() for x in (p.sum(0), p.sum(1), p)]
    return entropies[0] + entropies[1] - entropies[2]


@wrong(EXPERT_INFORMATION, "zero times log zero")
def sum_over_all_pairs(table):
    p = table.double() / table.sum()
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * (p / apart).log2()).sum()


@wrong(EXPERT_INFORMATION, "zero times log zero")
def difference_of_logarithms(table):
    p = table / table.sum()
    return (p * (torch.log2(p) - torch.log2(p.sum(1)[:, None]) - torch.log2(p.sum(0)[None]))).sum()


@wrong(EXPERT_INFORMATION, "domains counted equally")
def rows_first(table):
    p = table / table.sum(1, keepdim=True) / len(table)
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * (p / apart).log2())[p > 0].sum()


@wrong(EXPERT_INFORMATION, "domains counted equally")
def mean_of_the_domains(table):
    rows = table.double() / table.sum(1, keepdim=True)
    terms = torch.xlogy(rows, rows) - torch.xlogy(rows, rows.mean(0))
    return terms.sum(1).mean() / math.log(2)


@wrong(EXPERT_INFORMATION, "entropy for information")
def entropy_of_the_experts(table):
    p = table.sum(0) / table.sum()
    return -(p * p.log2()).sum()


@wrong(EXPERT_INFORMATION, "entropy for information")
def entropy_of_the_pairs(table):
    p = (table / table.sum()).flatten()
    p = p[p > 0]
    return sum(x * torch.log2(1 / x) for x in p)


@wrong(EXPERT_INFORMATION, "one of the shares left out")
def only_the_domain(table):
    p = table.double() / table.sum()
    given = p / p.sum(1, keepdim=True)
    return (p * given.log2())[p > 0].sum()


@wrong(EXPERT_INFORMATION, "one of the shares left out")
def only_the_expert(table):
    p = table / table.sum()
    return (torch.xlogy(p, p) - torch.xlogy(p, p.sum(0))).sum() / math.log(2)


@wrong(EXPERT_INFORMATION, "counts for shares")
def weighed_by_counts(table):
    p = table.double() / table.sum()
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (table * (p / apart).log2())[p > 0].sum()


@wrong(EXPERT_INFORMATION, "counts for shares")
def counts_throughout(table):
    n = table.double()
    apart = n.sum(1, keepdim=True) * n.sum(0, keepdim=True)
    return (torch.xlogy(n, n) - torch.xlogy(n, apart)).sum() / math.log(2)


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
def texts_added_up(affinity, k, alpha):
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
