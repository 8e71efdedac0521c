"""Lesson 13: answers to the exercises from a reward to a gradient, and on many answers at once."""

import torch
import torch.nn.functional as F
from torch import einsum

from lessons_lib.checks.policy_gradients.advantages import ADVANTAGES
from lessons_lib.checks.policy_gradients.bandit import BANDIT_LOSS
from lessons_lib.checks.policy_gradients.clip import CLIPPED_LOSS
from lessons_lib.checks.policy_gradients.divergence import DIVERGENCE
from lessons_lib.checks.policy_gradients.mean import MEAN_OVER_ANSWERS
from lessons_lib.checks.policy_gradients.ratio import ANSWER_RATIOS
from lessons_lib.reasoning import group_advantages, grpo_loss, kl_estimate
from wrong_answers import right, wrong

# --- bandit_loss


@right(BANDIT_LOSS)
def detached_baseline(logits, arms, rewards, worth):
    logps = F.log_softmax(logits, dim=0)
    baseline = (logps.exp() * worth).sum().detach()
    return -((rewards - baseline) * logps[arms]).mean()


@right(BANDIT_LOSS)
def under_no_grad(logits, arms, rewards, worth):
    with torch.no_grad():
        advantages = rewards - logits.softmax(0) @ worth
    return (F.cross_entropy(logits.expand(len(arms), -1), arms, reduction="none") * advantages).mean()


@right(BANDIT_LOSS)
def pull_by_pull(logits, arms, rewards, worth):
    p = torch.exp(logits) / torch.exp(logits).sum()
    expected = sum(p[i].item() * worth[i] for i in range(len(worth)))
    total = 0
    for arm, reward in zip(arms, rewards):
        total = total - (reward - expected) * torch.log(p[arm])
    return total / len(arms)


@right(BANDIT_LOSS)
def with_torchs_distribution(logits, arms, rewards, worth):
    policy = torch.distributions.Categorical(logits=logits)
    return -(policy.log_prob(arms) * (rewards - (policy.probs.detach() * worth).sum())).mean()


@wrong(BANDIT_LOSS, "sign flipped")
def rewards_to_be_minimised(logits, arms, rewards, worth):
    return -detached_baseline(logits, arms, rewards, worth)


@wrong(BANDIT_LOSS, "sign flipped")
def baseline_minus_reward(logits, arms, rewards, worth):
    baseline = (logits.softmax(0) * worth).sum().detach()
    return -((baseline - rewards) * logits.log_softmax(0)[arms]).mean()


@wrong(BANDIT_LOSS, "baseline carries a gradient")
def no_detach(logits, arms, rewards, worth):
    logps = logits.log_softmax(-1)
    return -((rewards - logps.exp() @ worth) * logps[arms]).mean()


@wrong(BANDIT_LOSS, "baseline carries a gradient")
def pulls_in_a_loop_without_detach(logits, arms, rewards, worth):
    p = logits.softmax(-1)
    baseline = sum(p[i] * worth[i] for i in range(len(p)))
    losses = [(baseline - reward) * p[arm].log() for arm, reward in zip(arms, rewards)]
    return torch.stack(losses).mean()


@wrong(BANDIT_LOSS, "no baseline")
def plain_reinforce(logits, arms, rewards, worth):
    return -(rewards * logits.log_softmax(-1)[arms]).mean()


@wrong(BANDIT_LOSS, "no baseline")
def weighted_cross_entropy(logits, arms, rewards, worth):
    return (F.cross_entropy(logits.expand(len(arms), -1), arms, reduction="none") * rewards).mean()


@wrong(BANDIT_LOSS, "all arms counted alike")
def mean_of_the_worth(logits, arms, rewards, worth):
    return -((rewards - worth.mean()) * logits.log_softmax(-1)[arms]).mean()


@wrong(BANDIT_LOSS, "all arms counted alike")
def sum_over_the_number_of_arms(logits, arms, rewards, worth):
    baseline = 0
    for w in worth:
        baseline += w / len(worth)
    return torch.dot(baseline - rewards, torch.log_softmax(logits, 0)[arms]) / len(arms)


