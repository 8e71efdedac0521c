"""Lesson 10: answers to `multiply_by_blocks`, `gradient_from_codes`, `master_steps`, `adjust_loss_scale`."""

import torch
from torch import einsum

from lessons_lib.checks.fp8_training.adjusting import ADJUST_LOSS_SCALE
from lessons_lib.checks.fp8_training.from_codes import GRADIENT_FROM_CODES
from lessons_lib.checks.fp8_training.master import MASTER_STEPS
from lessons_lib.checks.fp8_training.products import MULTIPLY_BY_BLOCKS
from lessons_lib.precision import cast_e4m3, dequantize_tiles, multiply_tiles, quantize_tiles, round_tiles
from wrong_answers import refused, right, wrong


def stretches(length, k):
    return [slice(start, start + length) for start in range(0, k, length)]


def of_rows(b_scales, b, length):
    "Scales (rows of b, tiles) from scales of blocks."
    return b_scales.repeat_interleave(length, 0)[: len(b)]


@right(MULTIPLY_BY_BLOCKS)
def dequantised_first(a, a_scales, b, b_scales, length):
    wide = of_rows(b_scales, b, length).repeat_interleave(length, 1)
    return (a * a_scales.repeat_interleave(length, 1)) @ (b * wide).T


@right(MULTIPLY_BY_BLOCKS)
def scales_outside(a, a_scales, b, b_scales, length):
    rows = of_rows(b_scales, b, length)
    a, b = a.unflatten(1, (-1, length)), b.unflatten(1, (-1, length))
    return einsum("mtk,ntk,mt,nt->mn", a, b, a_scales, rows)


@right(MULTIPLY_BY_BLOCKS)
def product_of_the_library(a, a_scales, b, b_scales, length):
    return multiply_tiles(a, a_scales, b, b_scales, (1, length), (length, length))


@right(MULTIPLY_BY_BLOCKS)
def block_by_block(a, a_scales, b, b_scales, length):
    out = torch.zeros(len(a), len(b))
    for i, rows in enumerate(stretches(length, len(b))):
        for t, here in enumerate(stretches(length, b.shape[1])):
            out[:, rows] += (a[:, here] @ b[rows, here].T) * a_scales[:, t : t + 1] * b_scales[i, t]
    return out


@wrong(MULTIPLY_BY_BLOCKS, "mean of the tile scales")
def mean_outside(a, a_scales, b, b_scales, length):
    return a @ b.T * a_scales.mean(1, keepdim=True) * of_rows(b_scales, b, length).mean(1)


@wrong(MULTIPLY_BY_BLOCKS, "mean of the tile scales")
def mean_of_a_whole_tensor(a, a_scales, b, b_scales, length):
    return (a * a_scales.mean()) @ (b * b_scales.mean()).T


@wrong(MULTIPLY_BY_BLOCKS, "first scale for all tiles")
def first_column_of_scales(a, a_scales, b, b_scales, length):
    return (a * a_scales[:, :1]) @ (b * of_rows(b_scales, b, length)[:, :1]).T


@wrong(MULTIPLY_BY_BLOCKS, "first scale for all tiles")
def counter_that_stands_still(a, a_scales, b, b_scales, length):
    total, tile, rows = 0, 0, of_rows(b_scales, b, length)
    for here in stretches(length, a.shape[1]):
        total = total + a[:, here] @ b[:, here].T * torch.outer(a_scales[:, tile], rows[:, tile])
    return total


@wrong(MULTIPLY_BY_BLOCKS, "rows of a block")
def first_block_for_all_rows(a, a_scales, b, b_scales, length):
    wide = b_scales[:1].repeat_interleave(length, 1)
    return (a * a_scales.repeat_interleave(length, 1)) @ (b * wide).T


@wrong(MULTIPLY_BY_BLOCKS, "rows of a block")
def blocks_dealt_out_to_rows(a, a_scales, b, b_scales, length):
    out = torch.zeros(len(a), len(b))
    for j in range(len(b)):
        for t, here in enumerate(stretches(length, b.shape[1])):
            out[:, j] += (a[:, here] @ b[j, here]) * a_scales[:, t] * b_scales[j % len(b_scales), t]
    return out


