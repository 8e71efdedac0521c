"""Lesson 15: answers to its exercises, right and wrong, as readers would write them."""

import torch

from lessons_lib.checks.is_my_run_broken.divergence import KL
from lessons_lib.checks.is_my_run_broken.faults import FAULTS
from lessons_lib.checks.is_my_run_broken.groups import GROUPS
from lessons_lib.checks.is_my_run_broken.stale import KEPT
from lessons_lib.checks.is_my_run_broken.weights import WEIGHTS
from wrong_answers import refused, right, wrong

# --- name_fault


def _named(paid, right, entropy, kl, last=5, collapse=None, foreign=None, gap=None, never=None):
    """Name run by run; what is given takes a rule's place."""
    faults = []
    for p, r, e, k in zip(paid, right, entropy, kl):
        end_p, end_r, end_e = p[-last:].mean(), r[-last:].mean(), e[-last:].mean()
        if not all(torch.isfinite(dial).all() for dial in (p, r, e, k)):
            faults.append(5)
        elif never(p, r) if never else not p.any():
            faults.append(3)
        elif foreign(k) if foreign else k.mean() < 0:
            faults.append(4)
        elif gap(end_p, end_r) if gap else end_p - end_r > 0.3:
            faults.append(1)
        elif collapse(end_e) if collapse else end_e < 0.1 and end_r < 0.8:
            faults.append(2)
        else:
            faults.append(0)
    return torch.tensor(faults)


@right(FAULTS)
def rule_by_rule(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl)


@right(FAULTS)
def all_runs_at_once(paid, right, entropy, kl):
    p, r, e = (dial[:, -5:].mean(1) for dial in (paid, right, entropy))
    faults = ((e < 0.1) & (r < 0.8)).long() * 2
    faults = torch.where(p - r > 0.3, 1, faults)
    faults = torch.where(kl.mean(1) < 0, 4, faults)
    faults = torch.where((paid == 0).all(1), 3, faults)
    finite = torch.stack([paid, right, entropy, kl]).isfinite().all(0).all(1)
    return torch.where(finite, faults, 5)


@wrong(FAULTS, "low entropy taken for collapse")
def entropy_alone(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl, collapse=lambda e: e < 0.1)


@wrong(FAULTS, "low entropy taken for collapse")
def entropy_alone_at_once(paid, right, entropy, kl):
    faults = all_runs_at_once(paid, right, entropy, kl)
    return torch.where((faults == 0) & (entropy[:, -5:].mean(1) < 0.1), 2, faults)


@wrong(FAULTS, "one negative KL taken for a fault")
def any_negative(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl, foreign=lambda k: (k < 0).any())


@wrong(FAULTS, "one negative KL taken for a fault")
def smallest_negative(paid, right, entropy, kl):
    faults = all_runs_at_once(paid, right, entropy, kl)
    return torch.where((kl.amin(1) < 0) & (faults < 3), 4, faults)


@wrong(FAULTS, "judged by what is paid")
def paid_is_fine(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl, gap=lambda p, r: False)


@wrong(FAULTS, "judged by what is paid")
def paid_is_fine_at_once(paid, right, entropy, kl):
    faults = all_runs_at_once(paid, right, entropy, kl)
    return torch.where(faults == 1, 0, faults)


@wrong(FAULTS, "the last step alone")
def last_step(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl, last=1)


@wrong(FAULTS, "the last step alone")
def last_column(paid, right, entropy, kl):
    faults = ((entropy[:, -1] < 0.1) & (right[:, -1] < 0.8)).long() * 2
    faults[paid[:, -1] - right[:, -1] > 0.3] = 1
    faults[kl.mean(1) < 0] = 4
    faults[~paid.any(1)] = 3
    faults[~torch.cat([paid, right, entropy, kl], 1).isfinite().all(1)] = 5
    return faults


@wrong(FAULTS, "never right taken for never paid")
def never_right(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl, never=lambda p, r: not r.any())