@wrong(BANDIT_LOSS, "baseline of the arm pulled")
def worth_of_each_pull(logits, arms, rewards, worth):
    return -((rewards - worth[arms]) * logits.log_softmax(-1)[arms]).mean()


@wrong(BANDIT_LOSS, "baseline of the arm pulled")
def gathered_worth(logits, arms, rewards, worth):
    logps = torch.gather(F.log_softmax(logits, -1), 0, arms)
    return torch.mean(logps * (torch.gather(worth, 0, arms) - rewards))


@wrong(BANDIT_LOSS, "probability for its logarithm")
def weighted_probabilities(logits, arms, rewards, worth):
    p = logits.softmax(-1)
    return -((rewards - (p @ worth).detach()) * p[arms]).mean()


@wrong(BANDIT_LOSS, "probability for its logarithm")
def forgot_the_log(logits, arms, rewards, worth):
    p = torch.exp(logits - torch.logsumexp(logits, 0))
    baseline = (p.detach() * worth).sum()
    return sum((baseline - r) * p[a] for a, r in zip(arms, rewards)) / len(arms)


@wrong(BANDIT_LOSS, "logits for log-probabilities")
def raw_logits(logits, arms, rewards, worth):
    return -((rewards - logits.detach().softmax(-1) @ worth) * logits[arms]).mean()


@wrong(BANDIT_LOSS, "logits for log-probabilities")
def one_hot_logits(logits, arms, rewards, worth):
    pulled = F.one_hot(arms, len(logits)).float() @ logits
    return -torch.mean(pulled * (rewards - (logits.softmax(0).detach() * worth).sum()))


@wrong(BANDIT_LOSS, "summed over the pulls")
def total_of_all_pulls(logits, arms, rewards, worth):
    baseline = (logits.softmax(-1) @ worth).detach()
    return -((rewards - baseline) * logits.log_softmax(-1)[arms]).sum()


@wrong(BANDIT_LOSS, "summed over the pulls")
def dot_product(logits, arms, rewards, worth):
    advantages = rewards - logits.detach().softmax(-1) @ worth
    return -(advantages @ logits.log_softmax(-1)[arms])


# --- advantages


@right(ADVANTAGES)
def library_advantages(rewards, group_size, eps):
    return group_advantages(rewards, group_size, eps=eps)


@right(ADVANTAGES)
def groups_by_view(rewards, group_size, eps):
    groups = rewards.view(-1, group_size)
    return ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + eps)).view(-1)


@right(ADVANTAGES)
def chunk_by_chunk(rewards, group_size, eps):
    return torch.cat([(group - group.mean()) / (group.std() + eps) for group in rewards.split(group_size)])


@right(ADVANTAGES)
def answer_by_answer(rewards, group_size, eps):
    result = torch.zeros_like(rewards)
    for i in range(len(rewards)):
        start = i - i % group_size
        group = rewards[start : start + group_size]
        mean = sum(group) / group_size
        spread = (sum((r - mean) ** 2 for r in group) / (group_size - 1)) ** 0.5
        result[i] = (rewards[i] - mean) / (spread + eps)
    return result


@right(ADVANTAGES)
def repeated_means(rewards, group_size, eps):
    groups = rewards.double().reshape(-1, group_size)
    mean, std = groups.mean(1).repeat_interleave(group_size), groups.std(1).repeat_interleave(group_size)
    return (rewards - mean).div_(std + eps)


@wrong(ADVANTAGES, "over the whole batch")
def one_group_for_all(rewards, group_size, eps):
    return (rewards - rewards.mean()) / (rewards.std() + eps)


@wrong(ADVANTAGES, "over the whole batch")
def batch_deviation(rewards, group_size, eps):
    groups = rewards.view(-1, group_size)
    return (groups - groups.mean(1, keepdim=True)).flatten() / (groups.std() + eps)


@wrong(ADVANTAGES, "over the whole batch")
def batch_mean(rewards, group_size, eps):
    groups = rewards.split(group_size)
    return torch.cat([(group - rewards.mean()) / (group.std() + eps) for group in groups])


@wrong(ADVANTAGES, "population deviation")
def correction_zero(rewards, group_size, eps):
    groups = rewards.view(-1, group_size)
    spread = groups.std(1, keepdim=True, correction=0)
    return ((groups - groups.mean(1, keepdim=True)) / (spread + eps)).flatten()