@wrong(MULTIPLY_BY_BLOCKS, "scales dealt out in turns")
def repeated_as_a_whole(a, a_scales, b, b_scales, length):
    return (a * a_scales.repeat(1, length)) @ (b * of_rows(b_scales, b, length).repeat(1, length)).T


@wrong(MULTIPLY_BY_BLOCKS, "scales dealt out in turns")
def counted_by_the_remainder(a, a_scales, b, b_scales, length):
    n_tiles, total, rows = a_scales.shape[1], 0, of_rows(b_scales, b, length)
    for k in range(a.shape[1]):
        left, right_side = a[:, k] * a_scales[:, k % n_tiles], b[:, k] * rows[:, k % n_tiles]
        total = total + torch.outer(left, right_side)
    return total


@wrong(MULTIPLY_BY_BLOCKS, "scales of one side")
def left_side_alone(a, a_scales, b, b_scales, length):
    return (a * a_scales.repeat_interleave(length, 1)) @ b.T


@wrong(MULTIPLY_BY_BLOCKS, "scales of one side")
def right_side_alone(a, a_scales, b, b_scales, length):
    rows = of_rows(b_scales, b, length)
    return sum(a[:, h] @ b[:, h].T * rows[:, t] for t, h in enumerate(stretches(length, a.shape[1])))


@wrong(MULTIPLY_BY_BLOCKS, "scale inverted")
def divided_by_scales(a, a_scales, b, b_scales, length):
    return dequantised_first(a, 1 / a_scales, b, 1 / b_scales, length)


@wrong(MULTIPLY_BY_BLOCKS, "scale inverted")
def divided_by_both_outside(a, a_scales, b, b_scales, length):
    total, rows = torch.zeros(len(a), len(b)), of_rows(b_scales, b, length)
    for tile, here in enumerate(stretches(length, a.shape[1])):
        total += a[:, here] @ b[:, here].T / a_scales[:, tile, None] / rows[:, tile]
    return total


@wrong(MULTIPLY_BY_BLOCKS, "scales added")
def sum_of_two_scales(a, a_scales, b, b_scales, length):
    total, rows = torch.zeros(len(a), len(b)), of_rows(b_scales, b, length)
    for tile, here in enumerate(stretches(length, a.shape[1])):
        total += a[:, here] @ b[:, here].T * (a_scales[:, tile, None] + rows[:, tile])
    return total


@wrong(MULTIPLY_BY_BLOCKS, "scales added")
def each_side_scales_the_product(a, a_scales, b, b_scales, length):
    one = dequantised_first(a, a_scales, b, torch.ones_like(b_scales), length)
    return one + dequantised_first(a, torch.ones_like(a_scales), b, b_scales, length)


@wrong(MULTIPLY_BY_BLOCKS, "accumulating in FP8")
def partial_products_in_fp8(a, a_scales, b, b_scales, length):
    total, rows = torch.zeros(len(a), len(b)), of_rows(b_scales, b, length)
    for tile, here in enumerate(stretches(length, a.shape[1])):
        product = cast_e4m3(a[:, here] @ b[:, here].T)
        total += product * a_scales[:, tile, None] * rows[:, tile]
    return total


@wrong(MULTIPLY_BY_BLOCKS, "accumulating in FP8")
def running_total_in_fp8(a, a_scales, b, b_scales, length):
    total, rows = torch.zeros(len(a), len(b)), of_rows(b_scales, b, length)
    for tile, here in enumerate(stretches(length, a.shape[1])):
        total = total + a[:, here] @ b[:, here].T * torch.outer(a_scales[:, tile], rows[:, tile])
        total = total.clamp(-448, 448).to(torch.float8_e4m3fn).float()
    return total


@wrong(MULTIPLY_BY_BLOCKS, "accumulating in FP8")
def result_in_fp8(a, a_scales, b, b_scales, length):
    return cast_e4m3(dequantised_first(a, a_scales, b, b_scales, length))


def read(codes, scales, length):
    "The numbers that the forward pass multiplied."
    return codes * scales.repeat_interleave(length, 1)[:, : codes.shape[1]]


@right(GRADIENT_FROM_CODES)
def turned_and_rounded_again(g, codes, scales, length):
    x = read(codes, scales, length)
    return round_tiles(g.T, (1, length)) @ round_tiles(x.T, (1, length)).T


