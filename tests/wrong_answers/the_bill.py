"""Lesson 12: answers to its exercises, from the parameters counted to the length that pays."""

import math

import torch

from lessons_lib.checks.the_bill.forecast import FORECAST
from lessons_lib.checks.the_bill.hours import TRAINING_HOURS
from lessons_lib.checks.the_bill.parameters import COUNT_MODEL
from lessons_lib.checks.the_bill.what_if import WHAT_IF
from lessons_lib.checks.the_bill.writing import CHEAPER_FROM
from wrong_answers import refused, right, wrong


def parts(config, attention):
    """Return what is the same for both numbers, one expert, and how many layers have experts."""
    n_sparse = config.n_layers - config.n_dense_layers
    same = 2 * config.vocab_size * config.dim + config.n_layers * attention
    same += config.n_dense_layers * 3 * config.dim * config.inter_dim
    same += n_sparse * config.n_routed_experts * config.dim
    return same, 3 * config.dim * config.moe_inter_dim, n_sparse


@right(COUNT_MODEL)
def same_and_different(config, attention):
    same, expert, n_sparse = parts(config, attention)
    held = n_sparse * (config.n_shared_experts + config.n_routed_experts) * expert
    works = n_sparse * (config.n_shared_experts + config.n_activated_experts) * expert
    return same + held, same + works


@right(COUNT_MODEL)
def layer_by_layer(config, attention):
    total = active = 2 * config.vocab_size * config.dim
    for layer in range(config.n_layers):
        n_always, n_all, n_chosen = config.inter_dim, 0, 0
        if layer in config.expert_layers:
            n_always = config.n_shared_experts * config.moe_inter_dim
            n_all, n_chosen = (
                n * config.moe_inter_dim for n in (config.n_routed_experts, config.n_activated_experts)
            )
            total += config.n_routed_experts * config.dim
            active += config.n_routed_experts * config.dim
        total += attention + 3 * config.dim * (n_always + n_all)
        active += attention + 3 * config.dim * (n_always + n_chosen)
    return total, active


@right(COUNT_MODEL)
def total_less_idle_experts(config, attention):
    same, expert, n_sparse = parts(config, attention)
    total = same + n_sparse * (config.n_shared_experts + config.n_routed_experts) * expert
    idle = n_sparse * (config.n_routed_experts - config.n_activated_experts) * expert
    return total, total - idle


@wrong(COUNT_MODEL, "all experts at work")
def one_number_for_both(config, attention):
    total, _ = same_and_different(config, attention)
    return total, total


@wrong(COUNT_MODEL, "all experts at work")
def every_layer_s_experts_all(config, attention):
    same, expert, n_sparse = parts(config, attention)
    n_experts = config.n_routed_experts + config.n_shared_experts
    active = same + n_sparse * n_experts * expert
    return same + sum(n_experts * expert for _ in config.expert_layers), active


@wrong(COUNT_MODEL, "shared experts left out")
def routed_experts_only(config, attention):
    same, expert, n_sparse = parts(config, attention)
    routed = n_sparse * expert
    return same + config.n_routed_experts * routed, same + config.n_activated_experts * routed


@wrong(COUNT_MODEL, "shared experts left out")
def only_what_is_chosen_from(config, attention):
    total = active = 2 * config.vocab_size * config.dim
    for layer in range(config.n_layers):
        total, active = total + attention, active + attention
        if layer < config.n_dense_layers:
            total += 3 * config.dim * config.inter_dim
            active += 3 * config.dim * config.inter_dim
        else:
            total += config.dim * config.n_routed_experts * (1 + 3 * config.moe_inter_dim)
            active += config.dim * config.n_routed_experts
            active += config.dim * config.n_activated_experts * 3 * config.moe_inter_dim
    return total, active


@wrong(COUNT_MODEL, "shared experts in place of chosen ones")
def active_experts_are_the_activated_ones(config, attention):
    same, expert, n_sparse = parts(config, attention)
    held = n_sparse * (config.n_shared_experts + config.n_routed_experts) * expert
    return same + held, same + n_sparse * config.n_activated_experts * expert


