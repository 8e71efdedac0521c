"""Lesson 13: answers to the exercises from a reward to a gradient, and on many answers at once."""

import torch
import torch.nn.functional as F
from torch import einsum

from lessons_lib.checks.policy_gradients.bandit import BANDIT_LOSS
from lessons_lib.checks.policy_gradients.clip import CLIPPED_LOSS
from lessons_lib.checks.policy_gradients.corrected import CORRECTED_DIVERGENCE
from lessons_lib.checks.policy_gradients.leave_one_out import RLOO_ADVANTAGES
from lessons_lib.checks.policy_gradients.mean import MEAN_OVER_ANSWERS
from lessons_lib.checks.policy_gradients.ratio import ANSWER_RATIOS
from lessons_lib.reasoning import group_advantages, grpo_loss, kl_estimate
from wrong_answers import refused, right, wrong

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


# --- rloo_advantages


@right(RLOO_ADVANTAGES)
def question_by_question(rewards, questions):
    advantages = torch.zeros_like(rewards)
    for question in questions.unique():
        of = questions == question
        if of.sum() > 1:
            advantages[of] = rewards[of] - (rewards[of].sum() - rewards[of]) / (of.sum() - 1)
    return advantages


@right(RLOO_ADVANTAGES)
def answer_with_its_others(rewards, questions):
    out = []
    for i in range(len(rewards)):
        others = [rewards[j] for j in range(len(rewards)) if j != i and questions[j] == questions[i]]
        out.append(rewards[i] - sum(others) / len(others) if others else torch.tensor(0.0))
    return torch.stack(out)


@right(RLOO_ADVANTAGES)
def centred_and_stretched(rewards, questions):
    _, group, count = questions.unique(return_inverse=True, return_counts=True)
    mean = torch.zeros(len(count)).index_add(0, group, rewards) / count
    stretch = count / (count - 1).clamp(min=1)
    return (rewards - mean[group]) * stretch[group]


@right(RLOO_ADVANTAGES)
def matrix_of_pairs(rewards, questions):
    others = (questions[:, None] == questions).double() - torch.eye(len(rewards))
    mean = others @ rewards.double() / others.sum(1).clamp(min=1)
    return (rewards - mean) * (others.sum(1) > 0)


def _means_of(rewards, questions, mean_of, alone=lambda reward: 0.0 * reward):
    """Return each reward minus `mean_of` (its own place, the rewards of its question)."""
    out = []
    for i, question in enumerate(questions):
        places = (questions == question).nonzero()[:, 0]
        own = (places == i).nonzero()[0, 0]
        group = rewards[places]
        out.append(rewards[i] - mean_of(own, group) if len(group) > 1 else alone(rewards[i]))
    return torch.stack(out)


@wrong(RLOO_ADVANTAGES, "own reward in the mean")
def mean_of_the_group(rewards, questions):
    return _means_of(rewards, questions, lambda own, group: group.mean())


@wrong(RLOO_ADVANTAGES, "own reward in the mean")
def scattered_mean(rewards, questions):
    _, group = questions.unique(return_inverse=True)
    mean = torch.zeros(int(group.max()) + 1).scatter_reduce(0, group, rewards, "mean", include_self=False)
    return rewards - mean[group]


@wrong(RLOO_ADVANTAGES, "over the whole batch")
def mean_of_all_others(rewards, questions):
    if len(rewards) == 1:
        return torch.zeros(1)
    return rewards - (rewards.sum() - rewards) / (len(rewards) - 1)


@wrong(RLOO_ADVANTAGES, "over the whole batch")
def minus_the_mean_of_the_batch(rewards, questions):
    return rewards - rewards.mean()


@wrong(RLOO_ADVANTAGES, "neighbours only")
def unbroken_runs(rewards, questions):
    _, sizes = questions.unique_consecutive(return_counts=True)
    out = []
    for group in rewards.split(sizes.tolist()):
        n = len(group)
        out.append(group - (group.sum() - group) / (n - 1) if n > 1 else torch.zeros(1))
    return torch.cat(out)


@wrong(RLOO_ADVANTAGES, "neighbours only")
def until_the_question_changes(rewards, questions):
    out = torch.zeros_like(rewards)
    for i in range(len(rewards)):
        low = high = i
        while low > 0 and questions[low - 1] == questions[i]:
            low -= 1
        while high + 1 < len(rewards) and questions[high + 1] == questions[i]:
            high += 1
        if high > low:
            out[i] = rewards[i] - (rewards[low : high + 1].sum() - rewards[i]) / (high - low)
    return out


@wrong(RLOO_ADVANTAGES, "divided by one too many")
def others_over_the_group_size(rewards, questions):
    return _means_of(rewards, questions, lambda own, group: (group.sum() - group[own]) / len(group))