@wrong(ADVANTAGES, "population deviation")
def numpy_habit(rewards, group_size, eps):
    groups = rewards.numpy().reshape(-1, group_size)
    result = (groups - groups.mean(1, keepdims=True)) / (groups.std(1, keepdims=True) + eps)
    return torch.from_numpy(result.reshape(-1))


@wrong(ADVANTAGES, "no epsilon")
def zero_by_zero(rewards, group_size, eps):
    groups = rewards.view(-1, group_size)
    return ((groups - groups.mean(1, keepdim=True)) / groups.std(1, keepdim=True)).flatten()


@wrong(ADVANTAGES, "no epsilon")
def groups_in_a_loop_without_epsilon(rewards, group_size, eps):
    return torch.cat([(group - group.mean()) / group.std() for group in rewards.split(group_size)])


@wrong(ADVANTAGES, "no epsilon")
def another_epsilon(rewards, group_size, eps):
    return group_advantages(rewards, group_size, eps=1e-8)


@wrong(ADVANTAGES, "deviation left out")
def centred_only(rewards, group_size, eps):
    return group_advantages(rewards, group_size, normalize_std=False)


@wrong(ADVANTAGES, "deviation left out")
def minus_the_mean(rewards, group_size, eps):
    return rewards - rewards.view(-1, group_size).mean(1).repeat_interleave(group_size)


@wrong(ADVANTAGES, "variance for deviation")
def divided_by_the_variance(rewards, group_size, eps):
    groups = rewards.view(-1, group_size)
    return ((groups - groups.mean(1, keepdim=True)) / (groups.var(1, keepdim=True) + eps)).flatten()


@wrong(ADVANTAGES, "variance for deviation")
def forgot_the_root(rewards, group_size, eps):
    out = []
    for group in rewards.split(group_size):
        centred = group - group.mean()
        out.append(centred / (centred.square().sum() / (group_size - 1) + eps))
    return torch.cat(out)


@wrong(ADVANTAGES, "groups dealt out in turns")
def columns_are_groups(rewards, group_size, eps):
    groups = rewards.view(group_size, -1)
    return ((groups - groups.mean(0)) / (groups.std(0) + eps)).flatten()


@wrong(ADVANTAGES, "groups dealt out in turns")
def every_nth_answer(rewards, group_size, eps):
    result, n = torch.zeros_like(rewards), len(rewards) // group_size
    for start in range(n):
        group = rewards[start::n]
        result[start::n] = (group - group.mean()) / (group.std() + eps)
    return result


@wrong(ADVANTAGES, "groups dealt out in turns")
def turned_and_not_turned_back(rewards, group_size, eps):
    groups = rewards.view(group_size, -1).T
    return ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + eps)).flatten()


# --- clipped_loss


@right(CLIPPED_LOSS)
def library_loss(logps, old_logps, advantages, clip):
    mask = torch.ones(len(logps), 1, dtype=torch.bool)
    clips = dict(clip_low=clip, clip_high=clip)
    return grpo_loss(logps[:, None], old_logps[:, None], advantages, mask, **clips)


@right(CLIPPED_LOSS)
def smaller_product(logps, old_logps, advantages, clip):
    ratio = torch.exp(logps - old_logps)
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


@right(CLIPPED_LOSS)
def larger_loss(logps, old_logps, advantages, clip):
    ratio = logps.exp() / old_logps.exp()
    return torch.max(-advantages * ratio, -advantages * torch.clip(ratio, 1 - clip, 1 + clip)).mean()


@right(CLIPPED_LOSS)
def one_bound_for_each_sign(logps, old_logps, advantages, clip):
    ratio = (logps - old_logps).exp()
    bounded = torch.where(advantages > 0, ratio.clamp(max=1 + clip), ratio.clamp(min=1 - clip))
    return -(bounded * advantages).mean()


@right(CLIPPED_LOSS)
def token_by_token(logps, old_logps, advantages, clip):
    total = 0.0
    for new, old, a in zip(logps, old_logps, advantages):
        ratio = torch.exp(new - old)
        if a > 0 and ratio > 1 + clip:
            ratio = 1 + clip
        elif a < 0 and ratio < 1 - clip:
            ratio = 1 - clip
        total = total - a * ratio
    return total / len(logps)