@wrong(COUNT_MODEL, "shared experts in place of chosen ones")
def shared_ones_taken_off(config, attention):
    total, active = same_and_different(config, attention)
    n_idle = config.n_shared_experts * len(config.expert_layers)
    return total, active - n_idle * 3 * config.dim * config.moe_inter_dim


@wrong(COUNT_MODEL, "experts in every layer")
def no_plain_layers(config, attention):
    both = []
    for n in (config.n_routed_experts, config.n_activated_experts):
        experts = 3 * config.dim * config.moe_inter_dim * (n + config.n_shared_experts)
        layer = attention + config.n_routed_experts * config.dim + experts
        both.append(2 * config.vocab_size * config.dim + config.n_layers * layer)
    return tuple(both)


@wrong(COUNT_MODEL, "experts in every layer")
def experts_on_top_of_plain_layers(config, attention):
    total, active = same_and_different(config, attention)
    expert = 3 * config.dim * config.moe_inter_dim
    for _ in range(config.n_dense_layers):
        total += config.n_routed_experts * config.dim + expert * config.n_shared_experts
        active += config.n_routed_experts * config.dim + expert * config.n_shared_experts
        total += expert * config.n_routed_experts
        active += expert * config.n_activated_experts
    return total, active


@wrong(COUNT_MODEL, "a plain block beside the experts")
def plain_block_everywhere(config, attention):
    more = len(config.expert_layers) * 3 * config.dim * config.inter_dim
    total, active = same_and_different(config, attention)
    return total + more, active + more


@wrong(COUNT_MODEL, "a plain block beside the experts")
def layer_with_all_there_is(config, attention):
    total = active = 2 * config.vocab_size * config.dim
    for layer in range(config.n_layers):
        every = attention + 3 * config.dim * config.inter_dim
        total, active = total + every, active + every
        if layer >= config.n_dense_layers:
            router = config.dim * config.n_routed_experts
            expert = 3 * config.dim * config.moe_inter_dim
            total += router + expert * (config.n_shared_experts + config.n_routed_experts)
            active += router + expert * (config.n_shared_experts + config.n_activated_experts)
    return total, active


@wrong(COUNT_MODEL, "router left out")
def experts_without_a_router(config, attention):
    total, active = same_and_different(config, attention)
    routers = len(config.expert_layers) * config.n_routed_experts * config.dim
    return total - routers, active - routers


@wrong(COUNT_MODEL, "router left out")
def chosen_rows_of_the_router(config, attention):
    total, active = same_and_different(config, attention)
    n_idle = config.n_routed_experts - config.n_activated_experts
    for _ in config.expert_layers:
        active -= n_idle * config.dim
    return total, active


@wrong(COUNT_MODEL, "router left out")
def sizes_of_blocks_alone(config, attention):
    dense, n_sparse = config.n_dense_layers, config.n_layers - config.n_dense_layers
    both = []
    for n in (config.n_routed_experts, config.n_activated_experts):
        width = dense * config.inter_dim + n_sparse * (n + config.n_shared_experts) * config.moe_inter_dim
        both.append(config.dim * (2 * config.vocab_size + 3 * width) + config.n_layers * attention)
    return both


@wrong(COUNT_MODEL, "embedding or head left out")
def tied(config, attention):
    total, active = same_and_different(config, attention)
    table = config.vocab_size * config.dim
    return total - table, active - table


@wrong(COUNT_MODEL, "embedding or head left out")
def embedding_is_only_looked_up(config, attention):
    same, expert, n_sparse = parts(config, attention)
    held = n_sparse * (config.n_shared_experts + config.n_routed_experts) * expert
    works = n_sparse * (config.n_shared_experts + config.n_activated_experts) * expert
    return same + held, same + works - config.vocab_size * config.dim


@wrong(COUNT_MODEL, "embedding or head left out")
def layers_alone(config, attention):
    return tuple(n - 2 * config.vocab_size * config.dim for n in same_and_different(config, attention))