@wrong(FAULTS, "never right taken for never paid")
def never_right_at_once(paid, right, entropy, kl):
    p, r, e = (dial[:, -5:].mean(1) for dial in (paid, right, entropy))
    faults = torch.where((e < 0.1) & (r < 0.8), 2, 0)
    faults = torch.where(p - r > 0.3, 1, faults)
    faults = torch.where(kl.mean(1) < 0, 4, faults)
    faults = torch.where((right == 0).all(1), 3, faults)
    return torch.where(torch.stack([paid, right, entropy, kl]).isinf().any(0).any(1), 5, faults)


# --- kl_of_written


@right(KL)
def filled_before(logps, ref_logps, mask):
    apart = ref_logps.masked_fill(~mask, 0) - logps.masked_fill(~mask, 0)
    return ((apart.exp() - apart - 1) * mask).sum() / mask.sum()


@right(KL)
def only_the_written(logps, ref_logps, mask):
    apart = ref_logps[mask] - logps[mask]
    return (apart.exp() - apart - 1).mean()


@wrong(KL, "masked after exp")
def times_the_mask(logps, ref_logps, mask):
    apart = ref_logps - logps
    return ((torch.exp(apart) - apart - 1) * mask).sum() / mask.sum()


@wrong(KL, "masked after exp")
def row_by_row(logps, ref_logps, mask):
    total = 0.0
    for new, ref, there in zip(logps, ref_logps, mask):
        total = total + (((ref - new).exp() - (ref - new) - 1) * there.float()).sum()
    return total / mask.sum()


@wrong(KL, "padding in the mean")
def mean_of_all(logps, ref_logps, mask):
    apart = (ref_logps - logps).masked_fill(~mask, 0.0)
    return (apart.exp() - apart - 1).mean()


@wrong(KL, "padding in the mean")
def over_the_shape(logps, ref_logps, mask):
    apart = ref_logps[mask] - logps[mask]
    return (apart.exp() - apart - 1).sum() / (logps.shape[0] * logps.shape[1])


@wrong(KL, "the simple estimate")
def k1(logps, ref_logps, mask):
    return (logps - ref_logps)[mask].mean()


@wrong(KL, "the simple estimate")
def k1_with_a_sum(logps, ref_logps, mask):
    return torch.where(mask, logps - ref_logps, 0.0).sum() / mask.sum()


@wrong(KL, "models exchanged")
def upside_down(logps, ref_logps, mask):
    apart = (logps - ref_logps)[mask]
    return (apart.exp() - apart - 1).mean()


@wrong(KL, "models exchanged")
def upside_down_filled(logps, ref_logps, mask):
    apart = torch.where(mask, logps - ref_logps, 0.0)
    return (torch.expm1(apart) - apart).sum() / mask.sum()


@wrong(KL, "a sum")
def summed(logps, ref_logps, mask):
    apart = ref_logps[mask] - logps[mask]
    return (apart.exp() - apart - 1).sum()


@wrong(KL, "a sum")
def summed_filled(logps, ref_logps, mask):
    apart = torch.where(mask, ref_logps - logps, 0.0)
    return torch.sum(torch.exp(apart) - apart - 1)


@wrong(KL, "mean of means")
def answer_by_answer(logps, ref_logps, mask):
    apart = torch.where(mask, ref_logps - logps, 0.0)
    return ((apart.exp() - apart - 1).sum(-1) / mask.sum(-1)).mean()


@wrong(KL, "mean of means")
def a_list_of_means(logps, ref_logps, mask):
    means = []
    for new, ref, there in zip(logps, ref_logps, mask):
        apart = ref[there] - new[there]
        means.append((apart.exp() - apart - 1).mean())
    return torch.stack(means).mean()


@wrong(KL, "half a square")
def the_second_estimate(logps, ref_logps, mask):
    return 0.5 * (logps[mask] - ref_logps[mask]).square().mean()


@wrong(KL, "half a square")
def squares_over_two(logps, ref_logps, mask):
    apart = torch.where(mask, ref_logps - logps, 0.0)
    return (apart**2 / 2).sum() / mask.sum()


# --- teaching


@right(GROUPS)
def largest_above_smallest(rewards, group_size):
    groups = rewards.view(-1, group_size)
    return (groups.amax(1) > groups.amin(1)).float().repeat_interleave(group_size)