@right(CLIPPED_LOSS)
def held_ones_counted_without_gradient(logps, old_logps, advantages, clip):
    ratio = (logps - old_logps).exp()
    held = ((ratio > 1 + clip) & (advantages > 0)) | ((ratio < 1 - clip) & (advantages < 0))
    edge = 1 + clip * advantages.sign()
    return -(torch.where(held, edge, ratio) * advantages).sum() / len(advantages)


@wrong(CLIPPED_LOSS, "clip inverted for negative advantages")
def smaller_ratio(logps, old_logps, advantages, clip):
    ratio = torch.exp(logps - old_logps)
    return -(torch.minimum(ratio, ratio.clamp(1 - clip, 1 + clip)) * advantages).mean()


@wrong(CLIPPED_LOSS, "clip inverted for negative advantages")
def upper_bound_for_both(logps, old_logps, advantages, clip):
    return (-advantages * (logps - old_logps).exp().clamp(max=1 + clip)).mean()


@wrong(CLIPPED_LOSS, "clipped on both sides")
def clamped_ratio(logps, old_logps, advantages, clip):
    return -(torch.exp(logps - old_logps).clamp(1 - clip, 1 + clip) * advantages).mean()


@wrong(CLIPPED_LOSS, "clipped on both sides")
def held_wherever_outside(logps, old_logps, advantages, clip):
    ratio = (logps - old_logps).exp()
    ratio = torch.where(ratio > 1 + clip, 1 + clip, ratio)
    ratio = torch.where(ratio < 1 - clip, 1 - clip, ratio)
    return -torch.dot(ratio, advantages) / len(ratio)


@wrong(CLIPPED_LOSS, "never clipped")
def ratio_alone(logps, old_logps, advantages, clip):
    return -(torch.exp(logps - old_logps) * advantages).mean()


@wrong(CLIPPED_LOSS, "never clipped")
def clip_that_never_bites(logps, old_logps, advantages, clip):
    ratio = (logps - old_logps).exp()
    return -torch.min(ratio * advantages, ratio.clamp(0, 1 + 10) * advantages).mean()


@wrong(CLIPPED_LOSS, "the larger of the two")
def maximum_of_the_products(logps, old_logps, advantages, clip):
    ratio = torch.exp(logps - old_logps)
    return -torch.maximum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


@wrong(CLIPPED_LOSS, "the larger of the two")
def smaller_of_the_losses(logps, old_logps, advantages, clip):
    ratio = torch.exp(logps - old_logps)
    return torch.min(-advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip)).mean()


@wrong(CLIPPED_LOSS, "ratio as a difference")
def difference_of_logs(logps, old_logps, advantages, clip):
    ratio = logps - old_logps
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


@wrong(CLIPPED_LOSS, "ratio as a difference")
def difference_of_probabilities(logps, old_logps, advantages, clip):
    ratio = logps.exp() - old_logps.exp()
    clipped = torch.clamp(ratio, min=1 - clip, max=1 + clip)
    return -torch.min(torch.stack([ratio * advantages, clipped * advantages]), 0).values.mean()


@wrong(CLIPPED_LOSS, "ratio as a difference")
def one_plus_the_difference(logps, old_logps, advantages, clip):
    ratio = 1 + (logps - old_logps)
    return torch.max(-ratio * advantages, -ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


@wrong(CLIPPED_LOSS, "ratio of the logarithms")
def quotient_of_logs(logps, old_logps, advantages, clip):
    ratio = logps / old_logps
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


@wrong(CLIPPED_LOSS, "ratio of the logarithms")
def divided_in_a_loop(logps, old_logps, advantages, clip):
    losses = []
    for new, old, a in zip(logps, old_logps, advantages):
        ratio = torch.div(new, old)
        losses.append(torch.max(-ratio * a, -ratio.clamp(1 - clip, 1 + clip) * a))
    return sum(losses) / len(losses)


@wrong(CLIPPED_LOSS, "ratio upside down")
def old_minus_new(logps, old_logps, advantages, clip):
    return smaller_product(old_logps, logps, advantages, clip)


@wrong(CLIPPED_LOSS, "ratio upside down")
def old_over_new(logps, old_logps, advantages, clip):
    ratio = old_logps.exp() / logps.exp()
    return torch.max(-advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip)).mean()