@wrong(RLOO_ADVANTAGES, "divided by one too many")
def own_reward_set_to_zero(rewards, questions):
    out = torch.zeros_like(rewards)
    for i in range(len(rewards)):
        group = rewards * (questions == questions[i])
        if (questions == questions[i]).sum() > 1:
            group[i] = 0
            out[i] = rewards[i] - group.sum() / (questions == questions[i]).sum()
    return out


@wrong(RLOO_ADVANTAGES, "an only answer divided by zero")
def no_guard(rewards, questions):
    same = (questions[:, None] == questions).float()
    return rewards - (same @ rewards - rewards) / (same.sum(1) - 1)


@wrong(RLOO_ADVANTAGES, "an only answer divided by zero")
def mean_of_nothing(rewards, questions):
    keep = torch.arange(len(rewards))
    return torch.stack(
        [
            r - rewards[(questions == q) & (keep != i)].mean()
            for i, (r, q) in enumerate(zip(rewards, questions))
        ]
    )


@wrong(RLOO_ADVANTAGES, "an only answer keeps its reward")
def baseline_of_zero(rewards, questions):
    same = (questions[:, None] == questions).float()
    return rewards - (same @ rewards - rewards) / (same.sum(1) - 1).clamp(min=1)


@wrong(RLOO_ADVANTAGES, "an only answer keeps its reward")
def nothing_subtracted(rewards, questions):
    return _means_of(
        rewards,
        questions,
        lambda own, group: (group.sum() - group[own]) / (len(group) - 1),
        alone=lambda reward: reward,
    )


@wrong(RLOO_ADVANTAGES, "sign turned")
def others_minus_own(rewards, questions):
    return -question_by_question(rewards, questions)


@wrong(RLOO_ADVANTAGES, "sign turned")
def baseline_less_reward(rewards, questions):
    same = (questions[:, None] == questions).float()
    n = same.sum(1)
    return ((same @ rewards - rewards) / (n - 1).clamp(min=1) - rewards) * (n > 1)


@wrong(RLOO_ADVANTAGES, "deviations of the group")
def grpos_group_score(rewards, questions):
    out = torch.zeros_like(rewards)
    for question in questions.unique():
        of = questions == question
        out[of] = group_advantages(rewards[of], int(of.sum()), eps=1e-9)
    return out


@wrong(RLOO_ADVANTAGES, "deviations of the group")
def in_standard_deviations(rewards, questions):
    out = rewards * 0
    for question in set(questions.tolist()):
        group = rewards[questions == question]
        if len(group) > 1:
            out[questions == question] = (group - group.mean()) / group.std()
    return out


@wrong(RLOO_ADVANTAGES, "against the best of the others")
def less_the_best(rewards, questions):
    return _means_of(
        rewards, questions, lambda own, group: max(x for j, x in enumerate(group) if j != int(own))
    )


@wrong(RLOO_ADVANTAGES, "against the best of the others")
def largest_other(rewards, questions):
    out = torch.zeros_like(rewards)
    for i in range(len(rewards)):
        others = (questions == questions[i]) & (torch.arange(len(rewards)) != i)
        if others.any():
            out[i] = rewards[i] - rewards[others].max()
    return out


@wrong(RLOO_ADVANTAGES, "the sum of the others")
def less_what_the_others_earned(rewards, questions):
    same = (questions[:, None] == questions).float()
    others = same @ rewards - rewards
    return torch.where(same.sum(1) > 1, rewards - others, torch.zeros_like(rewards))


@wrong(RLOO_ADVANTAGES, "the sum of the others")
def one_by_one_less_the_rest(rewards, questions):
    out = torch.zeros_like(rewards)
    for i, question in enumerate(questions):
        rest = [r for j, r in enumerate(rewards) if j != i and questions[j] == question]
        if rest:
            out[i] = rewards[i] - sum(rest)
    return out


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


@wrong(CLIPPED_LOSS, "held at one end only")
def no_larger_than(logps, old_logps, advantages, clip):
    ratio = (logps - old_logps).exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(max=1 + clip) * advantages).mean()


@wrong(CLIPPED_LOSS, "held at one end only")
def no_smaller_than(logps, old_logps, advantages, clip):
    ratio = torch.exp(logps - old_logps)
    return -torch.min(ratio * advantages, torch.clamp(ratio, min=1 - clip) * advantages).mean()


# --- corrected_divergence


@right(CORRECTED_DIVERGENCE)
def k3_times_ratio(logps, old_logps, ref_logps):
    return ((logps - old_logps).exp() * kl_estimate(logps, ref_logps)).mean()


