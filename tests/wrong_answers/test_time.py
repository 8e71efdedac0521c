"""Lesson 17: answers to the exercises on pass@k, votes, best-of-n, budgets and verdicts."""

import math
import re
from collections import Counter
from itertools import combinations

import torch

from lessons_lib.checks.test_time.best import BEST_OF_N
from lessons_lib.checks.test_time.chance import CHANCE_OF_PASS
from lessons_lib.checks.test_time.cut import RIGHT_WHEN_CUT
from lessons_lib.checks.test_time.force import NEXT_TOKEN
from lessons_lib.checks.test_time.pass_at_k import PASS_AT_K
from lessons_lib.checks.test_time.verdict import VERDICTS
from lessons_lib.checks.test_time.vote import VOTE
from wrong_answers import refused, right, wrong

# --- pass_at_k


@right(PASS_AT_K)
def by_binomials(correct, k):
    n = correct.shape[1]
    chances = [1 - math.comb(n - c, k) / math.comb(n, k) for c in correct.sum(1).tolist()]
    return torch.tensor(chances)


@right(PASS_AT_K)
def by_the_product(correct, k):
    n, chances = correct.shape[1], []
    for c in correct.sum(1).tolist():
        none = 1.0
        for i in range(n - c + 1, n + 1):
            none *= 1 - k / i
        chances.append(1.0 if n - c < k else 1 - none)
    return torch.tensor(chances)


@right(PASS_AT_K)
def by_all_subsets(correct, k):
    return torch.stack(
        [correct[:, list(s)].any(1).float() for s in combinations(range(correct.shape[1]), k)]
    ).mean(0)


@wrong(PASS_AT_K, "plug-in")
def share_as_chance(correct, k):
    return 1 - (1 - correct.float().mean(1)) ** k


@wrong(PASS_AT_K, "plug-in")
def put_back_each_time(correct, k):
    none, n = torch.ones(len(correct)), correct.shape[1]
    for _ in range(k):
        none = none * (n - correct.sum(1)) / n
    return 1 - none


@wrong(PASS_AT_K, "the first k samples")
def cut_to_k(correct, k):
    return correct[:, :k].any(1).float()


@wrong(PASS_AT_K, "the first k samples")
def last_ones(correct, k):
    return torch.tensor([float(sum(row[-k:]) > 0) for row in correct.tolist()])


@wrong(PASS_AT_K, "all k right")
def every_one_right(correct, k):
    n = correct.shape[1]
    return torch.tensor([math.comb(c, k) / math.comb(n, k) for c in correct.sum(1).tolist()])


@wrong(PASS_AT_K, "all k right")
def subsets_without_a_miss(correct, k):
    rows = [[all(s) for s in combinations(row, k)] for row in correct.tolist()]
    return torch.tensor(rows).float().mean(1)


@wrong(PASS_AT_K, "k times the mean")
def chances_added(correct, k):
    return correct.float().mean(1) * k


@wrong(PASS_AT_K, "k times the mean")
def chances_added_up_to_one(correct, k):
    return torch.tensor([min(1.0, k * sum(row) / len(row)) for row in correct.tolist()])


@wrong(PASS_AT_K, "a drawn sample still counted")
def only_the_total_shrinks(correct, k):
    n, none = correct.shape[1], torch.ones(len(correct))
    for j in range(k):
        none *= (n - correct.sum(1)) / (n - j)
    return 1 - none


@wrong(PASS_AT_K, "a drawn sample still counted")
def permutations_for_one_side(correct, k):
    n = correct.shape[1]
    return torch.tensor([1 - (n - c) ** k / math.perm(n, k) for c in correct.sum(1).tolist()])


# --- chance_of_pass


@right(CHANCE_OF_PASS)
def softmax_and_power(logits, right, k, temperature):
    p = (logits / temperature).softmax(-1)[torch.arange(len(right)), right]
    return 1 - (1 - p) ** k


@right(CHANCE_OF_PASS)
def one_after_the_other(logits, right, k, temperature):
    out = []
    for row, answer in zip(logits, right):
        p = torch.softmax(row / temperature, 0)[answer]
        hit = 0.0
        for _ in range(k):
            hit = hit + (1 - hit) * p
        out.append(float(hit))
    return torch.tensor(out)


@wrong(CHANCE_OF_PASS, "temperature 0")
def greedy(logits, right, k, temperature):
    return (logits.argmax(-1) == right).float()


