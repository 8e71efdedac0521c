"""Lesson 10: answers to `multiply_scaled`, `backward_products`, `master_steps` and `carry_gradient`."""

import torch
from torch import einsum

from lessons_lib.checks.fp8_training.backward import BACKWARD_PRODUCTS
from lessons_lib.checks.fp8_training.carry import CARRY_GRADIENT
from lessons_lib.checks.fp8_training.master import MASTER_STEPS
from lessons_lib.checks.fp8_training.products import MULTIPLY_SCALED
from lessons_lib.precision import (
    cast_e4m3,
    cast_e5m2,
    dequantize_tiles,
    multiply_quantized,
    multiply_tiles,
    quantize_tiles,
    round_tiles,
    tiles_of,
)
from wrong_answers import right, wrong


def stretches(length, k):
    return [slice(start, start + length) for start in range(0, k, length)]


@right(MULTIPLY_SCALED)
def dequantised_first(a, a_scales, b, b_scales, length):
    return (a * a_scales.repeat_interleave(length, 1)) @ (b * b_scales.repeat_interleave(length, 1)).T


@right(MULTIPLY_SCALED)
def scales_outside(a, a_scales, b, b_scales, length):
    a, b = a.unflatten(1, (-1, length)), b.unflatten(1, (-1, length))
    return einsum("mtk,ntk,mt,nt->mn", a, b, a_scales, b_scales)


@right(MULTIPLY_SCALED)
def product_of_the_library(a, a_scales, b, b_scales, length):
    return multiply_tiles(a, a_scales, b, b_scales, (1, length), (1, length))


@wrong(MULTIPLY_SCALED, "mean of the tile scales")
def mean_outside(a, a_scales, b, b_scales, length):
    return a @ b.T * a_scales.mean(1, keepdim=True) * b_scales.mean(1)


@wrong(MULTIPLY_SCALED, "mean of the tile scales")
def dequantised_with_the_mean(a, a_scales, b, b_scales, length):
    rows = [code * scales.mean() for code, scales in zip(a, a_scales)]
    columns = [code * scales.mean() for code, scales in zip(b, b_scales)]
    return torch.stack(rows) @ torch.stack(columns, 1)


@wrong(MULTIPLY_SCALED, "mean of the tile scales")
def mean_of_a_whole_tensor(a, a_scales, b, b_scales, length):
    return (a * a_scales.mean()) @ (b * b_scales.mean()).T


@wrong(MULTIPLY_SCALED, "first scale for all tiles")
def first_column_of_scales(a, a_scales, b, b_scales, length):
    return (a * a_scales[:, :1]) @ (b * b_scales[:, :1]).T


@wrong(MULTIPLY_SCALED, "first scale for all tiles")
def counter_that_stands_still(a, a_scales, b, b_scales, length):
    total, tile = 0, 0
    for here in stretches(length, a.shape[1]):
        total = total + a[:, here] @ b[:, here].T * torch.outer(a_scales[:, tile], b_scales[:, tile])
    return total


@wrong(MULTIPLY_SCALED, "scales dealt out in turns")
def repeated_as_a_whole(a, a_scales, b, b_scales, length):
    return (a * a_scales.repeat(1, length)) @ (b * b_scales.repeat(1, length)).T


@wrong(MULTIPLY_SCALED, "scales dealt out in turns")
def counted_by_the_remainder(a, a_scales, b, b_scales, length):
    n_tiles, total = a_scales.shape[1], 0
    for k in range(a.shape[1]):
        left, right_side = a[:, k] * a_scales[:, k % n_tiles], b[:, k] * b_scales[:, k % n_tiles]
        total = total + torch.outer(left, right_side)
    return total


@wrong(MULTIPLY_SCALED, "scales of one side")
def left_side_alone(a, a_scales, b, b_scales, length):
    return (a * a_scales.repeat_interleave(length, 1)) @ b.T


@wrong(MULTIPLY_SCALED, "scales of one side")
def right_side_alone(a, a_scales, b, b_scales, length):
    return sum(a[:, h] @ b[:, h].T * b_scales[:, t] for t, h in enumerate(stretches(length, a.shape[1])))


@wrong(MULTIPLY_SCALED, "scale inverted")
def divided_by_scales(a, a_scales, b, b_scales, length):
    return dequantised_first(a, 1 / a_scales, b, 1 / b_scales, length)


@wrong(MULTIPLY_SCALED, "scale inverted")
def divided_by_both_outside(a, a_scales, b, b_scales, length):
    total = torch.zeros(len(a), len(b))
    for tile, here in enumerate(stretches(length, a.shape[1])):
        total += a[:, here] @ b[:, here].T / a_scales[:, tile, None] / b_scales[:, tile]
    return total