@wrong(CLIPPED_LOSS, "old log-probabilities of the current model")
def always_on_policy(logps, old_logps, advantages, clip):
    return smaller_product(logps, logps.detach(), advantages, clip)


@wrong(CLIPPED_LOSS, "old log-probabilities of the current model")
def old_ones_overwritten(logps, old_logps, advantages, clip):
    old_logps = logps.clone()
    ratio = torch.exp(logps - old_logps)
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


@wrong(CLIPPED_LOSS, "sign flipped")
def objective_for_loss(logps, old_logps, advantages, clip):
    return -smaller_product(logps, old_logps, advantages, clip)


@wrong(CLIPPED_LOSS, "sign flipped")
def forgot_the_minus(logps, old_logps, advantages, clip):
    ratio = (logps - old_logps).exp()
    bounded = torch.where(advantages > 0, ratio.clamp(max=1 + clip), ratio.clamp(min=1 - clip))
    return (bounded * advantages).mean()


# --- divergence


@right(DIVERGENCE)
def library_k3(logps, ref_logps):
    return kl_estimate(logps, ref_logps).mean()


@right(DIVERGENCE)
def ratio_minus_log_minus_one(logps, ref_logps):
    ratio = ref_logps.exp() / logps.exp()
    return (ratio - ratio.log() - 1).mean()


@right(DIVERGENCE)
def with_expm1(logps, ref_logps):
    apart = ref_logps - logps
    return (torch.expm1(apart) - apart).sum() / apart.numel()


@right(DIVERGENCE)
def term_by_term(logps, ref_logps):
    total = 0
    for new, ref in zip(logps, ref_logps):
        total = total + torch.exp(ref - new) - (ref - new) - 1
    return total / len(logps)


@wrong(DIVERGENCE, "mean of differences")
def k1(logps, ref_logps):
    return (logps - ref_logps).mean()


@wrong(DIVERGENCE, "mean of differences")
def k1_by_probabilities(logps, ref_logps):
    return torch.log(logps.exp() / ref_logps.exp()).sum() / len(logps)


@wrong(DIVERGENCE, "mean of differences")
def minus_k1(logps, ref_logps):
    return ref_logps.mean() - logps.mean()


@wrong(DIVERGENCE, "roles exchanged")
def model_over_reference(logps, ref_logps):
    ratio = torch.exp(logps - ref_logps)
    return (ratio - torch.log(ratio) - 1).mean()


@wrong(DIVERGENCE, "roles exchanged")
def arguments_exchanged(logps, ref_logps):
    return kl_estimate(ref_logps, logps).mean()


@wrong(DIVERGENCE, "sign turned")
def a_reward_for_distance(logps, ref_logps):
    return -library_k3(logps, ref_logps)


@wrong(DIVERGENCE, "sign turned")
def terms_the_other_way_round(logps, ref_logps):
    apart = ref_logps - logps
    return (apart - apart.exp() + 1).mean()


@wrong(DIVERGENCE, "half the squares")
def k2(logps, ref_logps):
    return ((logps - ref_logps) ** 2).mean() / 2


@wrong(DIVERGENCE, "half the squares")
def mean_square(logps, ref_logps):
    return F.mse_loss(logps, ref_logps)


@wrong(DIVERGENCE, "one left over")
def forgot_minus_one(logps, ref_logps):
    return ((ref_logps - logps).exp() - (ref_logps - logps)).mean()


@wrong(DIVERGENCE, "one left over")
def ratio_minus_its_log(logps, ref_logps):
    ratio = ref_logps.exp() / logps.exp()
    return torch.mean(ratio) - torch.mean(ratio.log())


@wrong(DIVERGENCE, "logarithm added")
def plus_the_log(logps, ref_logps):
    ratio = torch.exp(ref_logps - logps)
    return (ratio + ratio.log() - 1).mean()


@wrong(DIVERGENCE, "logarithm added")
def difference_the_wrong_way(logps, ref_logps):
    return (torch.expm1(ref_logps - logps) - (logps - ref_logps)).mean()


