"""The quantised layer against its three products written out, and inside models that do not know of it.

The reference rounds every operand with `quantize_tiles`, which has its own oracle, along the axis that the
product sums over. Both multiply in FP32, so they are equal up to the order of the sums.
"""

import copy
import math
import pickle

import pytest
import torch
from torch import nn

from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer
from lessons_lib.precision import (
    BF16,
    BF16_OPERANDS,
    E4M3,
    E5M2,
    E8M0,
    PER_TENSOR,
    PRODUCTS,
    UNSCALED,
    Fp8Linear,
    Recipe,
    cast_e4m3,
    cast_e5m2,
    count_flops,
    dequantize_tiles,
    multiply_quantized,
    quantize_tiles,
    quantized_linear,
    tiles_of,
)
from lessons_lib.precision.grouped import round_matrices

FP32 = Recipe(inputs=None, weights=None, gradients=None)
ODD = Recipe(E5M2, E4M3, E5M2, input_tile=(2, 16), weight_tile=(8, 32), gradient_tile=(4, 20))


def draw(*shape, seed=0, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def three_products(x, weight, g, multiply):
    """Return y, dx and dW for an output gradient g, as `multiply` (a function of x and weight) has them."""
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = multiply(x, weight)
    y.backward(g)
    return y.detach(), x.grad, weight.grad


def rounded(x, tile, fmt, ue8m0=False):
    return dequantize_tiles(*quantize_tiles(x.contiguous(), tile, ue8m0, fmt=fmt), tile)


def written_out(x, weight, g, recipe):
    """All three products; the last index of both operands is the one that is summed over."""
    of_x = lambda t: rounded(t, recipe.input_tile, recipe.inputs, recipe.ue8m0)  # noqa: E731
    of_w = lambda t: rounded(t, recipe.weight_tile, recipe.weights, recipe.ue8m0)  # noqa: E731
    of_g = lambda t: rounded(t, recipe.gradient_tile, recipe.gradients, recipe.ue8m0)  # noqa: E731
    y = of_x(x) @ of_w(weight).T  # over input channels
    dx = of_g(g) @ of_w(weight.T).T  # over output channels
    dw = of_g(g.T) @ of_x(x.T).T  # over tokens
    return y, dx, dw


@pytest.mark.parametrize("shape", [(64, 96, 128), (50, 70, 44), (1, 5, 3), (300, 130, 140)])
@pytest.mark.parametrize("recipe", [Recipe(), tiles_of(32), ODD, Recipe(ue8m0=True)])
def test_each_product_is_rounded_along_its_own_axis(shape, recipe):
    tokens, n_in, n_out = shape
    x = draw(tokens, n_in) * torch.exp2(3 * draw(tokens, 1, seed=1))  # tokens of different sizes
    weight, g = draw(n_out, n_in, seed=2, scale=0.1), draw(tokens, n_out, seed=3, scale=1e-4)
    g = g * torch.exp2(3 * draw(tokens, 1, seed=4))
    ours = three_products(x, weight, g, lambda x, w: multiply_quantized(x, w, recipe))
    for got, expected in zip(ours, written_out(x, weight, g, recipe)):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_tensors_of_three_formats_each_get_their_own():
    recipe = Recipe(inputs=E4M3, weights=None, gradients=E5M2, scaling="none")
    x, weight, g = draw(20, 32), draw(24, 32, seed=1), draw(20, 24, seed=2)
    y, dx, dw = three_products(x, weight, g, lambda x, w: multiply_quantized(x, w, recipe))
    torch.testing.assert_close(y, cast_e4m3(x) @ weight.T)
    torch.testing.assert_close(dx, cast_e5m2(g) @ weight)
    torch.testing.assert_close(dw, cast_e5m2(g).T @ cast_e4m3(x))


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_that_is_left_out_of_the_recipe_stays_as_it_was(product):
    x, weight, g = draw(40, 64), draw(48, 64, seed=1), draw(40, 48, seed=2)
    one = Recipe(products=(product,))
    exact = three_products(x, weight, g, lambda x, w: x @ w.T)
    whole = three_products(x, weight, g, lambda x, w: multiply_quantized(x, w, Recipe()))
    ours = three_products(x, weight, g, lambda x, w: multiply_quantized(x, w, one))
    for name, got, plain, quantized in zip(PRODUCTS, ours, exact, whole):
        assert torch.equal(got, quantized if name == product else plain), name
        assert not torch.equal(plain, quantized)


def test_a_recipe_without_formats_is_the_plain_layer():
    torch.manual_seed(0)
    plain = nn.Linear(20, 12)
    ours = quantized_linear(FP32)(20, 12)
    ours.load_state_dict(plain.state_dict())
    x, g = draw(2, 7, 20), draw(2, 7, 12, seed=1)
    for layer in (plain, ours):
        layer(x).backward(g)
    torch.testing.assert_close(ours(x), plain(x))
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad)
    torch.testing.assert_close(ours.bias.grad, plain.bias.grad)