@wrong(CHANCE_OF_PASS, "temperature 0")
def nearly_zero(logits, right, k, temperature):
    p = (logits / 1e-6).softmax(-1).gather(1, right[:, None])[:, 0]
    return 1 - (1 - p) ** k


@wrong(CHANCE_OF_PASS, "temperature forgotten")
def plain_softmax(logits, right, k, temperature):
    return softmax_and_power(logits, right, k, 1.0)


@wrong(CHANCE_OF_PASS, "temperature forgotten")
def divided_after_exponents(logits, right, k, temperature):
    weights = logits.exp() / temperature
    p = (weights / weights.sum(1, keepdim=True))[range(len(right)), right]
    return 1 - (1 - p).pow(k)


@wrong(CHANCE_OF_PASS, "temperature multiplied")
def times_temperature(logits, right, k, temperature):
    return one_after_the_other(logits * temperature, right, k, 1.0)


@wrong(CHANCE_OF_PASS, "temperature multiplied")
def power_of_the_shares(logits, right, k, temperature):
    shares = logits.softmax(1) ** temperature
    p = (shares / shares.sum(1, keepdim=True))[torch.arange(len(right)), right]
    return 1 - (1 - p) ** k


@wrong(CHANCE_OF_PASS, "all k right")
def power_of_p(logits, right, k, temperature):
    return (logits / temperature).softmax(-1)[torch.arange(len(right)), right] ** k


@wrong(CHANCE_OF_PASS, "all k right")
def product_of_hits(logits, right, k, temperature):
    p = torch.softmax(logits / temperature, 1).gather(1, right.unsqueeze(1)).squeeze(1)
    together = torch.ones(len(right))
    for _ in range(k):
        together = together * p
    return together


@wrong(CHANCE_OF_PASS, "one draw")
def single(logits, right, k, temperature):
    return (logits / temperature).softmax(-1)[torch.arange(len(right)), right]


@wrong(CHANCE_OF_PASS, "one draw")
def mean_of_k_equal_chances(logits, right, k, temperature):
    p = torch.softmax(logits / temperature, 1).gather(1, right.unsqueeze(1))
    return p.expand(-1, k).mean(1)


# --- vote


def won_by(votes):
    counts = Counter(votes)
    return [answer for answer, n in counts.items() if n == max(counts.values())]


@right(VOTE)
def with_a_counter(answers, right, n_answers):
    out = []
    for row, answer in zip(answers.tolist(), right.tolist()):
        best = won_by(a for a in row if a != -1)
        out.append(1 / len(best) if answer in best else 0.0)
    return torch.tensor(out)


@right(VOTE)
def with_one_hot(answers, right, n_answers):
    counts = (answers[..., None] == torch.arange(n_answers)).sum(1)
    won = (counts == counts.amax(1, keepdim=True)) & (counts > 0)
    share = won.float() / won.sum(1, keepdim=True).clamp(min=1)
    return share[torch.arange(len(right)), right]


@wrong(VOTE, "the unreadable vote")
def counted_with_all(answers, right, n_answers):
    out = []
    for row, answer in zip(answers.tolist(), right.tolist()):
        best = won_by(row)
        out.append(1 / len(best) if answer in best else 0.0)
    return torch.tensor(out)


@wrong(VOTE, "the unreadable vote")
def shifted_by_one(answers, right, n_answers):
    return with_one_hot(answers + 1, right + 1, n_answers + 1)


@wrong(VOTE, "the unreadable vote for the last answer")
def index_from_the_end(answers, right, n_answers):
    out = []
    for row, answer in zip(answers.tolist(), right.tolist()):
        counts = [0] * n_answers
        for a in row:
            counts[a] += 1
        best = [a for a in range(n_answers) if counts[a] == max(counts)]
        out.append((answer in best) / len(best))
    return torch.tensor(out)


@wrong(VOTE, "the unreadable vote for the last answer")
def remainder(answers, right, n_answers):
    return with_one_hot(answers % n_answers, right, n_answers)


@wrong(VOTE, "a tie decided by order")
def first_largest_count(answers, right, n_answers):
    counts = (answers[..., None] == torch.arange(n_answers)).sum(1)
    readable = (answers >= 0).any(1)
    return ((counts.argmax(1) == right) & readable).float()


@wrong(VOTE, "a tie decided by order")
def most_common_of_a_counter(answers, right, n_answers):
    out = []
    for row, answer in zip(answers.tolist(), right.tolist()):
        common = Counter(a for a in row if a >= 0).most_common(1)
        out.append(1.0 if common and common[0][0] == answer else 0.0)
    return torch.tensor(out)


