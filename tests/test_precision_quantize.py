"""Tiles and their scales against a loop over tiles in float64 and pure Python, and the laws they keep.

A scale computed in another order of rounding may differ in its last digit, and then a number that lay
almost on a tie goes to the other side: so scales agree to 1e-6, and at most 1 code in 100 is off, by one
step. Where the scale is a power of two, both are exact.
"""

import math

import pytest
import torch

from lessons_lib.precision import (
    E4M3,
    E5M2,
    dequantize_tiles,
    quantize,
    quantize_tiles,
    round_tiles,
)

SHAPES = [(4, 256), (5, 300), (130, 140), (1, 1), (3, 127), (257, 129)]
TILES = [(1, 128), (128, 128), (128, 1), (1, 32), (3, 7), (1000, 1000)]


def draw(rows, columns, seed=0):
    """Numbers of very different sizes from row to row and column to column."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, columns, generator=rng)
    return x * torch.exp2(3 * torch.randn(rows, 1, generator=rng) + torch.randn(columns, generator=rng))


def loop_over_tiles(x, tile, ue8m0, largest=448.0):
    """Scales, one tile at a time, by Python's own float64."""
    (rows, columns), (a, b) = x.shape, tile
    scales = torch.empty(math.ceil(rows / a), math.ceil(columns / b), dtype=torch.float64)
    for r in range(scales.shape[0]):
        for c in range(scales.shape[1]):
            numbers = x[r * a : r * a + a, c * b : c * b + b].flatten().tolist()
            scale = max([1e-12, *map(abs, numbers)]) / largest
            if ue8m0:
                power = 2.0 ** math.floor(math.log2(scale))
                while power < scale * (1 - 2**-24):  # FP32 cannot tell a smaller difference
                    power *= 2
                scale = power
            scales[r, c] = scale
    return scales


def spread(scales, tile, shape):
    """Repeat each scale over its tile, without the library."""
    rows = torch.arange(shape[0]) // tile[0]
    columns = torch.arange(shape[1]) // tile[1]
    return scales[rows][:, columns]


def ranks(codes):
    """Number the codes along the number line, so that neighbours differ by 1."""
    code = codes.view(torch.uint8).long()
    return torch.where(code >= 128, 128 - code, code)


@pytest.mark.parametrize("ue8m0", [False, True])
@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("shape", SHAPES)
def test_tiles_agree_with_a_loop_in_float64(shape, tile, ue8m0):
    x = draw(*shape)
    codes, scales = quantize_tiles(x, tile, ue8m0)
    expected = loop_over_tiles(x, tile, ue8m0)
    assert codes.shape == x.shape and codes.dtype == torch.float8_e4m3fn and codes.is_contiguous()
    assert scales.dtype == torch.float32 and scales.shape == expected.shape
    torch.testing.assert_close(scales.double(), expected, rtol=0 if ue8m0 else 1e-6, atol=0)
    scaled = (x.double() / spread(expected, tile, shape)).clamp(-448, 448)
    apart = (ranks(codes) - ranks(scaled.float().to(torch.float8_e4m3fn))).abs()
    assert apart.max() <= (0 if ue8m0 else 1)
    assert (apart > 0).float().mean() <= 0.01


@pytest.mark.parametrize("fmt", [E4M3, E5M2], ids=lambda f: f.name)
@pytest.mark.parametrize("tile", TILES)
def test_no_number_is_further_away_than_the_format_allows(tile, fmt):
    """Half a step of the mantissa, or half the smallest value where numbers are subnormal."""
    x = draw(130, 200)
    codes, scales = quantize_tiles(x, tile, fmt=fmt)
    back = dequantize_tiles(codes, scales, tile)
    bound = torch.maximum(x.abs() * fmt.epsilon / 2, spread(scales, tile, x.shape) * fmt.smallest / 2)
    assert codes.dtype == fmt.dtype
    assert ((back - x).abs() <= bound * (1 + 1e-6)).all()


def test_dequantising_multiplies_each_code_by_the_scale_of_its_tile():
    codes = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0], [0.5, -1.0, 448.0]]).to(torch.float8_e4m3fn)
    scales = torch.tensor([[1.0, 10.0], [100.0, 1000.0]])
    expected = [[1.0, 2.0, 40.0], [8.0, 16.0, 320.0], [50.0, -100.0, 448_000.0]]
    assert dequantize_tiles(codes, scales, (2, 2)).tolist() == expected


def test_the_largest_number_of_every_tile_becomes_the_largest_code():
    codes, _ = quantize_tiles(draw(6, 256), (1, 128))
    assert torch.equal(codes.float().abs().view(6, 2, 128).amax(-1), torch.full((6, 2), 448.0))


def test_scales_rounded_up_are_powers_of_two_and_let_nothing_overflow():
    x = draw(64, 256)
    x[0, :128] = torch.linspace(-1, 1, 128) * 448 * 2.0**5  # needs exactly 2^5
    x[1, :128] = x[0, :128] * (1 + 2.0**-22)  # just more: a logarithm in FP32 would not see it
    codes, scales = quantize_tiles(x, (1, 128), ue8m0=True)
    assert torch.equal(torch.frexp(scales).mantissa, torch.full_like(scales, 0.5))
    assert scales[0, 0] == 2.0**5 and scales[1, 0] == 2.0**6
    amax = x.abs().view(64, 2, 128).amax(-1)
    assert (amax / scales <= 448).all() and (amax / scales > 224 * (1 - 1e-6)).all()