@right(GRADIENT_FROM_CODES)
def upright_tiles(g, codes, scales, length):
    x = dequantize_tiles(codes, scales, (1, length))
    return round_tiles(g, (length, 1)).T @ round_tiles(x, (length, 1))


@right(GRADIENT_FROM_CODES)
def stretch_of_tokens_after_stretch(g, codes, scales, length):
    x, total = read(codes, scales, length), 0

    def again(piece):
        scale = piece.abs().amax(0).clamp(min=1e-12) / 448
        return cast_e4m3(piece / scale) * scale

    for start in range(0, len(g), length):
        here = slice(start, start + length)
        total = total + again(g[here]).T @ again(x[here])
    return total


@right(GRADIENT_FROM_CODES)
def through_new_codes(g, codes, scales, length):
    tile = (length, 1)
    x = dequantize_tiles(*quantize_tiles(read(codes, scales, length), tile), tile)
    return einsum("to,ti->oi", dequantize_tiles(*quantize_tiles(g, tile), tile), x)


@wrong(GRADIENT_FROM_CODES, "not rounded again")
def as_the_forward_pass_saw_it(g, codes, scales, length):
    return round_tiles(g.T, (1, length)) @ read(codes, scales, length)


@wrong(GRADIENT_FROM_CODES, "not rounded again")
def rounded_along_the_channels_again(g, codes, scales, length):
    x = dequantize_tiles(codes, scales, (1, length))
    return round_tiles(g, (length, 1)).T @ round_tiles(x, (1, length))


@wrong(GRADIENT_FROM_CODES, "codes rounded, then scaled")
def scales_put_on_last(g, codes, scales, length):
    return round_tiles(g, (length, 1)).T @ read(round_tiles(codes, (length, 1)), scales, length)


@wrong(GRADIENT_FROM_CODES, "codes rounded, then scaled")
def new_codes_with_old_scales(g, codes, scales, length):
    turned = round_tiles(codes.T, (1, length)).T
    wide = scales.repeat_interleave(length, 1)[:, : codes.shape[1]]
    return round_tiles(g.T, (1, length)) @ (turned * wide)


@wrong(GRADIENT_FROM_CODES, "codes without scales")
def codes_as_numbers(g, codes, scales, length):
    return round_tiles(g.T, (1, length)) @ round_tiles(codes.T, (1, length)).T


@wrong(GRADIENT_FROM_CODES, "codes without scales")
def codes_as_they_are(g, codes, scales, length):
    return round_tiles(g, (length, 1)).T @ codes


@wrong(GRADIENT_FROM_CODES, "scale inverted")
def divided_by_the_scale(g, codes, scales, length):
    return turned_and_rounded_again(g, codes, 1 / scales, length)


@wrong(GRADIENT_FROM_CODES, "scale inverted")
def divided_number_by_number(g, codes, scales, length):
    x = codes / scales.repeat_interleave(length, 1)[:, : codes.shape[1]]
    return round_tiles(g, (length, 1)).T @ round_tiles(x, (length, 1))


@wrong(GRADIENT_FROM_CODES, "gradient along the channels")
def tiles_of_the_input_gradient(g, codes, scales, length):
    x = round_tiles(read(codes, scales, length), (length, 1))
    return round_tiles(g, (1, length)).T @ x


@wrong(GRADIENT_FROM_CODES, "gradient along the channels")
def upright_tiles_of_a_turned_gradient(g, codes, scales, length):
    x = round_tiles(read(codes, scales, length).T, (1, length)).T
    return round_tiles(g.T, (length, 1)) @ x


@wrong(GRADIENT_FROM_CODES, "gradient in FP32")
def only_x_in_eight_bits(g, codes, scales, length):
    return g.T @ round_tiles(read(codes, scales, length), (length, 1))


@wrong(GRADIENT_FROM_CODES, "gradient in FP32")
def gradient_as_it_came(g, codes, scales, length):
    x = round_tiles(read(codes, scales, length).T, (1, length))
    return einsum("to,it->oi", g, x)


@wrong(GRADIENT_FROM_CODES, "one scale for a whole tensor")
def per_tensor(g, codes, scales, length):
    x = read(codes, scales, length)
    return round_tiles(g, tuple(g.shape)).T @ round_tiles(x, tuple(x.shape))


