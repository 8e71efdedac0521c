"""Lesson 07: answers to the exercises on letters, answers home, the node limit, replicas and wasted slots."""

import heapq
import math
from collections import Counter

import torch
import torch.nn.functional as F

from lessons_lib.checks.across_devices.letters import BRING_HOME, LETTERS_TO_RANKS
from lessons_lib.checks.across_devices.nodes import CHOOSE_ON_NODES
from lessons_lib.checks.across_devices.slots import SHARE_SLOTS
from lessons_lib.checks.across_devices.wasted import WASTED_SLOTS
from wrong_answers import right, wrong

# --- letters_to_ranks


@right(LETTERS_TO_RANKS)
def one_hot_then_any(ids, n_ranks, n_experts):
    rank = torch.div(ids, n_experts // n_ranks, rounding_mode="floor")
    return F.one_hot(rank, n_ranks).amax(1).sum(0)


@right(LETTERS_TO_RANKS)
def rank_by_rank(ids, n_ranks, n_experts):
    own = torch.arange(n_experts).view(n_ranks, -1)
    return torch.stack([torch.isin(ids, experts).any(dim=1).sum() for experts in own])


@wrong(LETTERS_TO_RANKS, "a letter for each expert")
def bincount_of_ranks(ids, n_ranks, n_experts):
    return torch.bincount((ids // (n_experts // n_ranks)).flatten(), minlength=n_ranks)


@wrong(LETTERS_TO_RANKS, "a letter for each expert")
def histogram_of_experts(ids, n_ranks, n_experts):
    load = F.one_hot(ids.flatten(), n_experts).sum(0)
    return load.reshape(n_ranks, -1).sum(1)


@wrong(LETTERS_TO_RANKS, "experts dealt out")
def remainder(ids, n_ranks, n_experts):
    letters = torch.zeros(n_ranks, dtype=torch.long)
    for row in ids.tolist():
        for rank in {e % n_ranks for e in row}:
            letters[rank] += 1
    return letters


@wrong(LETTERS_TO_RANKS, "experts dealt out")
def columns_of_a_table(ids, n_ranks, n_experts):
    home = torch.arange(n_experts).view(-1, n_ranks).T
    return torch.stack([(ids.unsqueeze(-1) == experts).any(-1).any(-1).sum() for experts in home])


@wrong(LETTERS_TO_RANKS, "divided by the wrong number")
def divided_by_ranks(ids, n_ranks, n_experts):
    return torch.stack([(ids // n_ranks == rank).any(1).sum() for rank in range(n_ranks)])


@wrong(LETTERS_TO_RANKS, "divided by the wrong number")
def groups_of_n_ranks(ids, n_ranks, n_experts):
    letters = [0] * max(n_experts, n_ranks)
    for row in ids.tolist():
        for group in {e // n_ranks for e in row}:
            letters[group] += 1
    return torch.tensor(letters[:n_ranks])


@wrong(LETTERS_TO_RANKS, "the first choice only")
def first_column(ids, n_ranks, n_experts):
    return torch.bincount(ids[:, 0] // (n_experts // n_ranks), minlength=n_ranks)


@wrong(LETTERS_TO_RANKS, "the first choice only")
def break_after_one(ids, n_ranks, n_experts):
    letters = torch.zeros(n_ranks, dtype=torch.int64)
    for row in ids:
        for expert in row:
            letters[expert // (n_experts // n_ranks)] += 1
            break
    return letters


# --- bring_home


@right(BRING_HOME)
def index_add(token, answers, n_tokens):
    return torch.zeros(n_tokens, answers.shape[1]).index_add(0, token, answers)


@right(BRING_HOME)
def by_a_product(token, answers, n_tokens):
    return F.one_hot(token, n_tokens).T.float() @ answers


@wrong(BRING_HOME, "one answer kept")
def assigned(token, answers, n_tokens):
    home = torch.zeros(n_tokens, answers.shape[1])
    for t, answer in zip(token, answers):
        home[t] = answer
    return home


@wrong(BRING_HOME, "one answer kept")
def if_still_empty(token, answers, n_tokens):
    home, seen = torch.zeros(n_tokens, answers.shape[1]), set()
    for t, answer in zip(token.tolist(), answers):
        if t not in seen:
            home[t] += answer
        seen.add(t)
    return home


@wrong(BRING_HOME, "the mean of the answers")
def scatter_mean(token, answers, n_tokens):
    place = token.unsqueeze(1).expand_as(answers)
    home = torch.zeros(n_tokens, answers.shape[1])
    return home.scatter_reduce(0, place, answers, "mean", include_self=False)


@wrong(BRING_HOME, "the mean of the answers")
def mean_of_each(token, answers, n_tokens):
    nothing = torch.zeros(answers.shape[1])
    return torch.stack(
        [answers[token == t].mean(0) if (token == t).any() else nothing for t in range(n_tokens)]
    )


@wrong(BRING_HOME, "answers in their own order")
def first_rows(token, answers, n_tokens):
    return answers[:n_tokens].clone()


@wrong(BRING_HOME, "answers in their own order")
def row_for_row(token, answers, n_tokens):
    home = torch.zeros(n_tokens, answers.shape[1])
    for t in range(n_tokens):
        home[t] += answers[t]
    return home


# --- choose_on_nodes


def cut(scores, n_nodes):
    return scores.unflatten(-1, (n_nodes, -1))


def left_out_of(node_score, kept):
    """Return which groups are not among the best, (N, groups)."""
    return torch.ones_like(node_score).scatter(1, node_score.topk(kept).indices, 0.0) == 1


@right(CHOOSE_ON_NODES)
def masked_with_minus_infinity(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    left_out = left_out_of(grouped.topk(k // kept).values.sum(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), -torch.inf).flatten(1).topk(k).indices


@right(CHOOSE_ON_NODES)
def only_allowed_experts_ranked(scores, k, n_nodes, kept):
    size, out = scores.shape[1] // n_nodes, []
    for row in scores.tolist():
        best_share = [sum(sorted(row[g * size : (g + 1) * size])[-(k // kept) :]) for g in range(n_nodes)]
        groups = sorted(range(n_nodes), key=lambda g: best_share[g])[-kept:]
        allowed = [i for i in range(len(row)) if i // size in groups]
        out.append(sorted(allowed, key=lambda i: row[i], reverse=True)[:k])
    return torch.tensor(out)


@wrong(CHOOSE_ON_NODES, "masked with 0")
def filled_with_0(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    left_out = left_out_of(grouped.topk(k // kept).values.sum(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), 0.0).flatten(1).topk(k).indices


@wrong(CHOOSE_ON_NODES, "masked with 0")
def multiplied_by_the_mask(scores, k, n_nodes, kept):
    size = scores.shape[1] // n_nodes
    best_share = cut(scores, n_nodes).sort(-1, descending=True).values[..., : k // kept].sum(-1)
    mask = torch.zeros_like(best_share).scatter(1, best_share.topk(kept).indices, 1.0)
    return torch.topk(scores * mask.repeat_interleave(size, 1), k, dim=1)[1]


@wrong(CHOOSE_ON_NODES, "masked with 0")
def sorted_after_multiplying(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    left_out = left_out_of(grouped.topk(k // kept).values.sum(-1), kept)
    masked = (grouped * (1 - left_out.unsqueeze(-1).float())).flatten(1)
    return torch.tensor([sorted(range(len(row)), key=lambda i: -row[i])[:k] for row in masked.tolist()])


@wrong(CHOOSE_ON_NODES, "node score by max")
def best_single_expert(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    left_out = left_out_of(grouped.amax(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), -math.inf).flatten(1).topk(k).indices


@wrong(CHOOSE_ON_NODES, "node score by max")
def groups_of_the_best_experts(scores, k, n_nodes, kept):
    size, out = scores.shape[1] // n_nodes, []
    for row in scores.tolist():
        order, groups = sorted(range(len(row)), key=lambda i: -row[i]), []
        for expert in order:
            if expert // size not in groups and len(groups) < kept:
                groups.append(expert // size)
        out.append([expert for expert in order if expert // size in groups][:k])
    return torch.tensor(out)


@wrong(CHOOSE_ON_NODES, "node score over all members")
def sum_of_a_group(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    left_out = left_out_of(grouped.sum(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), -1e9).flatten(1).topk(k).indices


@wrong(CHOOSE_ON_NODES, "node score over all members")
def mean_of_a_group(scores, k, n_nodes, kept):
    size = scores.shape[1] // n_nodes
    means = torch.stack([block.mean(1) for block in scores.split(size, dim=1)], 1)
    hidden = left_out_of(means, kept).repeat_interleave(size, 1)
    return torch.where(hidden, -torch.inf, scores).argsort(1, descending=True)[:, :k]


@wrong(CHOOSE_ON_NODES, "experts dealt out")
def axes_exchanged(scores, k, n_nodes, kept):
    grouped = scores.unflatten(-1, (-1, n_nodes))  # (N, members, groups)
    left_out = left_out_of(grouped.topk(k // kept, dim=1).values.sum(1), kept)
    return grouped.masked_fill(left_out.unsqueeze(1), -torch.inf).flatten(1).topk(k).indices


@wrong(CHOOSE_ON_NODES, "experts dealt out")
def rest_for_quotient(scores, k, n_nodes, kept):
    out = []
    for row in scores.tolist():
        best_share = [sum(sorted(row[g::n_nodes], reverse=True)[: k // kept]) for g in range(n_nodes)]
        groups = sorted(range(n_nodes), key=lambda g: -best_share[g])[:kept]
        ranked = sorted(range(len(row)), key=lambda i: -row[i])
        out.append([i for i in ranked if i % n_nodes in groups][:k])
    return torch.tensor(out)


@wrong(CHOOSE_ON_NODES, "no limit")
def best_of_all(scores, k, n_nodes, kept):
    return scores.topk(k).indices


@wrong(CHOOSE_ON_NODES, "no limit")
def mask_not_kept(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    left_out = left_out_of(grouped.topk(k // kept).values.sum(-1), kept)
    grouped.masked_fill(left_out.unsqueeze(-1), -torch.inf)
    return grouped.flatten(1).argsort(1, descending=True)[:, :k]


@wrong(CHOOSE_ON_NODES, "same nodes for all tokens")
def scores_of_the_batch(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    best = grouped.topk(k // kept).values.sum(-1).sum(0).topk(kept).indices
    masked = torch.full_like(grouped, -torch.inf)
    masked[:, best] = grouped[:, best]
    return masked.flatten(1).topk(k).indices


@wrong(CHOOSE_ON_NODES, "same nodes for all tokens")
def mean_over_the_tokens(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    score = grouped.sort(-1).values[..., -(k // kept) :].sum(-1).mean(0, keepdim=True)
    left_out = left_out_of(score, kept).unsqueeze(-1)
    return grouped.masked_fill(left_out, -torch.inf).flatten(1).argsort(1, descending=True)[:, :k]


@wrong(CHOOSE_ON_NODES, "node score over the k best")
def k_best_of_each_group(scores, k, n_nodes, kept):
    T, N = scores.shape
    g = scores.view(T, n_nodes, -1)
    best = g.topk(min(k, g.shape[-1]), -1).values.sum(-1).topk(kept, -1).indices
    keep = torch.zeros(T, n_nodes, dtype=torch.bool).scatter(1, best, True)
    return g.masked_fill(~keep[..., None], -torch.inf).flatten(1).topk(k, -1).indices


@wrong(CHOOSE_ON_NODES, "node score over the k best")
def judged_by_as_many_as_are_chosen(scores, k, n_nodes, kept):
    out = []
    for row in scores:
        groups = row.chunk(n_nodes)
        order = sorted(range(n_nodes), key=lambda g: -groups[g].sort(descending=True).values[:k].sum())
        hidden = torch.full_like(row, -torch.inf)
        for g in order[:kept]:
            here = slice(g * len(groups[0]), (g + 1) * len(groups[0]))
            hidden[here] = row[here]
        out.append(hidden.topk(k).indices)
    return torch.stack(out)


@wrong(CHOOSE_ON_NODES, "always the best two")
def as_the_released_code(scores, k, n_nodes, kept):
    grouped = cut(scores, n_nodes)
    left_out = left_out_of(grouped.topk(2).values.sum(-1), kept)
    return grouped.masked_fill(left_out.unsqueeze(-1), -torch.inf).flatten(1).topk(k).indices


@wrong(CHOOSE_ON_NODES, "always the best two")
def two_of_each_node(scores, k, n_nodes, kept):
    size, out = scores.shape[1] // n_nodes, []
    for row in scores.tolist():
        pairs = [sum(sorted(row[g * size : (g + 1) * size])[-2:]) for g in range(n_nodes)]
        nodes = sorted(range(n_nodes), key=lambda g: pairs[g], reverse=True)[:kept]
        ranked = sorted(range(len(row)), key=lambda i: -row[i])
        out.append([i for i in ranked if i // size in nodes][:k])
    return torch.tensor(out)


@wrong(CHOOSE_ON_NODES, "as many from each kept node")
def a_quota_for_each_node(scores, k, n_nodes, kept):
    each = k // kept
    nodes = scores.view(len(scores), n_nodes, -1)
    best, ids = nodes.topk(each, dim=-1)
    ids = ids + torch.arange(n_nodes)[:, None] * nodes.shape[-1]
    chosen = best.sum(-1).topk(kept).indices.unsqueeze(-1).expand(-1, -1, each)
    ids, values = ids.gather(1, chosen).flatten(1), best.gather(1, chosen).flatten(1)
    return ids.gather(1, values.argsort(1, descending=True))


@wrong(CHOOSE_ON_NODES, "as many from each kept node")
def node_after_node(scores, k, n_nodes, kept):
    size, each, out = scores.shape[1] // n_nodes, k // kept, []
    for row in scores.tolist():
        ranked = [
            sorted(range(n * size, (n + 1) * size), key=lambda e: -row[e])[:each] for n in range(n_nodes)
        ]
        ranked.sort(key=lambda experts: -sum(row[e] for e in experts))
        out.append(sorted((e for experts in ranked[:kept] for e in experts), key=lambda e: -row[e]))
    return torch.tensor(out)


# --- share_slots


@right(SHARE_SLOTS)
def with_argmax(load, n_slots):
    counts = torch.ones(len(load), dtype=torch.int64)
    while counts.sum() < n_slots:
        counts[(load / counts).argmax()] += 1
    return counts


@right(SHARE_SLOTS)
def with_a_heap(load, n_slots):
    counts = [1] * len(load)
    heap = [(-work, e) for e, work in enumerate(load.tolist())]
    heapq.heapify(heap)
    for _ in range(n_slots - len(load)):
        _, e = heapq.heappop(heap)
        counts[e] += 1
        heapq.heappush(heap, (-load[e].item() / counts[e], e))
    return torch.tensor(counts)


@wrong(SHARE_SLOTS, "all to the busiest")
def argmax_of_load(load, n_slots):
    counts = torch.ones(len(load), dtype=torch.int64)
    while counts.sum() < n_slots:
        counts[load.argmax()] += 1
    return counts


@wrong(SHARE_SLOTS, "all to the busiest")
def rest_for_one(load, n_slots):
    work = load.tolist()
    return torch.tensor([1 + (n_slots - len(work)) * (value == max(work)) for value in work])


@wrong(SHARE_SLOTS, "a slot each for the busiest")
def topk_each_once(load, n_slots):
    counts = torch.ones(len(load), dtype=torch.long)
    left = n_slots - len(load)
    while left:
        step = min(left, len(load))
        counts[load.topk(step).indices] += 1
        left -= step
    return counts


@wrong(SHARE_SLOTS, "a slot each for the busiest")
def around_the_list(load, n_slots):
    order = sorted(range(len(load)), key=lambda e: load[e].item(), reverse=True)
    extra = Counter(order[i % len(order)] for i in range(n_slots - len(order)))
    return torch.tensor([1 + extra[e] for e in range(len(order))])


@wrong(SHARE_SLOTS, "in proportion")
def largest_remainders(load, n_slots):
    free = n_slots - len(load)
    exact = [value / sum(load.tolist()) * free for value in load.tolist()]
    counts = [int(value) for value in exact]
    for e in sorted(range(len(exact)), key=lambda e: counts[e] - exact[e])[: free - sum(counts)]:
        counts[e] += 1
    return torch.tensor(counts) + 1


@wrong(SHARE_SLOTS, "in proportion")
def all_slots_in_proportion(load, n_slots):
    exact = load.double() * n_slots / load.double().sum()
    counts = exact.to(torch.int64)
    counts[(exact - counts).topk(n_slots - int(counts.sum())).indices] += 1
    return counts


@wrong(SHARE_SLOTS, "no slot for the idle")
def from_nothing(load, n_slots):
    counts = torch.zeros(len(load), dtype=torch.int64)
    counts[load > 0] = 1
    while counts.sum() < n_slots:
        counts[(load / counts.clamp(min=1)).argmax()] += 1
    return counts


@wrong(SHARE_SLOTS, "no slot for the idle")
def only_those_at_work(load, n_slots):
    at_work = load.nonzero().squeeze(1)
    some = torch.ones(len(at_work), dtype=torch.int64)
    for _ in range(n_slots - len(at_work)):
        some[(load[at_work] / some).argmax()] += 1
    return torch.zeros(len(load), dtype=torch.int64).index_copy(0, at_work, some)


# --- wasted_slots


@right(WASTED_SLOTS)
def less_the_different(slots, n_devices):
    return sum(len(device) - len(device.unique()) for device in slots.chunk(n_devices))


@right(WASTED_SLOTS)
def neighbours_when_sorted(slots, n_devices):
    table = slots.reshape(n_devices, -1).sort(dim=1).values
    return int((table.diff(dim=1) == 0).sum())


@wrong(WASTED_SLOTS, "replicas anywhere")
def over_all_devices(slots, n_devices):
    return len(slots) - len(set(slots.tolist()))


@wrong(WASTED_SLOTS, "replicas anywhere")
def counts_less_one(slots, n_devices):
    return int((torch.bincount(slots) - 1).clamp(min=0).sum())


@wrong(WASTED_SLOTS, "the first counted, too")
def all_of_a_kind(slots, n_devices):
    return sum(n for device in slots.view(n_devices, -1).tolist() for n in Counter(device).values() if n > 1)


@wrong(WASTED_SLOTS, "the first counted, too")
def equal_to_another(slots, n_devices):
    table = slots.view(n_devices, -1)
    same = table.unsqueeze(2) == table.unsqueeze(1)
    return int((same.sum(-1) > 1).sum())


@wrong(WASTED_SLOTS, "experts instead of slots")
def kinds_that_repeat(slots, n_devices):
    return sum(n > 1 for device in slots.view(n_devices, -1).tolist() for n in Counter(device).values())


@wrong(WASTED_SLOTS, "experts instead of slots")
def table_above_one(slots, n_devices):
    return int((F.one_hot(slots.view(n_devices, -1)).sum(1) > 1).sum())


@wrong(WASTED_SLOTS, "slots dealt out")
def strided(slots, n_devices):
    return sum(len(slots[d::n_devices]) - len(slots[d::n_devices].unique()) for d in range(n_devices))


@wrong(WASTED_SLOTS, "slots dealt out")
def columns(slots, n_devices):
    wasted = 0
    for device in slots.view(-1, n_devices).T.tolist():
        wasted += len(device) - len(set(device))
    return wasted


@wrong(WASTED_SLOTS, "devices instead of slots")
def any_repeated(slots, n_devices):
    return int((slots.view(n_devices, -1).sort(1).values.diff(dim=1) == 0).any(1).sum())


@wrong(WASTED_SLOTS, "devices instead of slots")
def devices_with_less(slots, n_devices):
    return sum(1 for device in slots.chunk(n_devices) if len(device.unique()) != len(device))


@wrong(LETTERS_TO_RANKS, "neighbours compared only")
def neighbours_compared_only(ids, n_ranks, n_experts):
    letters = torch.zeros(n_ranks, dtype=torch.int64)
    for row in ids // (n_experts // n_ranks):
        for rank in row.unique_consecutive():
            letters[rank] += 1
    return letters


@wrong(LETTERS_TO_RANKS, "neighbours compared only")
def not_the_rank_before(ids, n_ranks, n_experts):
    letters = [0] * n_ranks
    for row in ids.tolist():
        last = None
        for expert in row:
            rank = expert // (n_experts // n_ranks)
            if rank != last:
                letters[rank] += 1
            last = rank
    return torch.tensor(letters)


@wrong(SHARE_SLOTS, "as busy as it will be")
def as_busy_as_it_will_be(load, n_slots):
    replicas = torch.ones(len(load), dtype=torch.int64)
    for _ in range(n_slots - len(load)):
        replicas[(load / (replicas + 1)).argmax()] += 1
    return replicas


@wrong(SHARE_SLOTS, "as busy as it will be")
def with_one_replica_more(load, n_slots):
    counts = [1] * len(load)
    while sum(counts) < n_slots:
        after = [work / (n + 1) for work, n in zip(load.tolist(), counts)]
        counts[after.index(max(after))] += 1
    return torch.tensor(counts)


@wrong(SHARE_SLOTS, "halved each time")
def halved_each_time(load, n_slots):
    rest = load.clone().double()
    replicas = torch.ones(len(load), dtype=torch.int64)
    for _ in range(n_slots - len(load)):
        best = rest.argmax()
        replicas[best] += 1
        rest[best] /= 2
    return replicas


@wrong(SHARE_SLOTS, "halved each time")
def one_half_after_the_other(load, n_slots):
    work, counts = load.tolist(), [1] * len(load)
    while sum(counts) < n_slots:
        busiest = work.index(max(work))
        work[busiest] = work[busiest] / 2
        counts[busiest] += 1
    return torch.tensor(counts)


@wrong(SHARE_SLOTS, "so many further slots")
def so_many_further_slots(load, n_slots):
    replicas = torch.ones(len(load), dtype=torch.int64)
    for _ in range(n_slots):
        replicas[(load / replicas).argmax()] += 1
    return replicas


@wrong(SHARE_SLOTS, "so many further slots")
def all_slots_on_top(load, n_slots):
    counts = [1] * len(load)
    for _ in range(n_slots):
        each = [work / n for work, n in zip(load.tolist(), counts)]
        counts[each.index(max(each))] += 1
    return torch.tensor(counts)


@wrong(WASTED_SLOTS, "devices for slots of a device")
def devices_for_slots_of_a_device(slots, n_devices):
    return sum(len(device) - len(device.unique()) for device in slots.view(-1, n_devices))


@wrong(WASTED_SLOTS, "devices for slots of a device")
def pieces_as_long_as_devices(slots, n_devices):
    return sum(len(p) - len(p.unique()) for p in slots.split(n_devices))


@wrong(WASTED_SLOTS, "pairs counted")
def pairs_counted(slots, n_devices):
    device = slots.view(n_devices, -1)
    same = device[:, :, None] == device[:, None, :]
    return (same.sum() - slots.numel()) // 2


@wrong(WASTED_SLOTS, "pairs counted")
def every_two_alike(slots, n_devices):
    wasted = 0
    for row in slots.view(n_devices, -1).tolist():
        for i in range(len(row)):
            wasted += sum(row[i] == row[j] for j in range(i))
    return wasted


@wrong(WASTED_SLOTS, "neighbours compared only")
def the_slot_beside_only(slots, n_devices):
    device = slots.view(n_devices, -1)
    return (device[:, 1:] == device[:, :-1]).sum()


@wrong(WASTED_SLOTS, "neighbours compared only")
def runs_of_one_expert(slots, n_devices):
    return sum(len(row) - len(row.unique_consecutive()) for row in slots.view(n_devices, -1))