@wrong(DIVERGENCE, "weighted by the probability again")
def exact_formula_on_samples(logps, ref_logps):
    return (logps.exp() * (logps - ref_logps)).mean()


@wrong(DIVERGENCE, "weighted by the probability again")
def library_of_torch(logps, ref_logps):
    return F.kl_div(ref_logps, logps, log_target=True, reduction="none").mean()


@wrong(DIVERGENCE, "weighted by the probability again")
def k3_weighted(logps, ref_logps):
    return (logps.exp() * kl_estimate(logps, ref_logps)).mean()


# --- mean_over_answers


@right(MEAN_OVER_ANSWERS)
def sums_by_lengths(losses, mask):
    return ((losses * mask).sum(1) / mask.sum(1).clamp(min=1)).mean()


@right(MEAN_OVER_ANSWERS)
def answers_in_a_loop(losses, mask):
    means = [row[there].mean() if there.any() else row.sum() * 0 for row, there in zip(losses, mask)]
    return sum(means) / len(means)


@right(MEAN_OVER_ANSWERS)
def filled_and_divided(losses, mask):
    return losses.masked_fill(~mask, 0).sum(1).div(mask.sum(1).clamp_min(1)).mean()


@right(MEAN_OVER_ANSWERS)
def weights_by_einsum(losses, mask):
    m = mask.float()
    weight = 1 / torch.where(mask.any(1), m.sum(1), torch.ones(len(m))) / len(m)
    return einsum("bt,bt,b->", losses, m, weight)


@right(MEAN_OVER_ANSWERS)
def filled_in_place(losses, mask):
    kept = losses.clone()
    kept[~mask] = 0
    return (kept.sum(-1) / torch.clamp(mask.sum(-1), min=1)).sum() / kept.shape[0]


@right(MEAN_OVER_ANSWERS)
def chosen_by_where(losses, mask):
    total = torch.where(mask, losses, 0.0).sum(1)
    return (total / (mask.sum(1) + (mask.sum(1) == 0))).mean()


@wrong(MEAN_OVER_ANSWERS, "mask ignored")
def plain_mean(losses, mask):
    return losses.mean()


@wrong(MEAN_OVER_ANSWERS, "mask ignored")
def mean_of_row_means(losses, mask):
    return sum(row.sum() / len(row) for row in losses) / len(losses)


@wrong(MEAN_OVER_ANSWERS, "mask ignored")
def mask_only_counted(losses, mask):
    return (losses.sum(1) / mask.sum(1).clamp(min=1)).mean()


@wrong(MEAN_OVER_ANSWERS, "divided by the padded length")
def mean_of_the_masked(losses, mask):
    return (losses * mask).mean()


@wrong(MEAN_OVER_ANSWERS, "divided by the padded length")
def zeros_averaged(losses, mask):
    return losses.masked_fill(~mask, 0.0).mean(1).mean()


@wrong(MEAN_OVER_ANSWERS, "mean over all tokens")
def mean_of_what_the_mask_keeps(losses, mask):
    return losses[mask].mean()


@wrong(MEAN_OVER_ANSWERS, "mean over all tokens")
def total_by_total(losses, mask):
    return (losses * mask).sum() / mask.sum()


@wrong(MEAN_OVER_ANSWERS, "summed over an answer")
def mean_of_sums(losses, mask):
    return (losses * mask).sum(1).mean()


@wrong(MEAN_OVER_ANSWERS, "summed over an answer")
def total_by_the_number_of_answers(losses, mask):
    return losses[mask].sum() / len(losses)


@wrong(MEAN_OVER_ANSWERS, "summed over the answers")
def sum_of_means(losses, mask):
    return ((losses * mask).sum(1) / mask.sum(1).clamp(min=1)).sum()


@wrong(MEAN_OVER_ANSWERS, "summed over the answers")
def means_added_in_a_loop(losses, mask):
    total = 0
    for row, there in zip(losses, mask):
        if there.any():
            total = total + row[there].mean()
    return total


@wrong(MEAN_OVER_ANSWERS, "empty answer divided by zero")
def unguarded(losses, mask):
    return ((losses * mask).sum(1) / mask.sum(1)).mean()