@wrong(COUNT_MODEL, "two matrices for three")
def blocks_without_a_gate(config, attention):
    both = []
    for n in (config.n_routed_experts, config.n_activated_experts):
        expert = 2 * config.dim * config.moe_inter_dim
        sparse = config.dim * config.n_routed_experts + (n + config.n_shared_experts) * expert
        blocks = config.n_dense_layers * 2 * config.dim * config.inter_dim
        blocks += len(config.expert_layers) * sparse
        both.append(2 * config.vocab_size * config.dim + config.n_layers * attention + blocks)
    return tuple(both)


@wrong(COUNT_MODEL, "two matrices for three")
def up_and_down(config, attention):
    total, active = same_and_different(config, attention)
    gates = config.n_dense_layers * config.inter_dim
    for _ in config.expert_layers:
        gates += config.n_shared_experts * config.moe_inter_dim
    n_sparse = len(config.expert_layers)
    held = gates + n_sparse * config.n_routed_experts * config.moe_inter_dim
    works = gates + n_sparse * config.n_activated_experts * config.moe_inter_dim
    return total - config.dim * held, active - config.dim * works


@wrong(COUNT_MODEL, "attention of one layer")
def attention_added_once(config, attention):
    total, active = same_and_different(config, 0)
    return total + attention, active + attention


@wrong(COUNT_MODEL, "attention of one layer")
def attention_in_layers_with_experts(config, attention):
    without = same_and_different(config, 0)
    return tuple(n + len(config.expert_layers) * attention for n in without)


@right(TRAINING_HOURS)
def time_of_each_kind(active, tokens, fp8_share, bf16_peak, utilisation):
    flops = 6 * (active * 1e9) * (tokens * 1e9)
    seconds = flops * (1 - fp8_share) / (bf16_peak * 1e12) + flops * fp8_share / (2 * bf16_peak * 1e12)
    return seconds / utilisation / 3600


@right(TRAINING_HOURS)
def by_an_effective_peak(active, tokens, fp8_share, bf16_peak, utilisation):
    rate = bf16_peak / (1 - fp8_share / 2)
    return 6e6 * active.double() * tokens.double() / (utilisation * rate.double() * 3600)


@wrong(TRAINING_HOURS, "FP8 peak for everything")
def twice_the_peak(active, tokens, fp8_share, bf16_peak, utilisation):
    fp8_peak = 2 * bf16_peak * 1e12
    return 6 * active * 1e9 * tokens * 1e9 / (fp8_peak * utilisation) / 3600


@wrong(TRAINING_HOURS, "FP8 peak for everything")
def all_of_it_quantised(active, tokens, fp8_share, bf16_peak, utilisation):
    return time_of_each_kind(active, tokens, torch.ones_like(fp8_share), bf16_peak, utilisation)


@wrong(TRAINING_HOURS, "BF16 peak for everything")
def share_unused(active, tokens, fp8_share, bf16_peak, utilisation):
    return 6 * active * 1e9 * tokens * 1e9 / (bf16_peak * 1e12 * utilisation * 3600)


@wrong(TRAINING_HOURS, "BF16 peak for everything")
def both_kinds_at_one_rate(active, tokens, fp8_share, bf16_peak, utilisation):
    flops = 6e6 * active * tokens
    kinds = flops * fp8_share, flops * (1 - fp8_share)
    return sum(kind / bf16_peak for kind in kinds) / utilisation / 3600


@wrong(TRAINING_HOURS, "peaks averaged")
def mean_of_two_rates(active, tokens, fp8_share, bf16_peak, utilisation):
    peak = (1 - fp8_share) * bf16_peak + fp8_share * 2 * bf16_peak
    return 6e6 * active * tokens / peak / utilisation / 3600


@wrong(TRAINING_HOURS, "peaks averaged")
def rate_that_grows_with_the_share(active, tokens, fp8_share, bf16_peak, utilisation):
    bf16 = 6e18 * active.double() * tokens.double() / (bf16_peak * 1e12 * utilisation) / 3600
    return bf16 / (1 + fp8_share)


@wrong(TRAINING_HOURS, "shares exchanged")
def fp8_for_the_rest(active, tokens, fp8_share, bf16_peak, utilisation):
    return time_of_each_kind(active, tokens, 1 - fp8_share, bf16_peak, utilisation)