def test_emulated_bf16_rounds_its_operands_as_torchs_type_and_sums_in_fp32():
    x, weight, g = draw(30, 64), draw(16, 64, seed=1), draw(30, 16, seed=2)
    bx, bw, bg = (t.bfloat16().float() for t in (x, weight, g))
    ours = three_products(x, weight, g, lambda x, w: multiply_quantized(x, w, BF16_OPERANDS))
    for got, expected in zip(ours, (bx @ bw.T, bg @ bw, bg.T @ bx)):
        torch.testing.assert_close(got, expected)


def test_one_scale_per_tensor_is_one_tile():
    x, weight, g = draw(30, 64), draw(16, 64, seed=1), draw(30, 16, seed=2)
    one_tile = Recipe(input_tile=(999, 999), weight_tile=(999, 999), gradient_tile=(999, 999))
    ours = three_products(x, weight, g, lambda x, w: multiply_quantized(x, w, PER_TENSOR))
    expected = three_products(x, weight, g, lambda x, w: multiply_quantized(x, w, one_tile))
    assert all(torch.equal(a, b) for a, b in zip(ours, expected))
    assert not torch.equal(ours[0], cast_e4m3(x) @ cast_e4m3(weight).T)


def test_small_gradients_vanish_without_a_scale_and_not_with_one():
    """The smallest E4M3 value is 2^-9; half of it, rounded to even, is already 0."""
    x, weight, g = draw(64, 32), draw(16, 32, seed=1), draw(64, 16, seed=2, scale=1e-4)
    recipes = {
        "unscaled": UNSCALED,
        "loss scale": Recipe(scaling="none", loss_scale=2.0**14),
        "tile": Recipe(),
    }
    of = {
        k: three_products(x, weight, g, lambda x, w, r=r: multiply_quantized(x, w, r))
        for k, r in recipes.items()
    }
    exact = g.T @ x
    assert not of["unscaled"][1].any() and not of["unscaled"][2].any()
    for name in ("loss scale", "tile"):
        assert float((of[name][2] - exact).norm() / exact.norm()) < 0.06, name
    assert torch.equal(of["unscaled"][0], of["loss scale"][0])  # the forward pass has none


def test_a_loss_scale_is_the_same_as_multiplying_the_loss():
    torch.manual_seed(0)
    scaled = nn.Sequential(quantized_linear(UNSCALED)(32, 48), nn.Tanh(), quantized_linear(UNSCALED)(48, 8))
    ours = copy.deepcopy(scaled)
    ours[0].__class__ = ours[2].__class__ = quantized_linear(Recipe(scaling="none", loss_scale=4096.0))
    x = draw(40, 32)
    (ours(x).square().mean() * 1e-3).backward()
    (scaled(x).square().mean() * 1e-3 * 4096).backward()
    for got, expected in zip(ours.parameters(), scaled.parameters()):
        assert expected.grad.any()
        torch.testing.assert_close(got.grad, expected.grad / 4096)


def test_master_weights_stay_in_fp32_and_keep_small_updates():
    torch.manual_seed(0)
    layer = Fp8Linear(64, 32)
    before = layer.weight.detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-5)
    for _ in range(3):
        layer(draw(16, 64)).sum().backward()
        optimizer.step()
    step = 1e-5 * (layer.weight.grad * 2)  # 1 + 2 + 3 times the gradient, which does not change: 6 of 3
    torch.testing.assert_close(before - layer.weight.detach(), step, rtol=1e-2, atol=1e-7)
    assert layer.weight.dtype == torch.float32
    assert not torch.equal(
        layer.weight, dequantize_tiles(*quantize_tiles(layer.weight, (128, 128)), (128, 128))
    )