@right(GROUPS)
def unlike_the_first(rewards, group_size):
    mask = []
    for group in rewards.split(group_size):
        mask += [float((group != group[0]).any())] * group_size
    return torch.tensor(mask)


@wrong(GROUPS, "only unpaid groups dropped")
def paid_groups(rewards, group_size):
    return (rewards.view(-1, group_size) > 0).any(1).float().repeat_interleave(group_size)


@wrong(GROUPS, "only unpaid groups dropped")
def positive_sums(rewards, group_size):
    mask = []
    for group in rewards.split(group_size):
        mask += [float(group.sum() > 0)] * group_size
    return torch.tensor(mask)


@wrong(GROUPS, "only right groups dropped")
def not_all_right(rewards, group_size):
    return (rewards.view(-1, group_size) < rewards.max()).any(1).float().repeat_interleave(group_size)


@wrong(GROUPS, "only right groups dropped")
def not_all_above_one(rewards, group_size):
    return torch.cat(
        [torch.full((group_size,), float(group.min() < 1)) for group in rewards.split(group_size)]
    )


@wrong(GROUPS, "all right and all wrong dropped, equals in between kept")
def neither_end(rewards, group_size):
    groups = rewards.view(-1, group_size)
    silent = (groups == 0).all(1) | (groups == rewards.max()).all(1)
    return (~silent).float().repeat_interleave(group_size)


@wrong(GROUPS, "all right and all wrong dropped, equals in between kept")
def counted_right(rewards, group_size):
    mask = []
    for group in rewards.split(group_size):
        some = 0 < group.sum() and not bool((group > 1).all())
        mask += [float(some)] * group_size
    return torch.tensor(mask)


@wrong(GROUPS, "the batch taken for one group")
def whole_batch(rewards, group_size):
    return torch.full_like(rewards, float(rewards.max() > rewards.min()))


@wrong(GROUPS, "the batch taken for one group")
def whole_batch_deviation(rewards, group_size):
    return (rewards.std() > 1e-4).float() * torch.ones(len(rewards))


@wrong(GROUPS, "answers instead of groups")
def paid_answers(rewards, group_size):
    return (rewards != 0).float()


@wrong(GROUPS, "answers instead of groups")
def right_answers(rewards, group_size):
    return torch.tensor([1.0 if reward > 1 else 0.0 for reward in rewards.tolist()])


# --- truncated_weights


@right(WEIGHTS)
def clamped(logps, sampler_logps, mask, cap):
    return (logps - sampler_logps).exp().clamp(max=cap) * mask


@right(WEIGHTS)
def clamped_in_the_exponent(logps, sampler_logps, mask, cap):
    bound = torch.log(torch.tensor(cap))
    return torch.where(mask, torch.minimum(logps - sampler_logps, bound).exp(), 0.0)


@wrong(WEIGHTS, "never truncated")
def plain(logps, sampler_logps, mask, cap):
    return (logps - sampler_logps).exp() * mask


@wrong(WEIGHTS, "never truncated")
def quotient(logps, sampler_logps, mask, cap):
    return torch.where(mask, logps.exp() / sampler_logps.exp(), 0.0)


@wrong(WEIGHTS, "cut on both sides")
def as_a_clip(logps, sampler_logps, mask, cap):
    return (logps - sampler_logps).exp().clamp(1 / cap, cap) * mask


@wrong(WEIGHTS, "cut on both sides")
def as_ppo_clips(logps, sampler_logps, mask, cap):
    return torch.where(mask, (logps - sampler_logps).exp().clamp(1 - (cap - 1), cap), 0.0)


@wrong(WEIGHTS, "upside down")
def sampler_over_trainer(logps, sampler_logps, mask, cap):
    return (sampler_logps - logps).exp().clamp(max=cap) * mask


@wrong(WEIGHTS, "upside down")
def quotient_upside_down(logps, sampler_logps, mask, cap):
    return torch.where(mask, (sampler_logps.exp() / logps.exp()).clamp(max=cap), 0.0)