@wrong(TRAINING_HOURS, "shares exchanged")
def half_of_the_wrong_part(active, tokens, fp8_share, bf16_peak, utilisation):
    seconds = 6e6 * active * tokens / bf16_peak / utilisation
    return seconds * (fp8_share + (1 - fp8_share) / 2) / 3600


@wrong(TRAINING_HOURS, "FP8 slower")
def half_the_rate(active, tokens, fp8_share, bf16_peak, utilisation):
    flops = 6e6 * active * tokens
    seconds = flops * (1 - fp8_share) / bf16_peak + flops * fp8_share / (bf16_peak / 2)
    return seconds / utilisation / 3600


@wrong(TRAINING_HOURS, "FP8 slower")
def twice_the_time(active, tokens, fp8_share, bf16_peak, utilisation):
    plain = share_unused(active, tokens, fp8_share, bf16_peak, utilisation)
    return plain * (1 - fp8_share) + 2 * plain * fp8_share


@wrong(TRAINING_HOURS, "forward pass alone")
def two_for_each_parameter(active, tokens, fp8_share, bf16_peak, utilisation):
    flops = 2 * active * 1e9 * tokens * 1e9
    return flops * (1 - fp8_share / 2) / (bf16_peak * 1e12) / utilisation / 3600


@wrong(TRAINING_HOURS, "forward pass alone")
def a_third_of_it(active, tokens, fp8_share, bf16_peak, utilisation):
    return by_an_effective_peak(active / 3, tokens, fp8_share, bf16_peak, utilisation)


@wrong(TRAINING_HOURS, "forward pass alone")
def three_multiplications(active, tokens, fp8_share, bf16_peak, utilisation):
    return 3e6 * active * tokens * (1 - fp8_share / 2) / bf16_peak / utilisation / 3600


@wrong(TRAINING_HOURS, "utilisation the wrong way")
def times_utilisation(active, tokens, fp8_share, bf16_peak, utilisation):
    return 6e6 * active * tokens * (1 - fp8_share / 2) / bf16_peak * utilisation / 3600


@wrong(TRAINING_HOURS, "utilisation the wrong way")
def peak_divided_by_it(active, tokens, fp8_share, bf16_peak, utilisation):
    return time_of_each_kind(active, tokens, fp8_share, bf16_peak / utilisation, 1.0)


@wrong(TRAINING_HOURS, "utilisation left out")
def at_the_peak(active, tokens, fp8_share, bf16_peak, utilisation):
    return 6e6 * active * tokens * (1 - fp8_share / 2) / bf16_peak / 3600


@wrong(TRAINING_HOURS, "utilisation left out")
def always_busy(active, tokens, fp8_share, bf16_peak, utilisation):
    utilisation = 1
    return time_of_each_kind(active, tokens, fp8_share, bf16_peak, utilisation)


@wrong(TRAINING_HOURS, "seconds for hours")
def not_divided_by_3600(active, tokens, fp8_share, bf16_peak, utilisation):
    return 6e6 * active * tokens * (1 - fp8_share / 2) / (bf16_peak * utilisation)


@wrong(TRAINING_HOURS, "seconds for hours")
def minutes(active, tokens, fp8_share, bf16_peak, utilisation):
    flops = 6 * (active * 1e9) * (tokens * 1e9)
    seconds = flops * (1 - fp8_share) / (bf16_peak * 1e12) + flops * fp8_share / (2 * bf16_peak * 1e12)
    return seconds / utilisation / 60


def work_and_ability(active, tokens, hours, peak):
    """Return what each run computed, and what its chips could have, in float64."""
    return 6e18 * active.double() * tokens, hours.double() * 3600 * peak * 1e12


