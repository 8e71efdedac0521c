"""Lesson 06: answers to the exercises on V3's router and layer, on balance, and on what experts learned."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.balancing.bias import MOVE_BIAS
from lessons_lib.checks.balancing.information import INFORMATION_BEYOND
from lessons_lib.checks.balancing.layer import ADD_UP_EXPERTS
from lessons_lib.checks.balancing.route import ROUTE_WITH_BIAS
from lessons_lib.checks.balancing.sequence import PADDED_SEQUENCE_LOSS
from wrong_answers import refused, right, wrong
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


@right(INFORMATION_BEYOND)
def letter_by_letter(table):
    bits = torch.zeros((), dtype=torch.float64)
    for of_letter in table.double():
        p = of_letter / of_letter.sum()
        apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
        bits += of_letter.sum() / table.sum() * (p * (p / apart).log2())[p > 0].sum()
    return bits


@right(INFORMATION_BEYOND)
def four_entropies(table):
    def entropy(*axes):
        p = (table.sum(axes) if axes else table) / table.sum()
        return torch.special.entr(p).sum() / math.log(2)

    return entropy(2) + entropy(1) - entropy() - entropy(1, 2)


def bits_of_pairs(table, log=torch.log2):
    """Return the mutual information of a table (domains, experts)."""
    p = table.double() / table.sum()
    apart = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * log(p / apart))[p > 0].sum()


def letters_shares(table):
    return table.sum((1, 2)) / table.sum()


@wrong(INFORMATION_BEYOND, "nats for bits")
def natural_logarithm(table):
    return sum(share * bits_of_pairs(one, torch.log) for share, one in zip(letters_shares(table), table))


@wrong(INFORMATION_BEYOND, "nats for bits")
def entropies_in_nats(table):
    p = table / table.sum()
    h = [torch.special.entr(x).sum() for x in (p.sum(2), p.sum(1), p, p.sum((1, 2)))]
    return h[0] + h[1] - h[2] - h[3]


@wrong(INFORMATION_BEYOND, "zero times log zero")
def sum_over_all_triples(table):
    p = table.double() / table.sum()
    apart = p.sum(1, keepdim=True) * p.sum(2, keepdim=True) / p.sum((1, 2), keepdim=True)
    return (p * (p / apart).log2()).sum()


@wrong(INFORMATION_BEYOND, "zero times log zero")
def difference_of_logarithms(table):
    total = 0.0
    for one in table:
        p = one / one.sum()
        terms = p * (p.log2() - p.sum(1)[:, None].log2() - p.sum(0)[None].log2())
        total = total + one.sum() / table.sum() * terms.sum()
    return total


@wrong(INFORMATION_BEYOND, "letters summed away")
def the_lessons_information(table):
    return bits_of_pairs(table.sum(0))


@wrong(INFORMATION_BEYOND, "letters summed away")
def two_axes_by_entropies(table):
    p = table.sum(dim=0) / table.sum()
    h = [torch.special.entr(x).sum() for x in (p.sum(0), p.sum(1), p)]
    return (h[0] + h[1] - h[2]) / math.log(2)


@wrong(INFORMATION_BEYOND, "letters counted equally")
def mean_of_the_letters(table):
    return torch.stack([bits_of_pairs(one) for one in table]).mean()


@wrong(INFORMATION_BEYOND, "letters counted equally")
def each_letter_made_to_add_up_to_1(table):
    return bits_of_letters(table / table.sum((1, 2), keepdim=True)) / len(table)


def bits_of_letters(p):
    """Sum p log2 (p / what it would be if, letter by letter, nobody cared), p (letters, domains, experts)."""
    apart = p.sum(1, keepdim=True) * p.sum(2, keepdim=True) / p.sum((1, 2), keepdim=True)
    return (p * (p / apart).log2())[p > 0].sum()


@wrong(INFORMATION_BEYOND, "letters added up")
def sum_of_the_letters(table):
    return sum(bits_of_pairs(one) for one in table)


@wrong(INFORMATION_BEYOND, "letters added up")
def shares_within_a_letter(table):
    return bits_of_letters(table.double() / table.double().sum((1, 2), keepdim=True))


@wrong(INFORMATION_BEYOND, "letter and expert together")
def pairs_of_letter_and_expert(table):
    return bits_of_pairs(table.transpose(0, 1).flatten(1))


@wrong(INFORMATION_BEYOND, "letter and expert together")
def against_the_domains_share(table):
    p = table.double() / table.sum()
    given = p / p.sum(1, keepdim=True)
    return (p * (given / p.sum((0, 2))[:, None]).log2())[p > 0].sum()


@wrong(INFORMATION_BEYOND, "domain's share over all letters")
def three_that_do_not_care(table):
    p = table.double() / table.sum()
    apart = torch.einsum("l,d,e->lde", p.sum((1, 2)), p.sum((0, 2)), p.sum((0, 1)))
    return (p * (p / apart).log2())[p > 0].sum()


@wrong(INFORMATION_BEYOND, "domain's share over all letters")
def expert_of_all_letters(table):
    p = table.double() / table.sum()
    apart = p.sum(2)[:, :, None] * p.sum((0, 1))
    return (torch.xlogy(p, p) - torch.xlogy(p, apart)).sum() / math.log(2)


@wrong(INFORMATION_BEYOND, "counts for shares")
def weighed_by_counts(table):
    return sum(one.sum() * bits_of_pairs(one) for one in table)


@wrong(INFORMATION_BEYOND, "counts for shares")
def counts_throughout(table):
    return bits_of_letters(table.double())


def chosen(affinity, k):
    """Return 1 where an expert is among a token's best, 0 elsewhere."""
    return torch.zeros_like(affinity).scatter(-1, affinity.topk(k, dim=-1).indices, 1.0)