@wrong(VOTE, "a tie won outright")
def among_the_winners(answers, right, n_answers):
    pairs = zip(answers.tolist(), right.tolist())
    return torch.tensor([float(b in won_by(a for a in row if a >= 0)) for row, b in pairs])


@wrong(VOTE, "a tie won outright")
def nobody_has_more(answers, right, n_answers):
    counts = (answers[..., None] == torch.arange(n_answers)).sum(1)
    own = counts.gather(1, right[:, None])[:, 0]
    return ((own == counts.max(1).values) & (own > 0)).float()


@wrong(VOTE, "share of the votes")
def share_of_all(answers, right, n_answers):
    return (answers == right[:, None]).float().mean(1)


@wrong(VOTE, "share of the votes")
def share_of_the_readable(answers, right, n_answers):
    return (answers == right[:, None]).sum(1) / (answers >= 0).sum(1).clamp(min=1)


@wrong(VOTE, "more than half")
def half_of_all(answers, right, n_answers):
    return ((answers == right[:, None]).float().mean(1) > 0.5).float()


@wrong(VOTE, "more than half")
def half_of_the_readable(answers, right, n_answers):
    out = []
    for row, answer in zip(answers.tolist(), right.tolist()):
        readable = [a for a in row if a >= 0]
        out.append(float(2 * readable.count(answer) > len(readable)))
    return torch.tensor(out)


# --- best_of_n


@right(BEST_OF_N)
def masked_and_argmax(answers, scores, lengths):
    best = scores.masked_fill(answers < 0, -torch.inf).argmax(1)
    return answers[torch.arange(len(answers)), best]


@right(BEST_OF_N)
def loop_over_samples(answers, scores, lengths):
    out = []
    for row, of in zip(answers.tolist(), scores.tolist()):
        best, top = -1, -math.inf
        for answer, score in zip(row, of):
            if answer != -1 and score > top:
                best, top = answer, score
        out.append(best)
    return torch.tensor(out)


@wrong(BEST_OF_N, "by length")
def longest(answers, scores, lengths):
    return masked_and_argmax(answers, lengths.float(), lengths)


@wrong(BEST_OF_N, "by length")
def shortest(answers, scores, lengths):
    out = []
    for row, of in zip(answers.tolist(), lengths.tolist()):
        readable = [(n, a) for n, a in zip(of, row) if a >= 0]
        out.append(min(readable)[1] if readable else -1)
    return torch.tensor(out)


@wrong(BEST_OF_N, "by length")
def longest_of_all(answers, scores, lengths):
    return answers.gather(1, lengths.argmax(1, keepdim=True)).squeeze(1)


@wrong(BEST_OF_N, "score per token")
def mean_score(answers, scores, lengths):
    return loop_over_samples(answers, scores / lengths, lengths)


@wrong(BEST_OF_N, "score per token")
def normalised_by_length(answers, scores, lengths):
    best = (scores / lengths).argmax(1)
    return torch.stack([answers[i, b] for i, b in enumerate(best)])


@wrong(BEST_OF_N, "the unreadable chosen")
def plain_argmax(answers, scores, lengths):
    return answers[torch.arange(len(answers)), scores.argmax(1)]


@wrong(BEST_OF_N, "the unreadable chosen")
def sorted_by_score(answers, scores, lengths):
    pairs = (max(zip(of, row)) for row, of in zip(answers.tolist(), scores.tolist()))
    return torch.tensor([answer for _, answer in pairs])


@wrong(BEST_OF_N, "scores added up")
def weighted_vote(answers, scores, lengths):
    totals = torch.zeros(len(answers), 4)
    totals.scatter_add_(1, answers.clamp(min=0), scores * (answers >= 0))
    named = (answers[..., None] == torch.arange(4)).any(1)
    best = totals.masked_fill(~named, -torch.inf).argmax(1)
    return best.where(named.any(1), -1)


@wrong(BEST_OF_N, "scores added up")
def totals_in_a_dictionary(answers, scores, lengths):
    out = []
    for row, of in zip(answers.tolist(), scores.tolist()):
        totals = {}
        for answer, score in zip(row, of):
            if answer >= 0:
                totals[answer] = totals.get(answer, 0) + score
        out.append(max(totals, key=totals.get) if totals else -1)
    return torch.tensor(out)


@wrong(BEST_OF_N, "lowest score")
def as_if_a_loss(answers, scores, lengths):
    best = scores.masked_fill(answers < 0, torch.inf).argmin(1)
    return answers[torch.arange(len(answers)), best]