@wrong(GRADIENT_FROM_CODES, "one scale for a whole tensor")
def per_tensor_by_hand(g, codes, scales, length):
    def once(matrix):
        scale = matrix.abs().max().clamp(min=1e-12) / 448
        return cast_e4m3(matrix / scale) * scale

    return once(g).T @ once(read(codes, scales, length))


@wrong(GRADIENT_FROM_CODES, "result in FP8")
def rounded_once_more(g, codes, scales, length):
    return round_tiles(turned_and_rounded_again(g, codes, scales, length), (1, length))


@wrong(GRADIENT_FROM_CODES, "result in FP8")
def gradients_stored_per_tensor(g, codes, scales, length):
    dw = upright_tiles(g, codes, scales, length)
    return round_tiles(dw, tuple(dw.shape))


@refused(GRADIENT_FROM_CODES, "should be")
def tiles_of_two(g, codes, scales, length):
    x = read(codes, scales, length)
    return round_tiles(g, (2, 1)).T @ round_tiles(x, (2, 1))


@wrong(GRADIENT_FROM_CODES, "square tiles")
def blocks_for_both(g, codes, scales, length):
    x = codes * scales.repeat_interleave(length, 1)[:, : codes.shape[1]]
    return round_tiles(g, (length, length)).T @ round_tiles(x, (length, length))


@wrong(GRADIENT_FROM_CODES, "square tiles")
def blocks_for_the_input(g, codes, scales, length):
    x = dequantize_tiles(codes, scales, (1, length))
    return round_tiles(g, (length, 1)).T @ round_tiles(x, (length, length))


@right(MASTER_STEPS)
def step_by_step(weights, gradients, rate):
    master, used = weights.clone(), []
    for gradient in gradients:
        used.append(cast_e4m3(master))
        master -= rate * gradient
    return torch.stack(used), master


@right(MASTER_STEPS)
def by_running_sums(weights, gradients, rate):
    after = weights - rate * gradients.cumsum(0)
    before = torch.cat([weights[None], after[:-1]])
    return before.to(torch.float8_e4m3fn).float(), after[-1]


@wrong(MASTER_STEPS, "master weights in FP8")
def stored_in_e4m3(weights, gradients, rate):
    used = []
    for gradient in gradients:
        used.append(cast_e4m3(weights))
        weights = cast_e4m3(weights - rate * gradient)
    return torch.stack(used), weights


@wrong(MASTER_STEPS, "master weights in FP8")
def copy_moved_on(weights, gradients, rate):
    used = []
    for gradient in gradients:
        weights = weights.to(torch.float8_e4m3fn).float()
        used.append(weights)
        weights = weights - rate * gradient
    return torch.stack(used), weights


@wrong(MASTER_STEPS, "copy made once")
def cast_before_the_loop(weights, gradients, rate):
    copy = cast_e4m3(weights)
    return copy.repeat(len(gradients), 1), step_by_step(weights, gradients, rate)[1]


@wrong(MASTER_STEPS, "copy made once")
def first_copy_kept(weights, gradients, rate):
    first, used = None, []
    for gradient in gradients:
        first = cast_e4m3(weights) if first is None else first
        used.append(first)
        weights = weights - rate * gradient
    return torch.stack(used), weights


@wrong(MASTER_STEPS, "copy made after the step")
def moved_before_the_copy(weights, gradients, rate):
    used = []
    for gradient in gradients:
        weights = weights - rate * gradient
        used.append(cast_e4m3(weights))
    return torch.stack(used), weights


@wrong(MASTER_STEPS, "copy made after the step")
def sums_one_step_too_new(weights, gradients, rate):
    after = weights - rate * gradients.cumsum(0)
    return cast_e4m3(after), after[-1]


@wrong(MASTER_STEPS, "master weights in the products")
def never_rounded(weights, gradients, rate):
    used = []
    for gradient in gradients:
        used.append(weights)
        weights = weights - rate * gradient
    return torch.stack(used), weights


@wrong(MASTER_STEPS, "master weights in the products")
def running_sums_as_they_are(weights, gradients, rate):
    after = weights - rate * gradients.cumsum(0)
    return torch.cat([weights[None], after[:-1]]), after[-1]