def shares(affinity):
    return affinity / affinity.sum(-1, keepdim=True)


def loss_of_one(s, k):
    """Return sum f P of one text's affinities (tokens, experts)."""
    return (even_multiple(s.topk(k).indices, s.shape[1]) * shares(s).mean(0)).sum()


def texts_of(affinity, lengths):
    return [text[:n] for text, n in zip(affinity, lengths.tolist())]


def tokens_of(affinity, lengths):
    """Return 1 for tokens, 0 for padding, (texts, positions, 1)."""
    return (torch.arange(affinity.shape[1])[None] < lengths[:, None]).to(affinity.dtype)[..., None]


@right(PADDED_SEQUENCE_LOSS)
def text_by_text(affinity, lengths, k, alpha):
    return alpha * torch.stack([loss_of_one(s, k) for s in texts_of(affinity, lengths)]).mean()


@right(PADDED_SEQUENCE_LOSS)
def all_texts_at_once(affinity, lengths, k, alpha):
    real = tokens_of(affinity, lengths)
    n = lengths[:, None].to(affinity.dtype)
    f = (chosen(affinity, k) * real).sum(1) / n * affinity.shape[-1] / k
    return alpha * (f * (shares(affinity) * real).sum(1) / n).sum(-1).mean()


@wrong(PADDED_SEQUENCE_LOSS, "padding counted")
def the_lessons_loss(affinity, lengths, k, alpha):
    f = chosen(affinity, k).mean(1) * affinity.shape[-1] / k
    return alpha * (f * shares(affinity).mean(1)).sum(-1).mean()


@wrong(PADDED_SEQUENCE_LOSS, "padding counted")
def lengths_not_used(affinity, lengths, k, alpha):
    return alpha * sum(loss_of_one(s, k) for s in affinity) / len(affinity)


@wrong(PADDED_SEQUENCE_LOSS, "divided by the padded length")
def zeros_in_the_mean(affinity, lengths, k, alpha):
    real = tokens_of(affinity, lengths)
    f = (chosen(affinity, k) * real).mean(1) * affinity.shape[-1] / k
    return alpha * (f * (shares(affinity) * real).mean(1)).sum(-1).mean()


@wrong(PADDED_SEQUENCE_LOSS, "divided by the padded length")
def shares_averaged_with_zeros(affinity, lengths, k, alpha):
    losses = []
    for s, n in zip(affinity, lengths.tolist()):
        f = even_multiple(s[:n].topk(k).indices, s.shape[1])
        losses.append((f * shares(s)[:n].sum(0) / len(s)).sum())
    return alpha * torch.stack(losses).mean()


@wrong(PADDED_SEQUENCE_LOSS, "divided by the padded length")
def load_of_the_padded_length(affinity, lengths, k, alpha):
    real = tokens_of(affinity, lengths)
    f = (chosen(affinity, k) * real).mean(1) * affinity.shape[-1] / k
    p = (shares(affinity) * real).sum(1) / lengths[:, None]
    return alpha * torch.einsum("be,be->b", f, p).mean()


@wrong(PADDED_SEQUENCE_LOSS, "texts weighed by length")
def mean_over_the_tokens(affinity, lengths, k, alpha):
    losses = torch.stack([loss_of_one(s, k) for s in texts_of(affinity, lengths)])
    return alpha * (losses * lengths).sum() / lengths.sum()


@wrong(PADDED_SEQUENCE_LOSS, "texts weighed by length")
def each_token_pays(affinity, lengths, k, alpha):
    total = 0.0
    for s in texts_of(affinity, lengths):
        f = even_multiple(s.topk(k).indices, s.shape[1])
        total = total + (shares(s) @ f).sum()
    return alpha * total / lengths.sum()


@wrong(PADDED_SEQUENCE_LOSS, "over the whole batch")
def texts_joined(affinity, lengths, k, alpha):
    return alpha * loss_of_one(torch.cat(texts_of(affinity, lengths)), k)