@wrong(MULTIPLY_SCALED, "scales added")
def sum_of_two_scales(a, a_scales, b, b_scales, length):
    total = torch.zeros(len(a), len(b))
    for tile, here in enumerate(stretches(length, a.shape[1])):
        total += a[:, here] @ b[:, here].T * (a_scales[:, tile, None] + b_scales[:, tile])
    return total


@wrong(MULTIPLY_SCALED, "scales added")
def each_side_scales_the_product(a, a_scales, b, b_scales, length):
    one = dequantised_first(a, a_scales, b, torch.ones_like(b_scales), length)
    return one + dequantised_first(a, torch.ones_like(a_scales), b, b_scales, length)


@wrong(MULTIPLY_SCALED, "accumulating in FP8")
def partial_products_in_fp8(a, a_scales, b, b_scales, length):
    total = torch.zeros(len(a), len(b))
    for tile, here in enumerate(stretches(length, a.shape[1])):
        product = cast_e4m3(a[:, here] @ b[:, here].T)
        total += product * a_scales[:, tile, None] * b_scales[:, tile]
    return total


@wrong(MULTIPLY_SCALED, "accumulating in FP8")
def running_total_in_fp8(a, a_scales, b, b_scales, length):
    total = torch.zeros(len(a), len(b))
    for tile, here in enumerate(stretches(length, a.shape[1])):
        total = total + a[:, here] @ b[:, here].T * torch.outer(a_scales[:, tile], b_scales[:, tile])
        total = total.clamp(-448, 448).to(torch.float8_e4m3fn).float()
    return total


@wrong(MULTIPLY_SCALED, "accumulating in FP8")
def result_in_fp8(a, a_scales, b, b_scales, length):
    return cast_e4m3(dequantised_first(a, a_scales, b, b_scales, length))


@right(BACKWARD_PRODUCTS)
def turned_and_rounded(g, x, weight, length):
    rows = (1, length)
    dx = round_tiles(g, rows) @ round_tiles(weight.T, (length, length)).T
    return dx, round_tiles(g.T, rows) @ round_tiles(x.T, rows).T


@right(BACKWARD_PRODUCTS)
def by_autograd_of_the_library(g, x, weight, length):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    multiply_quantized(x, weight, tiles_of(length)).backward(g)
    return x.grad, weight.grad


@right(BACKWARD_PRODUCTS)
def by_codes_and_scales(g, x, weight, length):
    def read(matrix, tile):
        return dequantize_tiles(*quantize_tiles(matrix, tile), tile)

    column = (length, 1)
    dx = read(g, (1, length)) @ read(weight, (length, length))
    return dx, einsum("to,ti->oi", read(g, column), read(x, column))


@wrong(BACKWARD_PRODUCTS, "weight gradient with the forward tiles")
def rounded_once_and_reused(g, x, weight, length):
    g, x = round_tiles(g, (1, length)), round_tiles(x, (1, length))
    return g @ round_tiles(weight, (length, length)), g.T @ x


@wrong(BACKWARD_PRODUCTS, "weight gradient with the forward tiles")
def input_kept_from_the_forward_pass(g, x, weight, length):
    kept = round_tiles(x, (1, length))
    dx, _ = turned_and_rounded(g, x, weight, length)
    return dx, round_tiles(g.T, (1, length)) @ kept


@wrong(BACKWARD_PRODUCTS, "weight gradient with the forward tiles")
def upright_tiles_of_a_turned_matrix(g, x, weight, length):
    dx, _ = turned_and_rounded(g, x, weight, length)
    return dx, round_tiles(g.T, (length, 1)) @ round_tiles(x.T, (length, 1)).T


@wrong(BACKWARD_PRODUCTS, "input gradient along the tokens")
def gradient_rounded_once_along_tokens(g, x, weight, length):
    g = round_tiles(g.T, (1, length)).T
    return g @ round_tiles(weight, (length, length)), g.T @ round_tiles(x, (length, 1))


@wrong(BACKWARD_PRODUCTS, "input gradient along the tokens")
def upright_tiles_in_both(g, x, weight, length):
    _, dw = turned_and_rounded(g, x, weight, length)
    return round_tiles(g, (length, 1)) @ round_tiles(weight.T, (length, length)).T, dw


@wrong(BACKWARD_PRODUCTS, "an operand in FP32")
def plain_backward(g, x, weight, length):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    torch.nn.functional.linear(x, weight).backward(g)
    return x.grad, weight.grad


@wrong(BACKWARD_PRODUCTS, "an operand in FP32")
def master_weights_multiplied(g, x, weight, length):
    _, dw = turned_and_rounded(g, x, weight, length)
    return round_tiles(g, (1, length)) @ weight, dw


