"""Lesson 18: answers to its exercises, right and wrong, as readers would write them."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.reading_further.blocks import BLOCKS
from lessons_lib.checks.reading_further.choice import CHOICE
from lessons_lib.checks.reading_further.crossover import CROSSOVER
from lessons_lib.checks.reading_further.scores import SCORES
from wrong_answers import right, wrong

# --- index_scores


def _hide(scores, first):
    later = torch.arange(scores.shape[1]) >= torch.arange(len(scores))[:, None] + first
    return scores.masked_fill(later, -math.inf)


@right(SCORES)
def all_at_once(q, k, w):
    each = F.relu(torch.einsum("thd,sd->ths", q, k))
    return _hide((w[..., None] * each).sum(1), len(k) - len(q) + 1)


@right(SCORES)
def head_by_head(q, k, w):
    total = sum(w[:, h, None] * (q[:, h] @ k.T).clamp(min=0) for h in range(q.shape[1]))
    mask = torch.full_like(total, -math.inf).triu(len(k) - len(q) + 1)
    return total + mask


@wrong(SCORES, "no ReLU")
def linear_heads(q, k, w):
    return _hide(torch.einsum("th,thd,sd->ts", w, q, k), len(k) - len(q) + 1)


@wrong(SCORES, "no ReLU")
def linear_head_by_head(q, k, w):
    return _hide(sum(w[:, h, None] * (q[:, h] @ k.T) for h in range(q.shape[1])), len(k) - len(q) + 1)


@wrong(SCORES, "ReLU on the sum")
def relu_outside(q, k, w):
    return _hide(F.relu(torch.einsum("th,thd,sd->ts", w, q, k)), len(k) - len(q) + 1)


@wrong(SCORES, "ReLU on the sum")
def relu_twice(q, k, w):
    each = F.relu(torch.einsum("thd,sd->ths", q, k))
    return _hide(F.relu((w[..., None] * each).sum(1)), len(k) - len(q) + 1)


@wrong(SCORES, "weights through a softmax")
def heads_share_one(q, k, w):
    return all_at_once(q, k, w.softmax(-1))


@wrong(SCORES, "weights through a softmax")
def heads_share_one_by_hand(q, k, w):
    return head_by_head(q, k, w.exp() / w.exp().sum(1, keepdim=True))


@wrong(SCORES, "heads not weighted")
def plain_sum(q, k, w):
    return _hide(F.relu(torch.einsum("thd,sd->ths", q, k)).sum(1), len(k) - len(q) + 1)


@wrong(SCORES, "heads not weighted")
def plain_sum_of_heads(q, k, w):
    return head_by_head(q, k, torch.ones_like(w))


@wrong(SCORES, "later positions scored")
def no_mask(q, k, w):
    return (w[..., None] * F.relu(torch.einsum("thd,sd->ths", q, k))).sum(1)


@wrong(SCORES, "later positions scored")
def no_mask_head_by_head(q, k, w):
    return sum(w[:, h, None] * (q[:, h] @ k.T).relu() for h in range(q.shape[1]))


@wrong(SCORES, "the first query taken for the first position")
def square_mask(q, k, w):
    return no_mask(q, k, w) + torch.full((len(q), len(k)), -math.inf).triu(1)


@wrong(SCORES, "the first query taken for the first position")
def square_mask_by_index(q, k, w):
    return _hide(no_mask(q, k, w), 1)


# --- keep_best


@right(CHOICE)
def flipped_and_stable(scores, k):
    n = len(scores)
    order = scores.flip(0).sort(descending=True, stable=True).indices
    best = (n - 1 - order)[: min(k, int((scores > -math.inf).sum()))]
    return best.sort().values


@right(CHOICE)
def as_pairs(scores, k):
    seen = [(s, i) for i, s in enumerate(scores.tolist()) if s != -math.inf]
    return torch.tensor(sorted(i for _, i in sorted(seen)[-k:]))


@wrong(CHOICE, "ties to the earlier position")
def stable_sort(scores, k):
    order = scores.sort(descending=True, stable=True).indices
    return order[: min(k, int((scores > -math.inf).sum()))].sort().values


@wrong(CHOICE, "ties to the earlier position")
def pairs_the_other_way(scores, k):
    seen = [(-s, i) for i, s in enumerate(scores.tolist()) if s != -math.inf]
    return torch.tensor(sorted(i for _, i in sorted(seen)[:k]))


@wrong(CHOICE, "positions that are not there")
def k_of_all(scores, k):
    n = len(scores)
    order = scores.flip(0).sort(descending=True, stable=True).indices
    return (n - 1 - order)[:k].sort().values


@wrong(CHOICE, "positions that are not there")
def pairs_of_all(scores, k):
    return torch.tensor(sorted(i for _, i in sorted((s, i) for i, s in enumerate(scores.tolist()))[-k:]))


@wrong(CHOICE, "in the order of scores")
def best_first(scores, k):
    seen = [(s, i) for i, s in enumerate(scores.tolist()) if s != -math.inf]
    return torch.tensor([i for _, i in sorted(seen, reverse=True)[:k]])


@wrong(CHOICE, "in the order of scores")
def best_first_sorted(scores, k):
    n = len(scores)
    order = scores.flip(0).sort(descending=True, stable=True).indices
    return (n - 1 - order)[: min(k, int((scores > -math.inf).sum()))]


@wrong(CHOICE, "the lowest kept")
def lowest(scores, k):
    seen = [(s, -i) for i, s in enumerate(scores.tolist()) if s != -math.inf]
    return torch.tensor(sorted(-i for _, i in sorted(seen)[:k]))


@wrong(CHOICE, "the lowest kept")
def lowest_of_the_negative(scores, k):
    scores = torch.where(scores > -math.inf, -scores, scores)
    return as_pairs(scores, k)


@wrong(CHOICE, "all of a tie kept")
def threshold(scores, k):
    seen = scores[scores > -math.inf]
    return (scores >= seen.topk(min(k, len(seen))).values[-1]).nonzero()[:, 0]


@wrong(CHOICE, "all of a tie kept")
def threshold_by_sorting(scores, k):
    seen = sorted((s for s in scores.tolist() if s > -math.inf), reverse=True)
    return torch.tensor([i for i, s in enumerate(scores.tolist()) if s >= seen[:k][-1]])


@wrong(CHOICE, "the latest kept")
def window(scores, k):
    return (scores > -math.inf).nonzero()[:, 0][-k:]


@wrong(CHOICE, "the latest kept")
def window_by_range(scores, k):
    n = int((scores > -math.inf).sum())
    return torch.arange(max(0, n - k), n)


# --- block_scores


@right(BLOCKS)
def shifted(p, n_blocks, block, length, stride):
    per, wide = block // stride, length // stride
    out = torch.zeros(n_blocks)
    for j in range(n_blocks):
        for m in range(per):
            for n in range(wide):
                i = per * (j + 1) - 1 - m - n
                if 0 <= i < len(p):
                    out[j] += p[i]
    return out


@right(BLOCKS)
def by_overlap(p, n_blocks, block, length, stride):
    begins = torch.arange(len(p)) * stride
    mine = torch.arange(n_blocks)[:, None] * block
    shared = (begins + length).minimum(mine + block) - begins.maximum(mine)
    return (shared.clamp(min=0) / stride) @ p


@wrong(BLOCKS, "typed as it stands")
def literally(p, n_blocks, block, length, stride):
    out = torch.zeros(n_blocks)
    for j in range(n_blocks):
        for m in range(block // stride):
            for n in range(length // stride):
                out[j] += p[block // stride * j - m - n]
    return out


@wrong(BLOCKS, "typed as it stands")
def literally_at_once(p, n_blocks, block, length, stride):
    m, n = torch.arange(block // stride)[:, None], torch.arange(length // stride)
    return torch.stack([p[block // stride * j - m - n].sum() for j in range(n_blocks)])


@wrong(BLOCKS, "the future left out, the rest one block off")
def negative_skipped(p, n_blocks, block, length, stride):
    out = torch.zeros(n_blocks)
    for j in range(n_blocks):
        for m in range(block // stride):
            for n in range(length // stride):
                i = block // stride * j - m - n
                if i >= 0:
                    out[j] += p[i]
    return out


@wrong(BLOCKS, "the future left out, the rest one block off")
def padded_in_front(p, n_blocks, block, length, stride):
    per, wide = block // stride, length // stride
    longer = torch.cat([torch.zeros(per + wide), p])
    m, n = torch.arange(per)[:, None], torch.arange(wide)
    return torch.stack([longer[per + wide + per * j - m - n].sum() for j in range(n_blocks)])


@wrong(BLOCKS, "every block counts once")
def any_overlap(p, n_blocks, block, length, stride):
    begins = torch.arange(len(p)) * stride
    mine = torch.arange(n_blocks)[:, None] * block
    shared = (begins + length).minimum(mine + block) - begins.maximum(mine)
    return (shared > 0).float() @ p


@wrong(BLOCKS, "every block counts once")
def a_set_of_blocks(p, n_blocks, block, length, stride):
    out = []
    for j in range(n_blocks):
        inside = {t // stride - n for t in range(j * block, (j + 1) * block) for n in range(length // stride)}
        out.append(sum(p[i] for i in inside if 0 <= i < len(p)))
    return torch.stack(out)


@wrong(BLOCKS, "only blocks that begin inside")
def begins_inside(p, n_blocks, block, length, stride):
    per = block // stride
    return torch.stack([p[per * j : per * (j + 1)].sum() for j in range(n_blocks)])


@wrong(BLOCKS, "only blocks that begin inside")
def begins_inside_by_token(p, n_blocks, block, length, stride):
    owner = torch.arange(len(p)) * stride // block
    return torch.zeros(n_blocks).scatter_add(0, owner, p)


# --- cheaper_from


@right(CROSSOVER)
def by_division(k, indexer, attention):
    return k * attention // (attention - indexer) + 1 if attention > indexer else 0


@right(CROSSOVER)
def by_search(k, indexer, attention):
    if indexer >= attention:
        return 0
    low, high = k, 2
    while high * (attention - indexer) <= k * attention:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if middle * (attention - indexer) > k * attention else (middle + 1, high)
    return low


@wrong(CROSSOVER, "the indexer for nothing")
def beyond_k(k, indexer, attention):
    return k + 1 if attention > indexer else 0


@wrong(CROSSOVER, "the indexer for nothing")
def beyond_k_by_products(k, indexer, attention):
    return 0 if indexer >= attention else k * attention // attention + 1


@wrong(CROSSOVER, "equal taken for cheaper")
def rounded_up(k, indexer, attention):
    return math.ceil(k * attention / (attention - indexer)) if attention > indexer else 0


@wrong(CROSSOVER, "equal taken for cheaper")
def counted_up(k, indexer, attention):
    length = k
    while indexer < attention and length * indexer + k * attention > length * attention:
        length += 1
    return length if indexer < attention else 0


@wrong(CROSSOVER, "one too short")
def rounded_down(k, indexer, attention):
    return int(k * attention / (attention - indexer)) if attention > indexer else 0


@wrong(CROSSOVER, "one too short")
def divided(k, indexer, attention):
    return k * attention // (attention - indexer) if attention > indexer else 0


@wrong(CROSSOVER, "indexer against the k positions")
def as_dear_as_k(k, indexer, attention):
    return k * attention // indexer if attention > indexer else 0


@wrong(CROSSOVER, "indexer against the k positions")
def dearer_than_k(k, indexer, attention):
    return k * attention // indexer + 1 if attention > indexer else 0