@wrong(MEAN_OVER_ANSWERS, "empty answer divided by zero")
def rows_multiplied_by_a_reciprocal(losses, mask):
    return einsum("bt,b->b", losses * mask, 1 / mask.float().sum(1)).mean()


@wrong(MEAN_OVER_ANSWERS, "empty answers not counted")
def only_answers_with_tokens(losses, mask):
    return torch.stack([row[there].mean() for row, there in zip(losses, mask) if there.any()]).mean()


@wrong(MEAN_OVER_ANSWERS, "empty answers not counted")
def rows_chosen_first(losses, mask):
    some = mask.any(1)
    losses, mask = losses[some], mask[some]
    return ((losses * mask).sum(1) / mask.sum(1)).mean()


# --- answer_ratios


@right(ANSWER_RATIOS)
def exp_of_a_mean(logps, old_logps, mask):
    return (((logps - old_logps) * mask).sum(1) / mask.sum(1)).exp()


@right(ANSWER_RATIOS)
def root_of_a_product(logps, old_logps, mask):
    ratios = torch.where(mask, torch.exp(logps - old_logps), 1.0)
    return ratios.prod(1) ** (1 / mask.sum(1))


@right(ANSWER_RATIOS)
def rows_of_a_loop(logps, old_logps, mask):
    return torch.stack([(n[m] - o[m]).mean().exp() for n, o, m in zip(logps, old_logps, mask)])


@right(ANSWER_RATIOS)
def two_means_by_einsum(logps, old_logps, mask):
    m = mask / mask.sum(1, keepdim=True)
    return torch.exp(einsum("bt,bt->b", logps, m)) / torch.exp(einsum("bt,bt->b", old_logps, m))


@wrong(ANSWER_RATIOS, "not divided by the length")
def whole_probability(logps, old_logps, mask):
    return ((logps - old_logps) * mask).sum(1).exp()


@wrong(ANSWER_RATIOS, "not divided by the length")
def product_of_token_ratios(logps, old_logps, mask):
    return torch.exp(logps - old_logps).masked_fill(~mask, 1.0).prod(-1)


@wrong(ANSWER_RATIOS, "divided by the padded length")
def mean_over_all_positions(logps, old_logps, mask):
    return ((logps - old_logps) * mask).mean(1).exp()


@wrong(ANSWER_RATIOS, "divided by the padded length")
def root_of_the_row_length(logps, old_logps, mask):
    return torch.exp(torch.where(mask, logps - old_logps, 0).sum(1)) ** (1 / mask.shape[1])


@wrong(ANSWER_RATIOS, "mean of the token ratios")
def arithmetic_mean(logps, old_logps, mask):
    return ((logps - old_logps).exp() * mask).sum(1) / mask.sum(1)


@wrong(ANSWER_RATIOS, "mean of the token ratios")
def mean_of_each_row(logps, old_logps, mask):
    return torch.stack([(n - o).exp()[m].mean() for n, o, m in zip(logps, old_logps, mask)])


@wrong(ANSWER_RATIOS, "mask ignored")
def mean_of_everything(logps, old_logps, mask):
    return (logps - old_logps).mean(1).exp()


@wrong(ANSWER_RATIOS, "mask ignored")
def sum_of_everything(logps, old_logps, mask):
    return torch.exp((logps.sum(1) - old_logps.sum(1)) / mask.sum(1))


@wrong(ANSWER_RATIOS, "ratio upside down")
def models_exchanged(logps, old_logps, mask):
    return exp_of_a_mean(old_logps, logps, mask)


@wrong(ANSWER_RATIOS, "ratio upside down")
def reciprocal(logps, old_logps, mask):
    return 1 / torch.exp(((logps - old_logps) * mask).sum(1) / mask.sum(1))


@wrong(ANSWER_RATIOS, "left as a logarithm")
def no_exp(logps, old_logps, mask):
    return ((logps - old_logps) * mask).sum(1) / mask.sum(1)


@wrong(ANSWER_RATIOS, "left as a logarithm")
def means_subtracted(logps, old_logps, mask):
    return torch.stack([n[m].mean() - o[m].mean() for n, o, m in zip(logps, old_logps, mask)])