def test_a_tile_of_zeros_has_a_scale_and_stays_zero():
    x = draw(4, 256)
    x[1, :128] = 0
    x[2, 128:] = 1e-20
    for ue8m0 in (False, True):
        codes, scales = quantize_tiles(x, (1, 128), ue8m0)
        assert (scales > 0).all() and scales.isfinite().all()
        back = dequantize_tiles(codes, scales, (1, 128))
        assert not back[1, :128].any() and not back[2, 128:].any()  # the second lies below the floor
        assert back[1, 128:].all()
    assert float(quantize_tiles(torch.zeros(1, 5))[1]) == pytest.approx(1e-12 / 448, rel=1e-6)


def test_a_number_touches_its_own_tile_only():
    x = draw(40, 96)
    changed = x.clone()
    changed[17, 40] = 1e6
    before, after = (dequantize_tiles(*quantize_tiles(t, (8, 32)), (8, 32)) for t in (x, changed))
    moved = (before != after).view(5, 8, 3, 32).permute(0, 2, 1, 3).flatten(2).any(-1)
    assert moved.nonzero().tolist() == [[2, 1]]


@pytest.mark.parametrize("ue8m0", [False, True])
@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("piece", [64, 2**18])
def test_rounding_without_codes_gives_the_same_numbers(tile, ue8m0, piece, monkeypatch):
    x = draw(130, 140)
    expected = dequantize_tiles(*quantize_tiles(x, tile, ue8m0), tile)
    monkeypatch.setattr(quantize, "PIECE", piece)  # in many pieces or in one: no difference
    assert torch.equal(round_tiles(x, tile, ue8m0=ue8m0), expected)
    assert torch.equal(round_tiles(x.T, tile[::-1], ue8m0=ue8m0), expected.T)
    codes, scales = quantize_tiles(x, tile, ue8m0)
    assert torch.equal(dequantize_tiles(codes, scales, tile), expected)


def test_a_view_is_quantised_as_its_copy_and_left_alone():
    big = draw(60, 200)
    view, held = big[::2, 10:150], big.clone()
    codes, scales = quantize_tiles(view, (1, 32))
    again, scales_again = quantize_tiles(view.clone(), (1, 32))
    assert torch.equal(codes.view(torch.uint8), again.view(torch.uint8)) and torch.equal(scales, scales_again)
    assert torch.equal(round_tiles(view, (1, 32)), dequantize_tiles(codes, scales, (1, 32)))
    assert torch.equal(big, held)


def test_small_negative_numbers_get_the_code_of_minus_zero():
    """As with torch's own type; a code is compared by its bits elsewhere."""
    codes, _ = quantize_tiles(torch.tensor([[448.0, -1e-6, 1e-6, -0.0]]), (1, 4))
    assert codes.view(torch.uint8).tolist() == [[0x7E, 0x80, 0x00, 0x80]]


def test_a_matrix_without_rows_is_quantised_to_none():
    codes, scales = quantize_tiles(torch.zeros(0, 200), (1, 128))
    assert codes.shape == (0, 200) and scales.shape == (0, 2)
    assert round_tiles(torch.zeros(0, 200), (1, 128)).shape == (0, 200)


@pytest.mark.parametrize(
    "bad, counted", [(math.inf, "1 infinities and 0 NaN"), (math.nan, "0 infinities and 1 NaN")]
)
@pytest.mark.parametrize("call", [quantize_tiles, round_tiles])
def test_infinities_and_nan_are_refused_with_their_place(bad, counted, call):
    x = draw(4, 200)
    x[2, 150] = bad
    with pytest.raises(
        ValueError, match=f"x of shape .4, 200. holds {counted}, the first in row 2, column 150"
    ):
        call(x, (1, 128))


def test_wrong_shapes_are_refused_by_their_numbers():
    with pytest.raises(ValueError, match=r"\(rows, columns\), got \(3, 4, 5\)"):
        quantize_tiles(torch.ones(3, 4, 5))
    with pytest.raises(ValueError, match="at least 1 row and 1 column"):
        quantize_tiles(torch.ones(3, 4), (0, 4))
    codes, scales = quantize_tiles(torch.ones(3, 300))
    with pytest.raises(ValueError, match=r"have 3 x 3 scales, got \(3, 2\)"):
        dequantize_tiles(codes, scales[:, :2])


def test_quantising_hands_no_gradient_on():
    codes, scales = quantize_tiles(torch.ones(2, 3, requires_grad=True))
    assert not scales.requires_grad and not codes.requires_grad


def test_a_parameter_is_rounded_like_any_tensor_and_without_a_gradient():
    """A reader rounds the weights of a model; the parameter itself must stay as it is."""
    weight = torch.nn.Parameter(torch.randn(7, 300, generator=torch.Generator().manual_seed(0)))
    rounded = round_tiles(weight, (1, 128))
    assert torch.equal(rounded, round_tiles(weight.detach(), (1, 128)))
    assert not rounded.requires_grad and weight.requires_grad
    assert not torch.equal(rounded, weight)