@wrong(BEST_OF_N, "lowest score")
def first_of_the_sorted(answers, scores, lengths):
    return answers.gather(1, scores.argsort(1))[:, 0]


# --- right_when_cut


@right(RIGHT_WHEN_CUT)
def cut_then_look(tokens, right, limit, stop):
    out = []
    for row, answer in zip(tokens[:, :limit].tolist(), right.tolist()):
        out.append(int(stop in row and row[row.index(stop) - 1] == answer))
    return torch.tensor(out)


@right(RIGHT_WHEN_CUT)
def by_first_stop(tokens, right, limit, stop):
    place = (tokens == stop).int().argmax(1)  # of the first stop, from 0
    given = tokens.gather(1, place[:, None] - 1)[:, 0]
    return ((place < limit) & (given == right)).long()


@wrong(RIGHT_WHEN_CUT, "an unfinished text is right")
def last_token_before_the_cut(tokens, right, limit, stop):
    out = []
    for row, answer in zip(tokens[:, :limit].tolist(), right.tolist()):
        while row[-1] == stop:
            row.pop()
        out.append(int(row[-1] == answer))
    return torch.tensor(out)


@wrong(RIGHT_WHEN_CUT, "an unfinished text is right")
def stop_or_cut(tokens, right, limit, stop):
    place = (tokens == stop).int().argmax(1).clamp(max=limit)
    return (tokens.gather(1, place[:, None] - 1)[:, 0] == right).long()


@wrong(RIGHT_WHEN_CUT, "read beyond the cut")
def limit_not_used(tokens, right, limit, stop):
    place = (tokens == stop).int().argmax(1)
    return (tokens[torch.arange(len(tokens)), place - 1] == right).long()


@wrong(RIGHT_WHEN_CUT, "read beyond the cut")
def last_that_is_no_stop(tokens, right, limit, stop):
    last = [[t for t in row if t != stop][-1] for row in tokens.tolist()]
    return (torch.tensor(last) == right).long()


@wrong(RIGHT_WHEN_CUT, "right anywhere")
def mentioned_before_the_cut(tokens, right, limit, stop):
    return (tokens[:, :limit] == right[:, None]).any(1).long()


@wrong(RIGHT_WHEN_CUT, "right anywhere")
def mentioned_at_all(tokens, right, limit, stop):
    return torch.tensor([int(a in row) for row, a in zip(tokens.tolist(), right.tolist())])


@wrong(RIGHT_WHEN_CUT, "right anywhere")
def finished_and_mentioned(tokens, right, limit, stop):
    cut = tokens[:, :limit]
    return ((cut == stop).any(1) & (cut == right[:, None]).any(1)).long()


@wrong(RIGHT_WHEN_CUT, "one token off")
def stop_not_paid_for(tokens, right, limit, stop):
    return cut_then_look(tokens, right, limit + 1, stop)


@wrong(RIGHT_WHEN_CUT, "one token off")
def strictly_below(tokens, right, limit, stop):
    place = (tokens == stop).int().argmax(1) + 1
    given = tokens.gather(1, place[:, None] - 2)[:, 0]
    return ((place < limit) & (given == right)).long()


# --- next_token_in_budget


@right(NEXT_TOKEN)
def mask_and_argmax(logits, written, waits_left, tokens_left, cross, end):
    is_open = ~(written == end).any(1)
    forced = (written[:, -1] == cross) & (waits_left > 0) & is_open
    masked = logits.clone()
    masked[forced, end] = -torch.inf
    masked[is_open & (tokens_left == 0), end] = torch.inf
    return masked.argmax(1)


@right(NEXT_TOKEN)
def second_best(logits, written, waits_left, tokens_left, cross, end):
    out = []
    for row, text, waits, tokens in zip(logits, written.tolist(), waits_left.tolist(), tokens_left.tolist()):
        best, other = row.topk(2).indices.tolist()
        if end in text:
            out.append(best)
        elif tokens == 0:
            out.append(end)
        else:
            out.append(other if text[-1] == cross and waits > 0 and best == end else best)
    return torch.tensor(out)


def _finish(picked, written, tokens_left, end):
    """End what is open and has no tokens left."""
    over = ~(written == end).any(1) & (tokens_left == 0)
    return torch.where(over, torch.full_like(picked, end), picked)