@wrong(WEIGHTS, "one weight for the whole answer")
def product(logps, sampler_logps, mask, cap):
    whole = ((logps - sampler_logps) * mask).sum(1, keepdim=True).exp().clamp(max=cap)
    return whole * mask


@wrong(WEIGHTS, "one weight for the whole answer")
def geometric_mean(logps, sampler_logps, mask, cap):
    mean = ((logps - sampler_logps) * mask).sum(1) / mask.sum(1)
    return mean.exp().clamp(max=cap)[:, None] * mask


@wrong(WEIGHTS, "dropped instead of capped")
def beyond_is_gone(logps, sampler_logps, mask, cap):
    ratio = (logps - sampler_logps).exp()
    return torch.where(mask & (ratio <= cap), ratio, 0.0)


@wrong(WEIGHTS, "dropped instead of capped")
def beyond_is_zeroed(logps, sampler_logps, mask, cap):
    ratio = (logps - sampler_logps).exp() * mask
    ratio[ratio > cap] = 0
    return ratio


@wrong(WEIGHTS, "1 where nothing was written")
def masked_in_the_exponent(logps, sampler_logps, mask, cap):
    return ((logps - sampler_logps) * mask).exp().clamp(max=cap)


@wrong(WEIGHTS, "1 where nothing was written")
def a_neutral_weight_elsewhere(logps, sampler_logps, mask, cap):
    ratio = (logps - sampler_logps).exp()
    return torch.where(mask, torch.minimum(ratio, torch.tensor(cap)), torch.tensor(1.0))


# --- kept


@right(KEPT)
def in_one_line(advantages, logps, old_logps, mask, delta):
    drift = ((old_logps - logps) * mask).sum(1) / mask.sum(1)
    return 1 - ((advantages < 0) & (drift > delta)).float()


@right(KEPT)
def one_by_one(advantages, logps, old_logps, mask, delta):
    keep = torch.ones(len(advantages))
    for i, advantage in enumerate(advantages):
        drift = (old_logps[i] - logps[i])[mask[i]].mean()
        if advantage < 0 and drift > delta:
            keep[i] = 0
    return keep


@wrong(KEPT, "good answers dropped too")
def all_stale(advantages, logps, old_logps, mask, delta):
    drift = ((old_logps - logps) * mask).sum(1) / mask.sum(1)
    return (drift <= delta).float()


@wrong(KEPT, "good answers dropped too")
def all_stale_one_by_one(advantages, logps, old_logps, mask, delta):
    drifts = [(old - new)[there].mean() for old, new, there in zip(old_logps, logps, mask)]
    return torch.tensor([0.0 if drift > delta else 1.0 for drift in drifts])


@wrong(KEPT, "good answers dropped instead")
def good_ones(advantages, logps, old_logps, mask, delta):
    drift = ((old_logps - logps) * mask).sum(1) / mask.sum(1)
    return 1 - ((advantages > 0) & (drift > delta)).float()


@wrong(KEPT, "good answers dropped instead")
def good_ones_kept_or(advantages, logps, old_logps, mask, delta):
    drift = torch.where(mask, old_logps - logps, 0.0).sum(1) / mask.sum(1)
    return ((advantages <= 0) | (drift <= delta)).float()


@wrong(KEPT, "drift upside down")
def new_over_old(advantages, logps, old_logps, mask, delta):
    drift = ((logps - old_logps) * mask).sum(1) / mask.sum(1)
    return 1 - ((advantages < 0) & (drift > delta)).float()


@wrong(KEPT, "drift upside down")
def new_over_old_one_by_one(advantages, logps, old_logps, mask, delta):
    drifts = [(new - old)[there].mean() for old, new, there in zip(old_logps, logps, mask)]
    return torch.tensor([float(not (a < 0 and d > delta)) for a, d in zip(advantages, drifts)])


@wrong(KEPT, "drift in either direction")
def far_away(advantages, logps, old_logps, mask, delta):
    drift = ((old_logps - logps) * mask).sum(1) / mask.sum(1)
    return 1 - ((advantages < 0) & (drift.abs() > delta)).float()


