"""Lesson 13: answers to `mean_over_answers` and `answer_ratios`."""

import torch
from torch import einsum

from lessons_lib.checks.policy_gradients.mean import MEAN_OVER_ANSWERS
from lessons_lib.checks.policy_gradients.ratio import ANSWER_RATIOS
from wrong_answers import right, wrong

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