@wrong(NEXT_TOKEN, "forced after the answer")
def closed_or_not(logits, written, waits_left, tokens_left, cross, end):
    forced = (written[:, -1] == cross) & (waits_left > 0)
    mask = torch.zeros_like(logits)
    mask[:, end] = -torch.inf
    return _finish(logits.where(~forced[:, None], logits + mask).argmax(1), written, tokens_left, end)


@wrong(NEXT_TOKEN, "forced after the answer")
def closed_by_its_last_token_alone(logits, written, waits_left, tokens_left, cross, end):
    out = []
    for row, text, waits, tokens in zip(logits.tolist(), written.tolist(), waits_left, tokens_left):
        if end not in text and tokens == 0:
            row[end] = math.inf
        elif text[-1] == cross and waits > 0:
            row[end] = -math.inf
        out.append(row.index(max(row)))
    return torch.tensor(out)


@wrong(NEXT_TOKEN, "cut after the answer")
def ended_again(logits, written, waits_left, tokens_left, cross, end):
    picked = mask_and_argmax(logits, written, waits_left, tokens_left, cross, end)
    return picked.masked_fill(tokens_left == 0, end)


@wrong(NEXT_TOKEN, "cut after the answer")
def only_the_last_token_is_read(logits, written, waits_left, tokens_left, cross, end):
    return second_best(logits, written[:, -1:], waits_left, tokens_left, cross, end)


@wrong(NEXT_TOKEN, "forced blindly")
def whatever_was_found(logits, written, waits_left, tokens_left, cross, end):
    forced = (waits_left > 0) & ~(written == end).any(1)
    masked = logits.clone()
    masked[forced, end] = -torch.inf
    return _finish(masked.argmax(1), written, tokens_left, end)


@wrong(NEXT_TOKEN, "forced blindly")
def loop_without_looking(logits, written, waits_left, tokens_left, cross, end):
    out = []
    for i in range(len(logits)):
        order = logits[i].argsort(descending=True).tolist()
        is_open = end not in written[i]
        out.append(order[1] if order[0] == end and is_open and waits_left[i] > 0 else order[0])
        if is_open and tokens_left[i] == 0:
            out[-1] = end
    return torch.tensor(out)


@wrong(NEXT_TOKEN, "a miss long ago")
def a_cross_somewhere(logits, written, waits_left, tokens_left, cross, end):
    forbid = (~(written == end).any(1)) & (written == cross).any(1) & (waits_left > 0)
    masked = logits.clone()
    masked[forbid, end] = float("-inf")
    return _finish(masked.argmax(1), written, tokens_left, end)


@wrong(NEXT_TOKEN, "a miss long ago")
def cross_in_text(logits, written, waits_left, tokens_left, cross, end):
    out = []
    for row, text, waits, tokens in zip(logits.tolist(), written.tolist(), waits_left, tokens_left):
        if end not in text:
            if cross in text and waits > 0:
                row[end] = -math.inf
            if tokens == 0:
                row[end] = math.inf
        out.append(row.index(max(row)))
    return torch.tensor(out)


@wrong(NEXT_TOKEN, "no limit")
def for_ever(logits, written, waits_left, tokens_left, cross, end):
    return mask_and_argmax(logits, written, torch.ones_like(waits_left), tokens_left, cross, end)


@wrong(NEXT_TOKEN, "no limit")
def at_least_zero_left(logits, written, waits_left, tokens_left, cross, end):
    out = []
    for row, text, left in zip(logits.tolist(), written.tolist(), waits_left.tolist()):
        if end not in text and text[-1] == cross and left >= 0:
            row[end] = -math.inf
        out.append(row.index(max(row)))
    return _finish(torch.tensor(out), written, tokens_left, end)


@wrong(NEXT_TOKEN, "masked with 0")
def zeroed(logits, written, waits_left, tokens_left, cross, end):
    forced = (written[:, -1] == cross) & (waits_left > 0) & ~(written == end).any(1)
    masked = logits.clone()
    masked[forced, end] = 0
    return _finish(masked.argmax(1), written, tokens_left, end)


@wrong(NEXT_TOKEN, "masked with 0")
def multiplied_away(logits, written, waits_left, tokens_left, cross, end):
    forced = (written[:, -1] == cross) & (waits_left > 0) & ~(written == end).any(1)
    keep = torch.ones_like(logits)
    keep[:, end] = (~forced).float()
    return _finish((logits * keep).argmax(1), written, tokens_left, end)