@wrong(PADDED_SEQUENCE_LOSS, "over the whole batch")
def mean_over_both_axes(affinity, lengths, k, alpha):
    is_token = torch.arange(affinity.shape[1])[None] < lengths[:, None]
    f, p = (x[is_token].mean(0) for x in (chosen(affinity, k), shares(affinity)))
    return alpha * affinity.shape[-1] / k * f @ p


@wrong(PADDED_SEQUENCE_LOSS, "shares not normalised")
def mean_affinity(affinity, lengths, k, alpha):
    texts = texts_of(affinity, lengths)
    losses = [even_multiple(s.topk(k).indices, s.shape[1]) @ s.mean(0) for s in texts]
    return alpha * sum(losses) / len(losses)


@wrong(PADDED_SEQUENCE_LOSS, "shares not normalised")
def affinities_masked(affinity, lengths, k, alpha):
    real, n = tokens_of(affinity, lengths), lengths[:, None]
    f = (chosen(affinity, k) * real).sum(1) / n * affinity.shape[-1] / k
    return alpha * (f * (affinity * real).sum(1) / n).sum(-1).mean()


@wrong(PADDED_SEQUENCE_LOSS, "without the factor E / K")
def share_of_tokens(affinity, lengths, k, alpha):
    real, n = tokens_of(affinity, lengths), lengths[:, None]
    f, p = ((x * real).sum(1) / n for x in (chosen(affinity, k), shares(affinity)))
    return alpha * (f * p).sum(-1).mean()


@wrong(PADDED_SEQUENCE_LOSS, "without the factor E / K")
def share_of_choices(affinity, lengths, k, alpha):
    losses = []
    for s in texts_of(affinity, lengths):
        load = torch.bincount(s.topk(k).indices.flatten(), minlength=s.shape[1])
        losses.append((load / load.sum() * shares(s).mean(0)).sum())
    return alpha * torch.stack(losses).mean()


@wrong(PADDED_SEQUENCE_LOSS, "f differentiable")
def share_of_the_chosen_for_their_number(affinity, lengths, k, alpha):
    losses = []
    for s in texts_of(affinity, lengths):
        p = shares(s)
        f = (chosen(s, k) * p).mean(0) * s.shape[1] / k
        losses.append((f * p.mean(0)).sum())
    return alpha * torch.stack(losses).mean()


@wrong(PADDED_SEQUENCE_LOSS, "f differentiable")
def straight_through_shares(affinity, lengths, k, alpha):
    losses = []
    for s in texts_of(affinity, lengths):
        p = shares(s)
        f = chosen(s, k) + (p - p.detach())
        losses.append(f.mean(0) @ p.mean(0))
    return alpha * affinity.shape[-1] / k * torch.stack(losses).mean()


@wrong(PADDED_SEQUENCE_LOSS, "f differentiable")
def shares_squared(affinity, lengths, k, alpha):
    squares = [F.normalize(s, p=1, dim=-1).mean(0).square().sum() for s in texts_of(affinity, lengths)]
    return alpha * affinity.shape[-1] * torch.stack(squares).mean()


@wrong(PADDED_SEQUENCE_LOSS, "summed over the texts")
def total_of_the_batch(affinity, lengths, k, alpha):
    real, n = tokens_of(affinity, lengths), lengths[:, None]
    f, p = ((x * real).sum(1) / n for x in (chosen(affinity, k), shares(affinity)))
    return alpha * affinity.shape[-1] / k * (f * p).sum()


@wrong(PADDED_SEQUENCE_LOSS, "summed over the texts")
def texts_added_up(affinity, lengths, k, alpha):
    return alpha * sum(loss_of_one(s, k) for s in texts_of(affinity, lengths))


@wrong(PADDED_SEQUENCE_LOSS, "no gradient")
@torch.no_grad()
def measured_only(affinity, lengths, k, alpha):
    return alpha * torch.stack([loss_of_one(s, k) for s in texts_of(affinity, lengths)]).mean()


@wrong(PADDED_SEQUENCE_LOSS, "no gradient")
def rounded_on_the_way(affinity, lengths, k, alpha):
    copied = torch.tensor(affinity.tolist())
    return alpha * torch.stack([loss_of_one(s, k) for s in texts_of(copied, lengths)]).mean()


# --- found by readers of the texts alone


@refused(MOVE_BIAS, "should be")
def first_choice_only(bias, ids, speed):
    load = torch.bincount(ids[..., 0].flatten(), minlength=len(bias)).float()
    return bias - speed * torch.sign(load - load.mean())


@wrong(ROUTE_WITH_BIAS, "route_scale forgotten")
def scaled_and_then_divided(logits, bias, k, route_scale):
    s = logits.sigmoid()
    ids = (s + bias).topk(k, dim=-1).indices
    w = s.gather(-1, ids) * route_scale
    return ids, w / w.sum(-1, keepdim=True)