@wrong(BACKWARD_PRODUCTS, "an operand in FP32")
def input_as_it_is(g, x, weight, length):
    dx, _ = turned_and_rounded(g, x, weight, length)
    return dx, round_tiles(g.T, (1, length)) @ x


@wrong(BACKWARD_PRODUCTS, "weights in tiles of one row")
def one_shape_for_all(g, x, weight, length):
    tile = (1, length)
    dx = round_tiles(g, tile) @ round_tiles(weight, tile)
    return dx, round_tiles(g.T, tile) @ round_tiles(x.T, tile).T


@wrong(BACKWARD_PRODUCTS, "weights in tiles of one row")
def weights_along_the_sum(g, x, weight, length):
    _, dw = turned_and_rounded(g, x, weight, length)
    return round_tiles(g, (1, length)) @ round_tiles(weight.T, (1, length)).T, dw


@wrong(BACKWARD_PRODUCTS, "one scale for a whole tensor")
def per_tensor(g, x, weight, length):
    g, x, weight = (round_tiles(matrix, tuple(matrix.shape)) for matrix in (g, x, weight))
    return g @ weight, g.T @ x


@wrong(BACKWARD_PRODUCTS, "one scale for a whole tensor")
def per_tensor_by_hand(g, x, weight, length):
    def read(matrix):
        scale = matrix.abs().max() / 448
        return cast_e4m3(matrix / scale) * scale

    return read(g) @ read(weight), einsum("to,ti->oi", read(g), read(x))


@wrong(BACKWARD_PRODUCTS, "results in FP8")
def rounded_once_more(g, x, weight, length):
    return tuple(round_tiles(out, (1, length)) for out in turned_and_rounded(g, x, weight, length))


@wrong(BACKWARD_PRODUCTS, "results in FP8")
def gradients_stored_per_tensor(g, x, weight, length):
    dx, dw = turned_and_rounded(g, x, weight, length)
    return round_tiles(dx, tuple(dx.shape)), round_tiles(dw, tuple(dw.shape))


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


@right(CARRY_GRADIENT)
def scaled_cast_and_taken_off(g, loss_scale):
    return cast_e4m3(loss_scale * g) * (1 / loss_scale)


@right(CARRY_GRADIENT)
def by_the_type_of_torch(g, loss_scale):
    return (g * loss_scale).clamp(-448, 448).to(torch.float8_e4m3fn).float() / loss_scale


@wrong(CARRY_GRADIENT, "cast without the scale")
def cast_too_early(g, loss_scale):
    return cast_e4m3(g) * loss_scale / loss_scale


@wrong(CARRY_GRADIENT, "cast without the scale")
def scaled_and_unscaled_first(g, loss_scale):
    scaled = g * loss_scale
    scaled = scaled / loss_scale
    return scaled.to(torch.float8_e4m3fn).float()


@wrong(CARRY_GRADIENT, "cast without the scale")
def wrong_way_round(g, loss_scale):
    return cast_e4m3(g / loss_scale) * loss_scale


@wrong(CARRY_GRADIENT, "scale left on")
def never_taken_off(g, loss_scale):
    return cast_e4m3(g * loss_scale)


@wrong(CARRY_GRADIENT, "scale left on")
def multiplied_twice(g, loss_scale):
    carried = cast_e4m3(g * loss_scale)
    return carried * loss_scale


@wrong(CARRY_GRADIENT, "E5M2 for gradients")
def by_the_other_cast(g, loss_scale):
    return cast_e5m2(g * loss_scale) / loss_scale


@wrong(CARRY_GRADIENT, "E5M2 for gradients")
def by_the_other_type(g, loss_scale):
    return (loss_scale * g).to(torch.float8_e5m2).float() / loss_scale


@wrong(CARRY_GRADIENT, "not rounded")
def there_and_back(g, loss_scale):
    return g * loss_scale / loss_scale


@wrong(CARRY_GRADIENT, "not rounded")
def as_it_came(g, loss_scale):
    return g.clone()


@wrong(CARRY_GRADIENT, "truncation for rounding")
def digits_cut_off(g, loss_scale):
    mantissa, exponent = torch.frexp(g * loss_scale)
    gap = 2.0 ** (exponent.clamp(min=-5) - 4)
    return torch.ldexp(mantissa, exponent).div(gap).trunc() * gap / loss_scale


@wrong(CARRY_GRADIENT, "truncation for rounding")
def value_towards_zero(g, loss_scale):
    scaled = g * loss_scale
    near = cast_e4m3(scaled)
    held = torch.arange(127, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    below = held[torch.searchsorted(held, scaled.abs(), right=True) - 1]
    return below * near.sign().where(near != 0, scaled.sign()) / loss_scale