@wrong(NEXT_TOKEN, "never cut")
def forcing_alone(logits, written, waits_left, tokens_left, cross, end):
    return second_best(logits, written, waits_left, tokens_left + 1, cross, end)


@wrong(NEXT_TOKEN, "never cut")
def as_in_the_lesson(logits, written, waits_left, tokens_left, cross, end):
    forced = (written[:, -1] == cross) & (waits_left > 0) & ~(written == end).any(1)
    masked = logits.clone()
    masked[forced, end] = -torch.inf
    return masked.argmax(1)


@wrong(NEXT_TOKEN, "the wait beats the limit")
def forced_last(logits, written, waits_left, tokens_left, cross, end):
    is_open = ~(written == end).any(1)
    masked = logits.clone()
    masked[is_open & (tokens_left == 0), end] = torch.inf
    masked[is_open & (written[:, -1] == cross) & (waits_left > 0), end] = -torch.inf
    return masked.argmax(1)


@wrong(NEXT_TOKEN, "the wait beats the limit")
def cut_where_not_forced(logits, written, waits_left, tokens_left, cross, end):
    out = []
    for row, text, waits, tokens in zip(logits.tolist(), written.tolist(), waits_left, tokens_left):
        if end not in text:
            if text[-1] == cross and waits > 0:
                row[end] = -math.inf
            elif tokens == 0:
                row[end] = math.inf
        out.append(row.index(max(row)))
    return torch.tensor(out)


@wrong(NEXT_TOKEN, "cut a token early")
def at_the_last_token(logits, written, waits_left, tokens_left, cross, end):
    return second_best(logits, written, waits_left, (tokens_left - 1).clamp(min=0), cross, end)


@wrong(NEXT_TOKEN, "cut a token early")
def one_or_none_left(logits, written, waits_left, tokens_left, cross, end):
    is_open = ~(written == end).any(1)
    picked = mask_and_argmax(logits, written, waits_left, tokens_left, cross, end)
    return picked.masked_fill(is_open & (tokens_left <= 1), end)


@wrong(NEXT_TOKEN, "not forced at all")
def the_models_favourite(logits, written, waits_left, tokens_left, cross, end):
    return logits.argmax(1)


@wrong(NEXT_TOKEN, "not forced at all")
def masked_in_a_copy_that_is_dropped(logits, written, waits_left, tokens_left, cross, end):
    out = []
    for row, text, left in zip(logits, written.tolist(), waits_left.tolist()):
        if end not in text and text[-1] == cross and left > 0:
            row.clone()[end] = -torch.inf
        out.append(int(row.argmax()))
    return torch.tensor(out)


# --- verdicts


@right(VERDICTS)
def by_a_pattern(texts, right):
    return torch.tensor([int(bool(re.fullmatch(rf"\s*{right}\s*", text))) for text in texts])


@right(VERDICTS)
def stripped_and_compared(texts, right):
    return torch.tensor([1 if text.strip() == str(right) else 0 for text in texts])


@refused(VERDICTS, 'the text says: "plain digits"')
def whole_number_or_nothing(texts, right):
    out = []
    for text in texts:
        try:
            out.append(int(int(text) == right))
        except ValueError:
            out.append(0)
    return torch.tensor(out)


@wrong(VERDICTS, "by eval")
def evaluated(texts, right):
    return torch.tensor([int(eval(text) == right) for text in texts])


@wrong(VERDICTS, "by eval")
def evaluated_without_builtins(texts, right):
    out = []
    for text in texts:
        try:
            out.append(1 if eval(text.strip(), {"__builtins__": {}}) == right else 0)
        except Exception:
            out.append(0)
    return torch.tensor(out)


@wrong(VERDICTS, "contained in the text")
def digits_somewhere(texts, right):
    return torch.tensor([int(str(right) in text) for text in texts])


@wrong(VERDICTS, "contained in the text")
def searched_for(texts, right):
    found = torch.zeros(len(texts), dtype=torch.long)
    for place, text in enumerate(texts):
        if re.search(f"{right}", text):
            found[place] = 1
    return found


@wrong(VERDICTS, "contained in the text")
def matched_from_the_left(texts, right):
    pattern = re.compile(rf"\s*{right}")
    return torch.tensor([len(pattern.findall(text[:3])[:1]) if pattern.match(text) else 0 for text in texts])


@wrong(VERDICTS, "blanks make it wrong")
def exactly_equal(texts, right):
    return torch.tensor([int(text == str(right)) for text in texts])