@right(FORECAST)
def sums_less_one(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    of_others = (work.sum() - work) / (able.sum() - able)
    return work / able, work / (of_others * peak * 1e12 * 3600)


@right(FORECAST)
def one_run_left_out_at_a_time(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    forecast = []
    for i in range(len(work)):
        others = torch.arange(len(work)) != i
        utilisation = work[others].sum() / able[others].sum()
        forecast.append(work[i] / utilisation / (peak[i] * 1e12) / 3600)
    return work / able, torch.stack(forecast)


@right(FORECAST)
def from_hours_and_ratios(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    matrix = 1 - torch.eye(len(work), dtype=torch.float64)
    utilisation = work / able
    return utilisation, hours * utilisation * (matrix @ able) / (matrix @ work)


@right(FORECAST)
def in_float32(active, tokens, hours, peak):
    work, able = 6e18 * active * tokens, hours * 3600 * peak * 1e12
    of_others = (work.sum() - work) / (able.sum() - able)
    return work / able, work / of_others / (peak * 1e12) / 3600


@wrong(FORECAST, "derived from the run itself")
def in_a_circle(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    utilisation = work / able
    return utilisation, work / (utilisation * peak * 1e12) / 3600


@wrong(FORECAST, "derived from the run itself")
def hours_handed_back(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    return work / able, hours.clone()


@wrong(FORECAST, "its own run among the others")
def sum_over_all_runs(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    return work / able, work / (work.sum() / able.sum() * peak * 1e12) / 3600


@wrong(FORECAST, "its own run among the others")
def mean_over_all_runs(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    utilisation = work / able
    return utilisation, hours * utilisation / utilisation.mean()


@wrong(FORECAST, "runs weighted alike")
def mean_of_the_others(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    utilisation = work / able
    of_others = (utilisation.sum() - utilisation) / (len(work) - 1)
    return utilisation, work / (of_others * peak * 1e12) / 3600


@wrong(FORECAST, "runs weighted alike")
def mean_in_a_loop(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    each, forecast = (work / able).tolist(), []
    for i in range(len(each)):
        others = [u for j, u in enumerate(each) if j != i]
        forecast.append(float(hours[i]) * each[i] / (sum(others) / len(others)))
    return torch.tensor(each), torch.tensor(forecast)


@wrong(FORECAST, "hours of the others")
def their_mean_hours(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    return work / able, (hours.sum() - hours) / (len(hours) - 1)


@wrong(FORECAST, "hours of the others")
def mean_hours_in_a_loop(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    forecast = [torch.cat([hours[:i], hours[i + 1 :]]).mean() for i in range(len(hours))]
    return work / able, torch.stack(forecast)


@wrong(FORECAST, "utilisation inverted")
def ability_over_work(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    of_others = (work.sum() - work) / (able.sum() - able)
    return able / work, work / (of_others * peak * 1e12 * 3600)


@wrong(FORECAST, "utilisation inverted")
def inverted_in_both(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    of_others = (able.sum() - able) / (work.sum() - work)
    return able / work, work / (of_others * peak * 1e12) / 3600


@wrong(FORECAST, "seconds and hours mixed")
def hours_taken_for_seconds(active, tokens, hours, peak):
    work, able = 6e6 * active.double() * tokens, hours.double() * peak
    of_others = (work.sum() - work) / (able.sum() - able)
    return work / able, work / (of_others * peak)


@wrong(FORECAST, "seconds and hours mixed")
def forecast_in_seconds(active, tokens, hours, peak):
    work, able = work_and_ability(active, tokens, hours, peak)
    of_others = (work.sum() - work) / (able.sum() - able)
    return work / able, work / (of_others * peak * 1e12)


@wrong(FORECAST, "seconds and hours mixed")
def seconds_remembered_too_late(active, tokens, hours, peak):
    utilisation, forecast = hours_taken_for_seconds(active, tokens, hours, peak)
    return utilisation, forecast * 3600


@wrong(FORECAST, "forward pass alone")
def two_operations_a_parameter(active, tokens, hours, peak):
    work, able = 2e18 * active.double() * tokens, hours.double() * 3600 * peak * 1e12
    of_others = (work.sum() - work) / (able.sum() - able)
    return work / able, work / (of_others * peak * 1e12 * 3600)


@wrong(FORECAST, "forward pass alone")
def one_operation_a_parameter(active, tokens, hours, peak):
    utilisation, forecast = sums_less_one(active / 6, tokens, hours, peak)
    return utilisation, forecast


@right(WHAT_IF)
def hours_that_are_left(hours, share, faster, price, other_price):
    left = hours * (1 - share) + hours * share / faster
    return hours.sum() * price, left.sum() * other_price


@right(WHAT_IF)
def saved_hours_taken_off(hours, share, faster, price, other_price):
    saved = hours @ share * (1 - 1 / faster)
    return price * hours.sum(), other_price * (hours.sum() - saved)


@right(WHAT_IF)
def one_stage_after_the_other(hours, share, faster, price, other_price):
    now = then = torch.zeros(())
    for h, s in zip(hours, share):
        now = now + price * h
        then = then + other_price * (h - h * s + h * s / faster)
    return now, then


@wrong(WHAT_IF, "everything faster")
def hours_divided(hours, share, faster, price, other_price):
    return price * hours.sum(), other_price * hours.sum() / faster


@wrong(WHAT_IF, "everything faster")
def share_and_rest_divided(hours, share, faster, price, other_price):
    then = (hours * share + hours * (1 - share)) / faster * other_price
    return (hours * price).sum(), then.sum()


@wrong(WHAT_IF, "only what is faster")
def rest_forgotten(hours, share, faster, price, other_price):
    return price * hours.sum(), other_price * (hours * share / faster).sum()


@wrong(WHAT_IF, "only what is faster")
def communication_alone(hours, share, faster, price, other_price):
    talking = torch.dot(hours, share)
    return hours.sum() * price, talking * other_price / faster


@wrong(WHAT_IF, "communication for nothing")
def computing_alone(hours, share, faster, price, other_price):
    return price * hours.sum(), other_price * (hours * (1 - share)).sum()


@wrong(WHAT_IF, "communication for nothing")
def whole_share_saved(hours, share, faster, price, other_price):
    return price * hours.sum(), other_price * (hours.sum() - hours @ share)


@wrong(WHAT_IF, "shares exchanged")
def computing_faster(hours, share, faster, price, other_price):
    left = hours * share + hours * (1 - share) / faster
    return hours.sum() * price, left.sum() * other_price


@wrong(WHAT_IF, "shares exchanged")
def share_of_computing(hours, share, faster, price, other_price):
    return saved_hours_taken_off(hours, 1 - share, faster, price, other_price)


@wrong(WHAT_IF, "speeds averaged")
def mean_speed(hours, share, faster, price, other_price):
    speed = (1 - share) * 1 + share * faster
    return price * hours.sum(), other_price * (hours / speed).sum()


@wrong(WHAT_IF, "speeds averaged")
def mean_speed_in_a_loop(hours, share, faster, price, other_price):
    then = sum(h / (1 + s * (faster - 1)) for h, s in zip(hours, share))
    return price * hours.sum(), other_price * then


@wrong(WHAT_IF, "slower for faster")
def multiplied(hours, share, faster, price, other_price):
    left = hours * (1 - share) + hours * share * faster
    return hours.sum() * price, left.sum() * other_price


@wrong(WHAT_IF, "slower for faster")
def inverse_speed(hours, share, faster, price, other_price):
    return saved_hours_taken_off(hours, share, 1 / faster, price, other_price)


@wrong(WHAT_IF, "the old price")
def same_price(hours, share, faster, price, other_price):
    return hours_that_are_left(hours, share, faster, price, price)


@wrong(WHAT_IF, "the old price")
def price_of_the_first_chip(hours, share, faster, price, other_price):
    then = hours * (1 - share + share / faster) * price
    return (hours * price).sum(), then.sum()


@wrong(WHAT_IF, "the old price")
def only_what_is_paid_more(hours, share, faster, price, other_price):
    left = hours * (1 - share + share / faster)
    return hours.sum() * price, (other_price - price) * left.sum()


@wrong(WHAT_IF, "one share for all stages")
def mean_share(hours, share, faster, price, other_price):
    left = hours.sum() * (1 - share.mean() + share.mean() / faster)
    return price * hours.sum(), other_price * left


@wrong(WHAT_IF, "one share for all stages")
def mean_of_what_is_left(hours, share, faster, price, other_price):
    left = [1 - s + s / faster for s in share.tolist()]
    return hours.sum() * price, hours.sum() * other_price * sum(left) / len(left)


@wrong(WHAT_IF, "first stage only")
def one_stage(hours, share, faster, price, other_price):
    left = hours[0] * (1 - share[0]) + hours[0] * share[0] / faster
    return hours[0] * price, left * other_price


@wrong(WHAT_IF, "first stage only")
def returns_too_early(hours, share, faster, price, other_price):
    now = then = 0
    for h, s in zip(hours, share):
        now += price * h
        then += other_price * (h - h * s * (1 - 1 / faster))
        return now, then


# --- found by readers of the texts alone


@right(WHAT_IF)
def in_tensors_of_one(hours, share, faster, price, other_price):
    now = torch.tensor([float(hours.sum()) * price])
    return now, torch.tensor([float((hours * (1 - share * (1 - 1 / faster))).sum()) * other_price])


@refused(TRAINING_HOURS, "Hint: two things at once")
def seconds_without_fp8(active, tokens, fp8_share, bf16_peak, utilisation):
    return 6 * active * tokens * 1e6 / (bf16_peak * utilisation)


@refused(COUNT_MODEL, "Hint: two things at once")
def neither_router_nor_shared(config, attention):
    c = config
    fixed = 2 * c.vocab_size * c.dim + c.n_layers * attention + c.n_dense_layers * 3 * c.dim * c.inter_dim
    moe, expert = c.n_layers - c.n_dense_layers, 3 * c.dim * c.moe_inter_dim
    return fixed + moe * c.n_routed_experts * expert, fixed + moe * c.n_activated_experts * expert


@wrong(COUNT_MODEL, "router left out")
def rows_of_the_chosen(config, attention):
    c = config
    fixed = 2 * c.vocab_size * c.dim + c.n_layers * attention + c.n_dense_layers * 3 * c.dim * c.inter_dim
    layers, expert = c.n_layers - c.n_dense_layers, 3 * c.dim * c.moe_inter_dim
    total, active = (
        fixed + layers * (n * c.dim + (n + c.n_shared_experts) * expert)
        for n in (c.n_routed_experts, c.n_activated_experts)
    )
    return total, active


@wrong(COUNT_MODEL, "router left out")
def a_row_goes_with_its_expert(config, attention):
    both = []
    for routed in (config.n_routed_experts, config.n_activated_experts):
        n = 2 * config.vocab_size * config.dim
        for layer in range(config.n_layers):
            n += attention
            if layer < config.n_dense_layers:
                n += 3 * config.dim * config.inter_dim
            else:
                n += config.n_shared_experts * 3 * config.dim * config.moe_inter_dim
                n += routed * (3 * config.dim * config.moe_inter_dim + config.dim)
        both.append(n)
    return both[0], both[1]


# --- cheaper_from


@right(CHEAPER_FROM)
def a_line_crosses_another(plain_active, plain_memory, active, memory, module, kept):
    tokens = 1 + kept
    more = active + module - tokens * plain_active
    saved = tokens * plain_memory - memory
    return max(0, math.floor(more / saved) + 1)


@right(CHEAPER_FROM)
def length_by_length(plain_active, plain_memory, active, memory, module, kept):
    length = 0
    while (active + module + length * memory) / (1 + kept) >= plain_active + length * plain_memory:
        length += 1
    return length


@right(CHEAPER_FROM)
def in_bytes_and_the_next_whole(plain_active, plain_memory, active, memory, module, kept):
    here = 2 * (active + module) / (1 + kept) - 2 * plain_active
    there = 2 * plain_memory - 2 * memory / (1 + kept)
    return max(0, math.floor(here / there) + 1)


@wrong(CHEAPER_FROM, "drafts left out")
def one_token_a_pass(plain_active, plain_memory, active, memory, module, kept):
    return a_line_crosses_another(plain_active, plain_memory, active, memory, module, 0)


@wrong(CHEAPER_FROM, "drafts left out")
def the_plain_model_drafts_too(plain_active, plain_memory, active, memory, module, kept):
    n = 0
    while (active + module + n * memory) / (1 + kept) >= (plain_active + n * plain_memory) / (1 + kept):
        n += 1
    return n


@wrong(CHEAPER_FROM, "kept drafts alone")
def only_what_was_kept(plain_active, plain_memory, active, memory, module, kept):
    return a_line_crosses_another(plain_active, plain_memory, active, memory, module, kept - 1)


@wrong(CHEAPER_FROM, "kept drafts alone")
def a_pass_writes_its_drafts(plain_active, plain_memory, active, memory, module, kept):
    more = (active + module) / kept - plain_active
    return max(0, math.floor(more / (plain_memory - memory / kept)) + 1)


@wrong(CHEAPER_FROM, "module left out")
def free_drafts(plain_active, plain_memory, active, memory, module, kept):
    return a_line_crosses_another(plain_active, plain_memory, active, memory, 0, kept)


@wrong(CHEAPER_FROM, "module left out")
def main_model_alone(plain_active, plain_memory, active, memory, module, kept):
    n = 0
    while (active + n * memory) / (1 + kept) >= plain_active + n * plain_memory:
        n += 1
    return n


@wrong(CHEAPER_FROM, "module read for each token")
def module_behind_the_division(plain_active, plain_memory, active, memory, module, kept):
    n = 0
    while (active + n * memory) / (1 + kept) + module >= plain_active + n * plain_memory:
        n += 1
    return n


@wrong(CHEAPER_FROM, "module read for each token")
def module_times_tokens(plain_active, plain_memory, active, memory, module, kept):
    return a_line_crosses_another(plain_active, plain_memory, active, memory, module * (1 + kept), kept)


@wrong(CHEAPER_FROM, "parameters read for each token")
def memory_divided_alone(plain_active, plain_memory, active, memory, module, kept):
    more = active + module - plain_active
    return max(0, math.floor(more / (plain_memory - memory / (1 + kept))) + 1)


@wrong(CHEAPER_FROM, "parameters read for each token")
def parameters_in_full(plain_active, plain_memory, active, memory, module, kept):
    n = 0
    while active + module + n * memory / (1 + kept) >= plain_active + n * plain_memory:
        n += 1
    return n


@wrong(CHEAPER_FROM, "memory read for each token")
def parameters_divided_alone(plain_active, plain_memory, active, memory, module, kept):
    more = (active + module) / (1 + kept) - plain_active
    return max(0, math.floor(more / (plain_memory - memory)) + 1)


@wrong(CHEAPER_FROM, "memory read for each token")
def memory_in_full(plain_active, plain_memory, active, memory, module, kept):
    n = 0
    while (active + module) / (1 + kept) + n * memory >= plain_active + n * plain_memory:
        n += 1
    return n


@wrong(CHEAPER_FROM, "one token too early")
def rounded_down(plain_active, plain_memory, active, memory, module, kept):
    tokens = 1 + kept
    return max(0, math.floor((active + module - tokens * plain_active) / (tokens * plain_memory - memory)))


@wrong(CHEAPER_FROM, "one token too early")
def whole_part(plain_active, plain_memory, active, memory, module, kept):
    here = (active + module) / (1 + kept) - plain_active
    return max(0, int(here / (plain_memory - memory / (1 + kept))))


@wrong(CHEAPER_FROM, "texts of negative length")
def before_the_first_token(plain_active, plain_memory, active, memory, module, kept):
    tokens = 1 + kept
    return math.floor((active + module - tokens * plain_active) / (tokens * plain_memory - memory)) + 1


@wrong(CHEAPER_FROM, "texts of negative length")
def rounded_up_only(plain_active, plain_memory, active, memory, module, kept):
    here = (active + module) / (1 + kept) - plain_active
    return math.floor(here / (plain_memory - memory / (1 + kept))) + 1


@wrong(CHEAPER_FROM, "two bytes for the memory alone")
def parameters_of_one_byte(plain_active, plain_memory, active, memory, module, kept):
    return a_line_crosses_another(plain_active, 2 * plain_memory, active, 2 * memory, module, kept)


@wrong(CHEAPER_FROM, "two bytes for the memory alone")
def bytes_of_the_memory(plain_active, plain_memory, active, memory, module, kept):
    n = 0
    while (active + module + 2 * n * memory) / (1 + kept) >= plain_active + 2 * n * plain_memory:
        n += 1
    return n