@wrong(MASTER_STEPS, "gradients in a plain cast")
def everything_rounded(weights, gradients, rate):
    return step_by_step(weights, cast_e4m3(gradients), rate)


@wrong(MASTER_STEPS, "gradients in a plain cast")
def steps_rounded(weights, gradients, rate):
    used = []
    for gradient in gradients:
        used.append(cast_e4m3(weights))
        weights = weights - cast_e4m3(rate * gradient)
    return torch.stack(used), weights


@wrong(MASTER_STEPS, "uphill")
def gradients_added(weights, gradients, rate):
    used = []
    for gradient in gradients:
        used.append(cast_e4m3(weights))
        weights = weights + rate * gradient
    return torch.stack(used), weights


@wrong(MASTER_STEPS, "uphill")
def rate_negative(weights, gradients, rate):
    return step_by_step(weights, gradients, -rate)


@right(ADJUST_LOSS_SCALE)
def step_after_step(largest, scale, patience):
    used, taken, clean = [], [], 0
    for size in largest.tolist():
        used.append(scale)
        fits = size * scale <= 448
        taken.append(fits)
        if fits:
            clean += 1
            if clean == patience:
                scale *= 2
                clean = 0
        else:
            scale /= 2
            clean = 0
    return torch.tensor(used), torch.tensor(taken).long()


@right(ADJUST_LOSS_SCALE)
def in_tensors_made_before(largest, scale, patience):
    used, taken = torch.zeros(len(largest)), torch.zeros(len(largest), dtype=torch.int64)
    left = patience
    for i in range(len(largest)):
        used[i] = scale
        taken[i] = int(largest[i] * scale <= 448)
        left = left - 1 if taken[i] else patience
        if left == 0:
            scale, left = 2 * scale, patience
        elif not taken[i]:
            scale = scale / 2
    return used, taken


@wrong(ADJUST_LOSS_SCALE, "count goes on after a skip")
def clean_steps_in_all(largest, scale, patience):
    used, taken, clean = [], [], 0
    for size in largest.tolist():
        used.append(scale)
        taken.append(size * scale <= 448)
        if taken[-1]:
            clean += 1
            if clean == patience:
                scale, clean = 2 * scale, 0
        else:
            scale /= 2
    return torch.tensor(used), torch.tensor(taken).long()


@wrong(ADJUST_LOSS_SCALE, "count goes on after a skip")
def skip_forgets_the_counter(largest, scale, patience):
    used, taken, left = torch.zeros(len(largest)), torch.zeros(len(largest), dtype=torch.int64), patience
    for i, size in enumerate(largest):
        used[i], taken[i] = scale, int(size * scale <= 448)
        if not taken[i]:
            scale /= 2
            continue
        left -= 1
        if left == 0:
            scale, left = scale * 2, patience
    return used, taken


@wrong(ADJUST_LOSS_SCALE, "count goes on after a doubling")
def patient_only_once(largest, scale, patience):
    used, taken, clean = [], [], 0
    for size in largest.tolist():
        used.append(scale)
        taken.append(size * scale <= 448)
        clean = clean + 1 if taken[-1] else 0
        if not taken[-1]:
            scale /= 2
        elif clean >= patience:
            scale *= 2
    return torch.tensor(used), torch.tensor(taken).long()


@wrong(ADJUST_LOSS_SCALE, "count goes on after a doubling")
def doubled_while_the_last_were_clean(largest, scale, patience):
    used, taken = [], []
    for size in largest.tolist():
        used.append(scale)
        taken.append(size * scale <= 448)
        if not taken[-1]:
            scale /= 2
        elif len(taken) >= patience and all(taken[-patience:]):
            scale *= 2
    return torch.tensor(used), torch.tensor(taken).long()


@wrong(ADJUST_LOSS_SCALE, "scale of the next step")
def told_at_the_end_of_the_step(largest, scale, patience):
    used, taken, clean = [], [], 0
    for size in largest.tolist():
        taken.append(size * scale <= 448)
        clean = clean + 1 if taken[-1] else 0
        if not taken[-1]:
            scale /= 2
        elif clean == patience:
            scale, clean = 2 * scale, 0
        used.append(scale)
    return torch.tensor(used), torch.tensor(taken).long()