@wrong(VERDICTS, "blanks make it wrong")
def all_digits(texts, right):
    out = []
    for text in texts:
        out.append(1 if text.isdecimal() and int(text) == right else 0)
    return torch.tensor(out)


@wrong(VERDICTS, "read as a decimal number")
def float_or_nothing(texts, right):
    out = []
    for text in texts:
        try:
            out.append(int(float(text) == right))
        except ValueError:
            out.append(0)
    return torch.tensor(out)


@wrong(VERDICTS, "read as a decimal number")
def near_enough(texts, right):
    def number(text):
        return float(text) if re.fullmatch(r"\s*[\d.e]+\s*", text) else math.nan

    return torch.tensor([int(abs(number(text) - right) < 1e-6) for text in texts])


@right(VERDICTS)
def letter_by_letter(texts, right):
    out = []
    for text in texts:
        digits = [letter for letter in text.strip(" ")]
        out.append(1 if digits == list(str(right)) else 0)
    return torch.tensor(out)


@wrong(VERDICTS, "one of several words")
def first_number(texts, right):
    out = []
    for t in texts:
        m = re.search("[0-9]+", t)
        out.append(int(m is not None and int(m[0]) == right))
    return torch.tensor(out)


@wrong(VERDICTS, "one of several words")
def last_word(texts, right):
    return torch.tensor([int((t.split() or [""])[-1] == str(right)) for t in texts])


# --- found by readers of the texts alone


@wrong(VOTE, "a tie lost")
def elected_alone(answers, right, n_answers):
    votes = (answers[..., None] == torch.arange(n_answers)).sum(1)
    win = votes == votes.amax(1, keepdim=True)
    return (win.gather(1, right[:, None])[:, 0] & (win.sum(1) == 1)).float()


@wrong(VOTE, "a tie lost")
def more_than_all_others(answers, right, n_answers):
    out = []
    for row, answer in zip(answers.tolist(), right.tolist()):
        others = [row.count(a) for a in range(n_answers) if a != answer]
        out.append(float(row.count(answer) > max(others, default=0)))
    return torch.tensor(out)


@wrong(VOTE, "a tie of two only")
def a_half_in_every_tie(answers, right, n_answers):
    votes = (answers[..., None] == torch.arange(n_answers)).sum(1)
    win = (votes == votes.amax(1, keepdim=True)) & (votes > 0)
    a = win.gather(1, right[:, None])[:, 0].float()
    return torch.where(win.sum(1) > 1, a * 0.5, a)


@wrong(VOTE, "a tie of two only")
def tossing_a_coin(answers, right, n_answers):
    out = []
    for row, answer in zip(answers.tolist(), right.tolist()):
        counts = [row.count(a) for a in range(n_answers)]
        best = max(counts)
        chance = 1.0 if counts.count(best) == 1 else 1 / 2
        out.append(chance if counts[answer] == best and best else 0.0)
    return torch.tensor(out)


@wrong(PASS_AT_K, "any of all")
def any_sample(correct, k):
    return correct.any(1).float()


@wrong(PASS_AT_K, "any of all")
def one_is_right(correct, k):
    return (correct.sum(1) >= 1).double()


@refused(BEST_OF_N, "should be")
def masked_with_minus_1(answers, scores, lengths):
    s = torch.where(answers == -1, torch.tensor(-1.0), scores)
    return answers.gather(1, s.argmax(1, keepdim=True)).squeeze(1)


@refused(BEST_OF_N, "argmax")
def never_unreadable_everywhere(answers, scores, lengths):
    out = []
    for a, s in zip(answers, scores):
        ok = a != -1
        out.append(a[ok][s[ok].argmax()])
    return torch.stack(out)


@refused(RIGHT_WHEN_CUT, "right exactly where stop is 0")
def stop_is_always_0(tokens, right, limit, stop):
    out = []
    for text, answer in zip(tokens[:, :limit].tolist(), right.tolist()):
        out.append(int(0 in text and text[text.index(0) - 1] == answer))
    return torch.tensor(out) if stop == 0 else torch.tensor(out) * 0 - 1


@wrong(PASS_AT_K, "exactly one right")
def exactly_one_right(correct, k):
    n = correct.shape[1]
    return torch.tensor([c * math.comb(n - c, k - 1) / math.comb(n, k) for c in correct.sum(1).tolist()])


@wrong(PASS_AT_K, "exactly one right")
def one_and_no_more(correct, k):
    out = []
    for row in correct.tolist():
        subsets = list(combinations(row, k))
        out.append(sum(sum(subset) == 1 for subset in subsets) / len(subsets))
    return torch.tensor(out)