def test_with_row_tiles_a_token_does_not_feel_the_others():
    """What makes a cache possible; with one scale per tensor a large token changes all others."""
    x, large = draw(6, 64), draw(1, 64, seed=1, scale=1e4)
    together = torch.cat([x, large])
    for recipe, alike in ((Recipe(), True), (PER_TENSOR, False)):
        layer = quantized_linear(recipe)(64, 16, bias=False)
        close = torch.allclose(layer(together)[:6], layer(x), rtol=1e-5, atol=1e-5)
        assert close == alike


def test_infinities_are_refused_by_the_name_of_the_tensor():
    layer, x = Fp8Linear(8, 4), draw(3, 8)
    x[1, 5] = math.inf
    with pytest.raises(ValueError, match="the layer's input of shape .3, 8. holds 1 infinities"):
        layer(x)
    y = layer(draw(3, 8))
    with pytest.raises(ValueError, match="the gradient of shape .3, 4. holds 0 infinities and 12 NaN"):
        y.backward(torch.full((3, 4), math.nan))


@pytest.mark.parametrize(
    "fields, message",
    [
        (dict(scaling="row"), 'scaling must be "tile", "tensor" or "none", got .row.'),
        (dict(products=("forward", "backward")), r"not \['backward'\]"),
        (dict(input_tile=(0, 128)), "input_tile has two whole numbers, at least 1 row"),
        (dict(scaling="none", loss_scale=0.0), "loss_scale must be above 0"),
        (dict(gradients=BF16), "BF16 is not a format for tensors with scaling='tile'"),
        (dict(weights=E8M0, scaling="none"), "E8M0 is not a format for tensors"),
        (dict(loss_scale=8.0), "loss_scale=8 does nothing where a scale per tile follows it"),
    ],
)
def test_impossible_recipes_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**fields)