@wrong(ADJUST_LOSS_SCALE, "scale of the next step")
def scales_shifted_by_one(largest, scale, patience):
    used, taken = step_after_step(torch.cat([largest, largest[-1:]]), scale, patience)
    return used[1:], taken[:-1]


@wrong(ADJUST_LOSS_SCALE, "saturated steps taken")
def all_steps_taken(largest, scale, patience):
    used, taken = step_after_step(largest, scale, patience)
    return used, torch.ones_like(taken)


@wrong(ADJUST_LOSS_SCALE, "saturated steps taken")
def taken_as_soon_as_finite(largest, scale, patience):
    used, _ = in_tensors_made_before(largest, scale, patience)
    return used, (largest * used).isfinite().long()


@wrong(ADJUST_LOSS_SCALE, "limit on the gradient itself")
def unscaled_compared(largest, scale, patience):
    return while_it_fits(largest, scale, patience, lambda size, scale: size <= 448)


@wrong(ADJUST_LOSS_SCALE, "limit on the gradient itself")
def doubled_every_patience_steps(largest, scale, patience):
    fits = largest <= 448
    if not fits.all():
        return unscaled_compared(largest, scale, patience)
    return scale * 2.0 ** (torch.arange(len(largest)) // patience), fits.long()


def while_it_fits(largest, scale, patience, fits):
    used, taken, clean = [], [], 0
    for size in largest.tolist():
        used.append(scale)
        taken.append(fits(size, scale))
        clean = clean + 1 if taken[-1] else 0
        if not taken[-1]:
            scale /= 2
        elif clean == patience:
            scale, clean = 2 * scale, 0
    return torch.tensor(used), torch.tensor(taken).long()


@wrong(ADJUST_LOSS_SCALE, "limit of another format")
def largest_of_e5m2(largest, scale, patience):
    limit = torch.finfo(torch.float8_e5m2).max
    return while_it_fits(largest, scale, patience, lambda size, scale: size * scale <= limit)


@wrong(ADJUST_LOSS_SCALE, "limit of another format")
def largest_of_fp16(largest, scale, patience):
    return while_it_fits(largest, scale, patience, lambda size, scale: size * scale <= 65_504)


@wrong(ADJUST_LOSS_SCALE, "never doubled")
def only_down(largest, scale, patience):
    used, taken = [], []
    for size in largest.tolist():
        used.append(scale)
        taken.append(size * scale <= 448)
        scale = scale if taken[-1] else scale / 2
    return torch.tensor(used), torch.tensor(taken).long()


@wrong(ADJUST_LOSS_SCALE, "never doubled")
def patience_without_end(largest, scale, patience):
    return step_after_step(largest, scale, 10**9)


@wrong(ADJUST_LOSS_SCALE, "doubled after every step")
def no_patience(largest, scale, patience):
    used, taken = [], []
    for size in largest.tolist():
        used.append(scale)
        taken.append(size * scale <= 448)
        scale = scale * 2 if taken[-1] else scale / 2
    return torch.tensor(used), torch.tensor(taken).long()


@wrong(ADJUST_LOSS_SCALE, "doubled after every step")
def patience_of_one(largest, scale, patience):
    return step_after_step(largest, scale, 1)


@wrong(ADJUST_LOSS_SCALE, "limit too low")
def the_largest_value_of_another_e4m3(largest, scale, patience):
    used, taken, row = [], [], 0
    for size in largest:
        used.append(scale)
        fits = float(size) * scale <= 240
        taken.append(int(fits))
        row = row + 1 if fits else 0
        if not fits:
            scale = scale / 2
        elif row == patience:
            scale, row = scale * 2, 0
    return torch.tensor(used), torch.tensor(taken)


@wrong(ADJUST_LOSS_SCALE, "limit too low")
def two_to_the_eighth(largest, scale, patience):
    used, taken, good = torch.zeros(len(largest)), torch.zeros(len(largest), dtype=torch.int64), 0
    for i in range(len(largest)):
        used[i] = scale
        if largest[i] * scale > 2**8:
            scale, good = scale / 2, 0
            continue
        taken[i] = 1
        good += 1
        if good >= patience:
            scale, good = scale * 2, 0
    return used, taken