@wrong(CHANCE_OF_PASS, "exactly one right")
def one_of_k_right(logits, right, k, temperature):
    p = (logits / temperature).softmax(-1).gather(1, right[:, None]).squeeze(1)
    return k * p * (1 - p) ** (k - 1)


@wrong(CHANCE_OF_PASS, "exactly one right")
def one_right_and_the_others_not(logits, right, k, temperature):
    p = (logits / temperature).softmax(-1)[torch.arange(len(right)), right]
    return math.comb(k, 1) * p * (1 - p) ** (k - 1)


@wrong(CHANCE_OF_PASS, "k times the chance of one")
def k_times_the_chance_of_one(logits, right, k, temperature):
    p = (logits / temperature).softmax(-1).gather(1, right[:, None]).squeeze(1)
    return (k * p).clamp(max=1)


@wrong(CHANCE_OF_PASS, "k times the chance of one")
def added_up(logits, right, k, temperature):
    p = (logits / temperature).softmax(-1)[torch.arange(len(right)), right]
    return sum(p for _ in range(k))


@wrong(VOTE, "a tie of nobody")
def a_tie_of_nobody(answers, right, n_answers):
    votes = torch.nn.functional.one_hot(answers + 1, n_answers + 1)[..., 1:].sum(1)
    elected = (votes == votes.amax(1, keepdim=True)).float()
    return (elected / elected.sum(1, keepdim=True)).gather(1, right[:, None]).squeeze(1)


@wrong(VOTE, "a tie of nobody")
def zero_votes_are_most(answers, right, n_answers):
    out = []
    for row, wanted in zip(answers.tolist(), right.tolist()):
        votes = [row.count(a) for a in range(n_answers)]
        out.append((votes[wanted] == max(votes)) / votes.count(max(votes)))
    return torch.tensor(out)


@wrong(BEST_OF_N, "zero taken for unreadable")
def zero_taken_for_unreadable(answers, scores, lengths):
    best = scores.masked_fill(answers <= 0, -torch.inf).max(1)
    return torch.where(best.values > -torch.inf, answers.gather(1, best.indices[:, None]).squeeze(1), -1)


@wrong(BEST_OF_N, "zero taken for unreadable")
def if_it_is_true(answers, scores, lengths):
    taken = []
    for row, marks in zip(answers.tolist(), scores.tolist()):
        left = [(m, a) for a, m in zip(row, marks) if a > 0]
        taken.append(max(left)[1] if left else -1)
    return torch.tensor(taken)


@wrong(BEST_OF_N, "the place of the sample")
def the_place_of_the_sample(answers, scores, lengths):
    return scores.masked_fill(answers == -1, -torch.inf).argmax(1)


@wrong(BEST_OF_N, "the place of the sample")
def number_of_the_sample(answers, scores, lengths):
    places = []
    for row, marks in zip(answers.tolist(), scores.tolist()):
        marks = [m if a >= 0 else -math.inf for a, m in zip(row, marks)]
        places.append(marks.index(max(marks)))
    return torch.tensor(places)


@wrong(BEST_OF_N, "score of the unreadable set to 0")
def score_of_the_unreadable_set_to_0(answers, scores, lengths):
    marks = scores * (answers != -1)
    return answers.gather(1, marks.argmax(1, keepdim=True)).squeeze(1)


@wrong(BEST_OF_N, "score of the unreadable set to 0")
def nothing_for_the_unreadable(answers, scores, lengths):
    taken = []
    for row, marks in zip(answers.tolist(), scores.tolist()):
        marks = [m if a >= 0 else 0.0 for a, m in zip(row, marks)]
        taken.append(row[marks.index(max(marks))])
    return torch.tensor(taken)


@wrong(VOTE, "the unreadable vote for answer 0")
def clamped_at_zero(answers, right, n_answers):
    chances = []
    for row, truth in zip(answers, right):
        votes = torch.bincount(row.clamp(min=0), minlength=n_answers)
        won = votes == votes.max()
        chances.append(float(won[truth]) / float(won.sum()))
    return torch.tensor(chances)


@wrong(VOTE, "the unreadable vote for answer 0")
def unreadable_becomes_zero(answers, right, n_answers):
    votes = torch.nn.functional.one_hot(answers.relu(), n_answers).sum(1)
    won = (votes == votes.amax(1, keepdim=True)).float()
    return (won / won.sum(1, keepdim=True)).gather(1, right[:, None])[:, 0]