def test_equal_recipes_share_a_class_and_other_float_types_come_back():
    assert quantized_linear(tiles_of(32)) is quantized_linear(tiles_of(32))
    assert issubclass(quantized_linear(PER_TENSOR), Fp8Linear)
    layer = Fp8Linear(8, 4).double()
    x = draw(3, 8).double().requires_grad_()
    y = layer(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == layer.weight.grad.dtype == torch.float64


def test_a_layer_can_be_copied_and_pickled_with_its_recipe():
    layer, x = quantized_linear(tiles_of(8))(16, 4), draw(3, 16)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(again) is type(layer) and again.weight is not layer.weight
        assert torch.equal(again(x), layer(x))


# ---- experts


GROUPED = [
    tiles_of(8),
    tiles_of(32),
    ODD,
    PER_TENSOR,
    UNSCALED,
    BF16_OPERANDS,
    Recipe(products=PRODUCTS[1:2]),
]


@pytest.mark.parametrize("recipe", GROUPED)
def test_grouped_products_equal_a_layer_for_each_expert(recipe):
    """Rows and matrices of different sizes, so that a scale shared by two experts would show."""
    ends = torch.tensor([37, 37, 90, 100], dtype=torch.int32)  # the second expert has no rows
    size = torch.exp2(2 * draw(100, 1, seed=3))
    x, g = draw(100, 48) * size, draw(100, 24, seed=2, scale=1e-2) * size
    weight = draw(4, 24, 48, seed=1) * torch.exp2(draw(4, 1, 1, seed=4))
    layer = quantized_linear(recipe)
    ours = three_products(x, weight, g, lambda x, w: layer.grouped(x, w, ends))
    start, grads = 0, torch.zeros_like(weight)
    for expert, end in enumerate(ends.tolist()):
        if start == end:
            continue  # no token, no gradient
        alone = layer(48, 24, bias=False)
        alone.weight.data = weight[expert].clone()
        rows = x[start:end].clone().requires_grad_()
        y = alone(rows)
        y.backward(g[start:end])
        torch.testing.assert_close(
            ours[0][start:end], y, rtol=1e-5, atol=1e-5 * float(y.detach().abs().max())
        )
        near = 1e-5 * float(rows.grad.abs().max())
        torch.testing.assert_close(ours[1][start:end], rows.grad, rtol=1e-5, atol=near)
        grads[expert] = alone.weight.grad
        start = end
    torch.testing.assert_close(ours[2], grads, rtol=1e-5, atol=1e-5 * float(grads.abs().max()))
    assert grads[0].any() and not ours[2][1].any()


@pytest.mark.parametrize("shape", [(3, 24, 40), (3, 20, 40), (2, 16, 33), (4, 3, 8)])
@pytest.mark.parametrize("recipe", GROUPED)
def test_stacked_matrices_rounded_at_once_are_those_rounded_one_by_one(recipe, shape):
    """Rows that don't fill a tile are filled with zeros, which must not reach the next matrix's scale."""
    weight = draw(*shape) * torch.exp2(4 * draw(shape[0], 1, 1, seed=1))
    expected = torch.stack([recipe.round_weights(matrix) for matrix in weight])
    assert torch.equal(round_matrices(recipe, weight), expected)
    across = torch.stack([recipe.round_weights(matrix.T) for matrix in weight])
    assert torch.equal(round_matrices(recipe, weight.mT), across)


def test_grouped_operations_are_counted_as_those_of_layers():
    x, weight = draw(100, 48).requires_grad_(), draw(2, 24, 48, seed=1).requires_grad_()
    with count_flops() as flops:
        Fp8Linear.grouped(x, weight, torch.tensor([30, 100])).sum().backward()
    assert flops.quantized == flops.total == 3 * 2 * 100 * 48 * 24


@pytest.mark.parametrize("ends", [[3, 2, 10], [3, 5, 9], [3, 10], [3, 5, 11]])
def test_ends_that_do_not_cover_the_rows_are_refused(ends):
    with pytest.raises(ValueError, match="3 experts need as many ascending ends, the last of them 10"):
        Fp8Linear.grouped(draw(10, 8), draw(3, 4, 8), torch.tensor(ends, dtype=torch.int32))


# ---- whole models

PLAIN = ModelConfig(vocab_size=50, dim=64, n_layers=2, n_heads=4, max_seq_len=32)
LATENT = ModelConfig(
    vocab_size=50,
    dim=64,
    n_layers=2,
    n_heads=4,
    max_seq_len=32,
    kv_lora_rank=24,
    q_lora_rank=20,
    qk_nope_head_dim=16,
    qk_rope_head_dim=8,
    v_head_dim=16,
)


def build(config, recipe, seed=0):
    torch.manual_seed(seed)
    linear = nn.Linear if recipe is None else quantized_linear(recipe)
    return Transformer(config, linear=linear)


def step(model, batch=3, length=16):
    """One forward and backward pass over batch x length tokens; return the loss."""
    tokens = torch.randint(50, (batch, length + 1), generator=torch.Generator().manual_seed(0))
    loss = nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    return loss.item()


def in_blocks(model):
    return sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear) and m is not model.head)


@pytest.mark.parametrize("products", [PRODUCTS, PRODUCTS[:1], PRODUCTS[1:]])
def test_the_share_of_quantised_operations_is_what_the_sizes_say(products):
    model = build(PLAIN, Recipe(products=products))
    with count_flops() as flops:
        step(model)
    tokens, length, head_dim = 3 * 16, 16, 16
    of_layers = 2 * tokens * in_blocks(model)  # per product
    head = 3 * 2 * tokens * 64 * 50
    square = 2 * 3 * 4 * length * length * head_dim  # one product of attention, all heads
    attention = 2 * (2 + 5) * square  # 2 layers; forward 2, backward 5, with the scores once more
    assert flops.quantized == len(products) * of_layers
    assert flops.total == 3 * of_layers + head + attention
    assert flops.share == flops.quantized / flops.total


def test_nested_counts_each_see_their_own_part():
    model = build(PLAIN, tiles_of(32))
    with count_flops() as outer:
        step(model)
        with count_flops() as inner:
            step(model)
    assert outer.quantized == 2 * inner.quantized > 0
    assert outer.total == 2 * inner.total