@wrong(KEPT, "drift in either direction")
def far_away_both_sides(advantages, logps, old_logps, mask, delta):
    drift = ((old_logps - logps) * mask).sum(1) / mask.sum(1)
    near = (drift <= delta) & (drift >= -delta)
    return (near | (advantages >= 0)).float()


@wrong(KEPT, "a sum instead of a mean")
def summed_drift(advantages, logps, old_logps, mask, delta):
    drift = ((old_logps - logps) * mask).sum(1)
    return 1 - ((advantages < 0) & (drift > delta)).float()


@wrong(KEPT, "a sum instead of a mean")
def summed_one_by_one(advantages, logps, old_logps, mask, delta):
    drifts = [(old - new)[there].sum() for old, new, there in zip(old_logps, logps, mask)]
    return torch.tensor([float(not (a < 0 and d > delta)) for a, d in zip(advantages, drifts)])


@wrong(KEPT, "padding in the mean")
def plain_mean(advantages, logps, old_logps, mask, delta):
    drift = ((old_logps - logps) * mask).mean(1)
    return 1 - ((advantages < 0) & (drift > delta)).float()


@wrong(KEPT, "padding in the mean")
def over_the_width(advantages, logps, old_logps, mask, delta):
    drift = torch.where(mask, old_logps - logps, 0.0).sum(1) / logps.shape[1]
    return ((advantages >= 0) | (drift <= delta)).float()


@wrong(KEPT, "every bad answer dropped")
def no_bad_ones(advantages, logps, old_logps, mask, delta):
    return (advantages >= 0).float()


@wrong(KEPT, "every bad answer dropped")
def drift_as_a_ratio_beyond_delta(advantages, logps, old_logps, mask, delta):
    ratio = ((old_logps - logps) * mask).sum(1).exp()
    return 1 - ((advantages < 0) & (ratio > delta)).float()


@wrong(KEPT, "words behind the end")
def everything_over_the_written(advantages, logps, old_logps, mask, delta):
    drift = (old_logps - logps).sum(1) / mask.sum(1)
    return 1 - ((advantages < 0) & (drift > delta)).float()


@wrong(KEPT, "words behind the end")
def whole_rows_averaged(advantages, logps, old_logps, mask, delta):
    drift = (old_logps - logps).mean(1)
    return torch.where((advantages < 0) & (drift > delta), 0.0, 1.0)


@refused(FAULTS, "What is special here: the end differs from the whole")
def ends_of_whole_runs(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl, last=1000)


@refused(FAULTS, "What is special here: paid once, at the beginning")
def nothing_paid_at_the_end(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl, never=lambda p, r: not p[-5:].any())


@refused(FAULTS, "far more is right than is paid")
def any_large_gap(paid, right, entropy, kl):
    return _named(paid, right, entropy, kl, gap=lambda p, r: abs(p - r) > 0.3)


@wrong(KEPT, "bad or stale")
def bad_or_stale(advantages, logps, old_logps, mask, delta):
    drift = torch.where(mask, old_logps - logps, 0.0).sum(1) / mask.sum(1)
    return 1 - ((advantages < 0) | (drift > delta)).float()


@wrong(KEPT, "bad or stale")
def good_and_fresh(advantages, logps, old_logps, mask, delta):
    stays = []
    for a, new, old, m in zip(advantages, logps, old_logps, mask):
        stays.append(float(a >= 0 and (old - new)[m].mean() <= delta))
    return torch.tensor(stays)


@refused(GROUPS, "an answer is paid its group's mean")
def those_that_differ_from_the_mean(rewards, group_size):
    groups = rewards.view(-1, group_size)
    return (groups != groups.mean(1, keepdim=True)).float().flatten()


@wrong(GROUPS, "answers of a group taken to lie apart")
def a_column_for_each_question(rewards, group_size):
    columns = rewards.reshape(group_size, -1)
    return (columns != columns[0]).any(0).float().repeat(group_size)


@wrong(GROUPS, "answers of a group taken to lie apart")
def every_so_many_answers(rewards, group_size):
    n_groups = len(rewards) // group_size
    mask = torch.zeros_like(rewards)
    for g in range(n_groups):
        mask[g::n_groups] = float(len(rewards[g::n_groups].unique()) > 1)
    return mask