@right(CORRECTED_DIVERGENCE)
def in_probabilities(logps, old_logps, ref_logps):
    p, old, ref = logps.exp(), old_logps.exp(), ref_logps.exp()
    return (p / old * (ref / p - torch.log(ref / p) - 1)).sum() / len(p)


@right(CORRECTED_DIVERGENCE)
def multiplied_out(logps, old_logps, ref_logps):
    ratio = torch.exp(logps - old_logps)
    return (torch.exp(ref_logps - old_logps) + ratio * (logps - ref_logps - 1)).mean()


@right(CORRECTED_DIVERGENCE)
def summed_token_by_token(logps, old_logps, ref_logps):
    total = 0
    for new, old, ref in zip(logps, old_logps, ref_logps):
        total = total + torch.exp(new - old) * (torch.expm1(ref - new) - (ref - new))
    return total / logps.numel()


@wrong(CORRECTED_DIVERGENCE, "no ratio")
def plain_k3(logps, old_logps, ref_logps):
    return kl_estimate(logps, ref_logps).mean()


@wrong(CORRECTED_DIVERGENCE, "no ratio")
def as_if_on_policy(logps, old_logps, ref_logps):
    apart = ref_logps - logps
    return (apart.exp() - apart - 1).sum() / len(apart)


@wrong(CORRECTED_DIVERGENCE, "ratio without a gradient")
def detached_ratio(logps, old_logps, ref_logps):
    return ((logps - old_logps).exp().detach() * kl_estimate(logps, ref_logps)).mean()


@wrong(CORRECTED_DIVERGENCE, "ratio without a gradient")
def weights_under_no_grad(logps, old_logps, ref_logps):
    with torch.no_grad():
        weights = logps.exp() / old_logps.exp()
    apart = ref_logps - logps
    return torch.mean(weights * (apart.exp() - apart - 1))


@wrong(CORRECTED_DIVERGENCE, "gradient through the ratio alone")
def detached_k3(logps, old_logps, ref_logps):
    return ((logps - old_logps).exp() * kl_estimate(logps, ref_logps).detach()).mean()


@wrong(CORRECTED_DIVERGENCE, "gradient through the ratio alone")
def k3_under_no_grad(logps, old_logps, ref_logps):
    with torch.no_grad():
        apart = ref_logps - logps
        k3 = apart.exp() - apart - 1
    return torch.dot(torch.exp(logps - old_logps), k3) / len(k3)


@wrong(CORRECTED_DIVERGENCE, "ratio upside down")
def old_over_the_new(logps, old_logps, ref_logps):
    return ((old_logps - logps).exp() * kl_estimate(logps, ref_logps)).mean()


@wrong(CORRECTED_DIVERGENCE, "ratio upside down")
def divided_by_the_ratio(logps, old_logps, ref_logps):
    ratio = logps.exp() / old_logps.exp()
    return (kl_estimate(logps, ref_logps) / ratio).mean()


@wrong(CORRECTED_DIVERGENCE, "ratio to the reference")
def model_over_the_reference(logps, old_logps, ref_logps):
    return ((logps - ref_logps).exp() * kl_estimate(logps, ref_logps)).mean()


@wrong(CORRECTED_DIVERGENCE, "ratio to the reference")
def reference_over_old(logps, old_logps, ref_logps):
    weight = ref_logps.exp() / old_logps.exp()
    return (weight * kl_estimate(logps, ref_logps)).sum() / len(logps)


@wrong(CORRECTED_DIVERGENCE, "distance from the older model")
def k3_from_old(logps, old_logps, ref_logps):
    return ((logps - old_logps).exp() * kl_estimate(logps, old_logps)).mean()


@wrong(CORRECTED_DIVERGENCE, "distance from the older model")
def old_and_reference_exchanged(logps, old_logps, ref_logps):
    apart = old_logps - logps
    return (torch.exp(logps - ref_logps) * (apart.exp() - apart - 1)).mean()


@wrong(CORRECTED_DIVERGENCE, "roles exchanged")
def model_in_the_numerator(logps, old_logps, ref_logps):
    apart = logps - ref_logps
    return ((logps - old_logps).exp() * (apart.exp() - apart - 1)).mean()


@wrong(CORRECTED_DIVERGENCE, "roles exchanged")
def library_the_wrong_way(logps, old_logps, ref_logps):
    return (torch.exp(logps - old_logps) * kl_estimate(ref_logps, logps)).sum() / len(logps)


@wrong(CORRECTED_DIVERGENCE, "mean of differences")
def k1_weighted(logps, old_logps, ref_logps):
    return ((logps - old_logps).exp() * (logps - ref_logps)).mean()


