"""Lesson 18: answers to its exercises, right and wrong, as readers would write them."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.reading_further.blocks import BLOCKS
from lessons_lib.checks.reading_further.choice import CHOICE
from lessons_lib.checks.reading_further.crossover import CROSSOVER
from lessons_lib.checks.reading_further.ramp import RAMP_OF_TURNS
from lessons_lib.checks.reading_further.scores import SCORES
from lessons_lib.checks.reading_further.stretch import SLOW_PAIRS, YARN_SCORES
from wrong_answers import refused, right, wrong

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


@wrong(SCORES, "own position hidden")
def only_what_was_before(q, k, w):
    scores = (w.unsqueeze(-1) * torch.einsum("thd,sd->ths", q, k).relu()).sum(1)
    at = torch.arange(len(k) - len(q), len(k))[:, None]
    return scores.masked_fill(torch.arange(len(k)) >= at, -torch.inf)


@wrong(SCORES, "own position hidden")
def a_mask_below_the_diagonal(q, k, w):
    scores = sum(w[:, j, None] * (q[:, j] @ k.T).clamp(min=0) for j in range(q.shape[1]))
    seen = torch.ones(len(q), len(k), dtype=torch.bool).tril(len(k) - len(q) - 1)
    return scores.masked_fill(~seen, float("-inf"))


@wrong(SCORES, "one position too many")
def up_to_the_next(q, k, w):
    scores = (w.unsqueeze(-1) * torch.einsum("thd,sd->ths", q, k).relu()).sum(1)
    at = torch.arange(len(k) - len(q), len(k))[:, None]
    return scores.masked_fill(torch.arange(len(k)) > at + 1, -torch.inf)


@wrong(SCORES, "one position too many")
def a_mask_above_the_diagonal(q, k, w):
    scores = sum(w[:, j, None] * (q[:, j] @ k.T).clamp(min=0) for j in range(q.shape[1]))
    seen = torch.ones(len(q), len(k), dtype=torch.bool).tril(len(k) - len(q) + 1)
    return scores.masked_fill(~seen, float("-inf"))


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


# --- YaRN: ramp_of_turns, slow_pairs, yarn_scores


def pair_of(turns, width, theta, length):
    return width * math.log(length / (2 * math.pi * turns)) / (2 * math.log(theta))


def rise(width, low, high):
    return ((torch.arange(width // 2) - low) / (high - low)).clamp(min=0, max=1)


def turns_of(width, theta, length):
    return length / (2 * math.pi) * theta ** (-torch.arange(0, width, 2).double() / width)


@right(RAMP_OF_TURNS)
def one_less_what_stays(width, theta, length, beta_fast, beta_slow):
    stays = (turns_of(width, theta, length) - beta_slow) / (beta_fast - beta_slow)
    return 1 - stays.clamp(0, 1)


@right(RAMP_OF_TURNS)
def pair_after_pair(width, theta, length, beta_fast, beta_slow):
    out = []
    for i in range(width // 2):
        wavelength = 2 * math.pi * theta ** (2 * i / width)
        share = (length / wavelength - beta_fast) / (beta_slow - beta_fast)
        out.append(min(1.0, max(0.0, share)))
    return torch.tensor(out)


@wrong(RAMP_OF_TURNS, "ramp inverted")
def what_stays(width, theta, length, beta_fast, beta_slow):
    return ((turns_of(width, theta, length) - beta_slow) / (beta_fast - beta_slow)).clamp(0, 1)


@wrong(RAMP_OF_TURNS, "ramp inverted")
def one_minus_the_ramp(width, theta, length, beta_fast, beta_slow):
    return 1 - one_less_what_stays(width, theta, length, beta_fast, beta_slow)


@wrong(RAMP_OF_TURNS, "over the pairs")
def as_in_the_lesson(width, theta, length, beta_fast, beta_slow):
    low = math.floor(pair_of(beta_fast, width, theta, length))
    high = math.ceil(pair_of(beta_slow, width, theta, length))
    return rise(width, low, high)


@wrong(RAMP_OF_TURNS, "over the pairs")
def as_the_logarithms_say(width, theta, length, beta_fast, beta_slow):
    return rise(width, *(pair_of(b, width, theta, length) for b in (beta_fast, beta_slow)))


@wrong(RAMP_OF_TURNS, "over the pairs")
def over_the_logarithm_of_turns(width, theta, length, beta_fast, beta_slow):
    turns = turns_of(width, theta, length)
    return (torch.log(beta_fast / turns) / math.log(beta_fast / beta_slow)).clamp(0, 1)


@wrong(RAMP_OF_TURNS, "over the wavelengths")
def tokens_a_turn(width, theta, length, beta_fast, beta_slow):
    wavelength = 2 * math.pi * theta ** (2 * torch.arange(width // 2).double() / width)
    low, high = length / beta_fast, length / beta_slow
    return ((wavelength - low) / (high - low)).clamp(0, 1)


@wrong(RAMP_OF_TURNS, "over the wavelengths")
def shares_of_the_text(width, theta, length, beta_fast, beta_slow):
    per_turn = 1 / turns_of(width, theta, length)
    share = (per_turn - 1 / beta_fast) / (1 / beta_slow - 1 / beta_fast)
    return torch.tensor([min(max(s, 0.0), 1.0) for s in share.tolist()])


@wrong(RAMP_OF_TURNS, "radians for turns")
def two_pi_forgotten(width, theta, length, beta_fast, beta_slow):
    turns = length * theta ** (-2 * torch.arange(width // 2) / width)
    return ((beta_fast - turns) / (beta_fast - beta_slow)).clamp(0, 1)


@wrong(RAMP_OF_TURNS, "radians for turns")
def angles_for_turns(width, theta, length, beta_fast, beta_slow):
    out = []
    for i in range(width // 2):
        angle = length * theta ** (-2 * i / width)
        out.append(1 - min(max((angle - beta_slow) / (beta_fast - beta_slow), 0), 1))
    return torch.tensor(out, dtype=torch.float64)


@wrong(RAMP_OF_TURNS, "channels for pairs")
def two_forgotten(width, theta, length, beta_fast, beta_slow):
    turns = length / (2 * math.pi) * theta ** (-torch.arange(width // 2) / width)
    return ((beta_fast - turns) / (beta_fast - beta_slow)).clamp(0, 1)


@wrong(RAMP_OF_TURNS, "channels for pairs")
def first_half_of_the_channels(width, theta, length, beta_fast, beta_slow):
    turns = [length * theta ** (-i / width) / (2 * math.pi) for i in range(width)][: width // 2]
    return torch.tensor([min(max((beta_fast - n) / (beta_fast - beta_slow), 0.0), 1.0) for n in turns])


@wrong(RAMP_OF_TURNS, "not cut off")
def a_straight_line(width, theta, length, beta_fast, beta_slow):
    return (beta_fast - turns_of(width, theta, length)) / (beta_fast - beta_slow)


@wrong(RAMP_OF_TURNS, "not cut off")
def a_straight_line_by_list(width, theta, length, beta_fast, beta_slow):
    turns = [length * theta ** (-2 * i / width) / (2 * math.pi) for i in range(width // 2)]
    return torch.tensor([1 - (n - beta_slow) / (beta_fast - beta_slow) for n in turns])


@right(SLOW_PAIRS)
def mixture(frequencies, ramp, factor):
    return (1 - ramp) * frequencies + ramp * frequencies / factor


@right(SLOW_PAIRS)
def by_lerp(frequencies, ramp, factor):
    return torch.lerp(frequencies, frequencies / factor, ramp)


@wrong(SLOW_PAIRS, "factor multiplied")
def times_the_factor(frequencies, ramp, factor):
    return (1 - ramp) * frequencies + ramp * frequencies * factor


@wrong(SLOW_PAIRS, "factor multiplied")
def stretched_the_other_way(frequencies, ramp, factor):
    return frequencies * (1 + ramp * (factor - 1))


@wrong(SLOW_PAIRS, "ramp inverted")
def ramp_on_the_usual(frequencies, ramp, factor):
    return ramp * frequencies + (1 - ramp) * frequencies / factor


@wrong(SLOW_PAIRS, "ramp inverted")
def lerp_the_other_way(frequencies, ramp, factor):
    return torch.lerp(frequencies / factor, frequencies, ramp)


@wrong(SLOW_PAIRS, "all pairs slowed")
def plain_interpolation(frequencies, ramp, factor):
    return frequencies / factor


@wrong(SLOW_PAIRS, "all pairs slowed")
def both_parts_divided(frequencies, ramp, factor):
    return ((1 - ramp) * frequencies + ramp * frequencies) / factor


@wrong(SLOW_PAIRS, "factor on the ramp")
def factors_mixed(frequencies, ramp, factor):
    return frequencies / ((1 - ramp) + ramp * factor)


@wrong(SLOW_PAIRS, "factor on the ramp")
def logarithms_mixed(frequencies, ramp, factor):
    usual, slowest = frequencies.log(), (frequencies / factor).log()
    return ((1 - ramp) * usual + ramp * slowest).exp()


@wrong(SLOW_PAIRS, "slowed part only")
def second_term_alone(frequencies, ramp, factor):
    return ramp * frequencies / factor


@wrong(SLOW_PAIRS, "slowed part only")
def first_term_overwritten(frequencies, ramp, factor):
    slowed = frequencies / factor
    return torch.stack([share * angle for share, angle in zip(ramp, slowed, strict=True)])


@right(YARN_SCORES)
def times_m_twice(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    return dots * (n + r) ** -0.5 * m * m


@right(YARN_SCORES)
def in_tensors(dots, n, r, factor):
    m = torch.tensor(factor).log().mul(0.1).add(1)
    return (dots / torch.tensor(n + r).sqrt()).mul(m.square())


@wrong(YARN_SCORES, "mscale once")
def times_m(dots, n, r, factor):
    return dots / math.sqrt(n + r) * (1 + math.log(factor) / 10)


@wrong(YARN_SCORES, "mscale once")
def in_the_query_only(dots, n, r, factor):
    query = dots * (0.1 * torch.log(torch.tensor(factor)) + 1)
    return query * (n + r) ** -0.5


@wrong(YARN_SCORES, "mscale left out")
def usual_scale(dots, n, r, factor):
    return dots * (n + r) ** -0.5


@wrong(YARN_SCORES, "mscale left out")
def m_without_its_logarithm(dots, n, r, factor):
    m = 0.1 * math.log(factor / factor) + 1
    return dots.mul(m * m).div((n + r) ** 0.5)


@wrong(YARN_SCORES, "mscale divides")
def divided_by_m_squared(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    return dots / (math.sqrt(n + r) * m**2)


@wrong(YARN_SCORES, "mscale divides")
def divided_by_m(dots, n, r, factor):
    temperature = 0.1 * math.log(factor) + 1
    return dots / temperature / (n + r) ** 0.5


@wrong(YARN_SCORES, "logarithm to base 10")
def by_log10(dots, n, r, factor):
    m = 0.1 * math.log10(factor) + 1
    return dots * m * m / math.sqrt(n + r)


@wrong(YARN_SCORES, "logarithm to base 10")
def by_torch_log10(dots, n, r, factor):
    m = 1 + torch.log10(torch.tensor(factor)) / 10
    return dots * m**2 * (n + r) ** -0.5


@wrong(YARN_SCORES, "a tenth forgotten")
def logarithm_plus_one(dots, n, r, factor):
    return dots * (math.log(factor) + 1) ** 2 / (n + r) ** 0.5


@wrong(YARN_SCORES, "a tenth forgotten")
def logarithm_of_e_times_the_factor(dots, n, r, factor):
    m = math.log(math.e * factor)
    return m * (dots / math.sqrt(n + r)) * m


@wrong(YARN_SCORES, "scale without the rotary part")
def root_of_nope_alone(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    return dots * m * m / n**0.5


@wrong(YARN_SCORES, "scale without the rotary part")
def root_of_nope_in_the_query(dots, n, r, factor):
    query = dots / torch.full_like(dots, n).sqrt()
    return query * (0.1 * math.log(factor) + 1) ** 2


@wrong(YARN_SCORES, "root forgotten")
def divided_by_the_width(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    return m * m * dots / (n + r)


@wrong(YARN_SCORES, "root forgotten")
def root_twice(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    once = dots * m / math.sqrt(n + r)
    return once * m / math.sqrt(n + r)


@refused(YARN_SCORES, "every number of scores is too large by 1.")
def with_a_constant_added(dots, n, r, factor):
    return dots * (0.1 * math.log(factor) + 1) ** 2 / (n + r) ** 0.5 + 1