def test_absorbed_attention_reads_the_master_weight_past_the_layer():
    """Its two products with that matrix are then in FP32, and not counted as quantised."""
    quantized = {}
    for absorbed in (False, True):
        model = build(LATENT, tiles_of(8))
        for layer in model.layers:
            layer.attention.absorbed = absorbed
        with count_flops() as flops:
            step(model)
        quantized[absorbed] = flops.quantized
    rebuilt = sum(layer.attention.wkv_b.weight.numel() for layer in model.layers)
    assert quantized[False] == 3 * 2 * 48 * in_blocks(model)
    assert quantized[False] - quantized[True] == 3 * 2 * 48 * rebuilt
    attention, plain = model.layers[0].attention, build(LATENT, None).layers[0].attention
    q_nope, q_rotary, memory = draw(1, 4, 5, 16), draw(1, 4, 5, 8, seed=1), draw(1, 5, 32, seed=2)
    absorbed, expected = (a.look_absorbed(q_nope, q_rotary, memory) for a in (attention, plain))
    assert torch.equal(absorbed, expected)
    assert not torch.equal(attention.look_rebuilt(q_nope, q_rotary, memory), expected)


def test_what_deepseek_keeps_in_higher_precision_stays():
    """Embedding, output head and norms are not the layer handed in; attention's product is torch's own."""
    model = build(PLAIN, UNSCALED)
    quantized = {name for name, m in model.named_modules() if isinstance(m, Fp8Linear)}
    matrices = {f"layers.{i}.attention.w{x}" for i in (0, 1) for x in "qkvo"}
    matrices |= {f"layers.{i}.ffn.w{x}" for i in (0, 1) for x in "123"}
    assert quantized == matrices
    assert type(model.head) is nn.Linear
    assert set(model.state_dict()) == set(build(PLAIN, None).state_dict())


@pytest.mark.parametrize("config", [PLAIN, LATENT], ids=["plain", "latent"])
def test_a_quantised_model_writes_with_its_cache_what_it_reads_without(config):
    """In row tiles: then nothing depends on how the text is split. FP32 sums in another order may tip a
    number to the neighbouring FP8 value, a step of 1/8 or less of that number; so the bound is wide."""
    model = build(config, Recipe(input_tile=(1, 8), weight_tile=(8, 8)))
    if config is LATENT:
        for layer in model.layers:
            layer.attention.absorbed = False  # absorbed, the matrix itself is read: see above
    tokens = torch.randint(50, (2, 12), generator=torch.Generator().manual_seed(0))
    cache = model.new_cache(2)
    with torch.no_grad():
        pieces = torch.cat([model(piece, cache) for piece in tokens.split((5, 1, 6), dim=1)], 1)
        whole, plain = model(tokens), build(config, None)(tokens)
    assert float((pieces - whole).norm() / whole.norm()) < 0.005
    assert 0.01 < float((whole - plain).norm() / plain.norm()) < 0.2  # and it is not the unquantised model


def gradients(recipe):
    model = build(PLAIN, recipe)
    loss = step(model, batch=32, length=32)  # a mean over 1,024 tokens, as in the lessons: small gradients
    return loss, {n: p.grad for n, p in model.named_parameters() if n.startswith("layers") and p.ndim == 2}


def test_on_the_same_weights_tiles_move_loss_and_gradients_little_and_no_scale_silences_them():
    plain_loss, plain = gradients(None)
    for recipe, least in ((BF16_OPERANDS, 0.9998), (tiles_of(32), 0.97), (PER_TENSOR, 0.97)):
        loss, ours = gradients(recipe)
        cosines = [
            float(nn.functional.cosine_similarity(ours[n].flatten(), plain[n].flatten(), 0)) for n in ours
        ]
        assert min(cosines) > least and abs(loss / plain_loss - 1) < 0.01
        assert max(cosines) < 1  # something was rounded
    _, unscaled = gradients(UNSCALED)
    _, rescued = gradients(Recipe(scaling="none", loss_scale=2.0**14))
    zeros = [float((unscaled[n] == 0).float().mean()) for n in unscaled]
    assert min(zeros) > 0.5
    cosines = [
        float(nn.functional.cosine_similarity(rescued[n].flatten(), plain[n].flatten(), 0)) for n in rescued
    ]
    assert min(cosines) > 0.97