@wrong(CORRECTED_DIVERGENCE, "mean of differences")
def k1_of_the_library(logps, old_logps, ref_logps):
    ratio = logps.exp() / old_logps.exp()
    return torch.dot(ratio, kl_estimate(logps, ref_logps, "k1")) / len(ratio)


@wrong(CORRECTED_DIVERGENCE, "half the squares")
def k2_weighted(logps, old_logps, ref_logps):
    return ((logps - old_logps).exp() * (logps - ref_logps) ** 2).mean() / 2


@wrong(CORRECTED_DIVERGENCE, "half the squares")
def squares_weighted(logps, old_logps, ref_logps):
    return torch.mean(torch.exp(logps - old_logps) * (logps - ref_logps).square())


@wrong(CORRECTED_DIVERGENCE, "one left over")
def minus_one_forgotten(logps, old_logps, ref_logps):
    apart = ref_logps - logps
    return ((logps - old_logps).exp() * (apart.exp() - apart)).mean()


@wrong(CORRECTED_DIVERGENCE, "one left over")
def r_minus_log_r(logps, old_logps, ref_logps):
    r = ref_logps.exp() / logps.exp()
    return ((r - r.log()) * torch.exp(logps - old_logps)).sum() / len(r)


@wrong(CORRECTED_DIVERGENCE, "sign turned")
def paid_for_distance(logps, old_logps, ref_logps):
    return -k3_times_ratio(logps, old_logps, ref_logps)


@wrong(CORRECTED_DIVERGENCE, "sign turned")
def one_plus_log_minus_r(logps, old_logps, ref_logps):
    apart = ref_logps - logps
    return ((logps - old_logps).exp() * (1 + apart - apart.exp())).mean()


@wrong(CORRECTED_DIVERGENCE, "divided by the sum of the ratios")
def weighted_average(logps, old_logps, ref_logps):
    ratio = (logps - old_logps).exp()
    return (ratio * kl_estimate(logps, ref_logps)).sum() / ratio.sum()


@wrong(CORRECTED_DIVERGENCE, "divided by the sum of the ratios")
def softmax_weights(logps, old_logps, ref_logps):
    weights = torch.softmax(logps - old_logps, 0)
    return weights @ kl_estimate(logps, ref_logps)


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


# --- found by readers of the texts alone


@refused(ANSWER_RATIOS, "logps.grad[0, ")
def without_a_way_back(logps, old_logps, mask):
    return (((logps - old_logps) * mask).sum(1) / mask.sum(1)).exp().detach()


@refused(BANDIT_LOSS, "Hint: two things at once")
def sign_and_sum(logits, arms, rewards, worth):
    logp = logits.log_softmax(-1)
    b = (logp.exp() * worth).sum().detach()
    return ((rewards - b) * logp[arms]).sum()


@right(CORRECTED_DIVERGENCE)
def in_a_tensor_of_one(logps, old_logps, ref_logps):
    return k3_times_ratio(logps, old_logps, ref_logps).reshape(1)


@refused(MEAN_OVER_ANSWERS, "loss should be a tensor")
def as_a_number_without_a_gradient(losses, mask):
    per_answer = (losses * mask).sum(1) / mask.sum(1).clamp(min=1)
    return per_answer.mean().item()


@wrong(MEAN_OVER_ANSWERS, "over the positions first")
def over_the_positions_first(losses, mask):
    return ((losses * mask).sum(0) / mask.sum(0).clamp(min=1)).mean()


@wrong(MEAN_OVER_ANSWERS, "over the positions first")
def means_of_columns(losses, mask):
    return torch.stack([(x * m).sum() / m.sum().clamp(min=1) for x, m in zip(losses.T, mask.T)]).mean()


@wrong(MEAN_OVER_ANSWERS, "one token too many in the divisor")
def one_token_too_many_in_the_divisor(losses, mask):
    return ((losses * mask).sum(1) / (mask.sum(1) + 1)).mean()


@wrong(MEAN_OVER_ANSWERS, "one token too many in the divisor")
def one_more_against_nothing(losses, mask):
    means = [(row * on).sum() / (1 + on.sum()) for row, on in zip(losses, mask)]
    return sum(means) / len(means)


@wrong(MEAN_OVER_ANSWERS, "cut at the first hole")
def until_the_mask_ends(losses, mask):
    kept = mask.long().cumprod(-1)
    return ((losses * kept).sum(-1) / kept.sum(-1).clamp(min=1)).mean()


@wrong(MEAN_OVER_ANSWERS, "cut at the first hole")
def breaking_off(losses, mask):
    means = []
    for row, there in zip(losses, mask):
        n = 0
        while n < len(row) and there[n]:
            n += 1
        means.append(row[:n].mean() if n else row.sum() * 0)
    return torch.stack(means).mean()
