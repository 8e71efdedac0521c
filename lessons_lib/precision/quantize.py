"""Give every tile of a matrix a scale of its own, so that its largest number becomes the format's largest.

Two ideas:
  tiles    one large number takes range away from the numbers that share its scale, and from no others:
           1 x 128 for activations (one token, 128 channels), 128 x 128 for weights;
  online   the scale comes from the tile's own largest magnitude (amax), now, not from earlier steps:
           scale = amax / 448, codes = x / scale, and x ~ codes * scale.

A scale may be rounded up to a power of two (`ue8m0`, V3.1 and later): up, since a scale rounded down
lets the largest number overflow. Edges that do not fill a tile are a smaller tile. amax is floored at
1e-12, so a tile of zeros has a scale too (DeepSeek's kernel has 1e-4 there). In DeepSeek's released weights
the scale is called `weight_scale_inv`, and yet it is what codes are multiplied by.
Source: DeepSeek-V3 report, arXiv:2412.19437, section 3.3.2, and `inference/kernel.py`.
The work is done in pieces of whole tiles, so that a large matrix needs little memory beside its own.
Letters: M rows, N columns, a x b the tile, R x C the grid of tiles in a piece.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from lessons_lib.arguments import instance, takes
from lessons_lib.precision.cast import next_power_of_two, round_inside_
from lessons_lib.precision.formats import E4M3, E5M2, Format

SMALLEST_AMAX = 1e-12
PIECE = 2**18  # numbers in a piece, a megabyte


@takes(x="float rows columns")
def quantize_tiles(
    x: Tensor, tile: tuple[int, int] = (1, 128), ue8m0: bool = False, *, fmt: Format = E4M3
) -> tuple[Tensor, Tensor]:
    """Return codes in x's shape, and FP32 scales (ceil(M / a), ceil(N / b)) that give x ~ codes * scales.

    The codes have torch's FP8 type; rounding is ours (`cast`), so they are the same in every version.
    Raises ValueError where `x` (M, N) holds infinities or NaN. No gradient passes through.
    """
    refuse_tile(tile)
    _refuse_format(fmt, ue8m0)
    x = x.detach().float()
    codes = torch.empty(x.shape, dtype=fmt.dtype, device=x.device)
    scales = x.new_empty(-(-x.shape[0] // tile[0]), -(-x.shape[1] // tile[1]))
    for where, pieces, own, scratch in _pieces(x, tile, fmt, ue8m0):
        rounded = round_inside_(pieces / own, fmt, scratch).copysign_(pieces)  # -0 is a code of its own
        codes[where].view(pieces.shape).copy_(rounded)
        row, column = where[0].start // tile[0], where[1].start // tile[1]
        scales[row : row + own.shape[0], column : column + own.shape[2]] = own.squeeze((1, 3))
    _refuse_infinite(x, scales)
    return codes, scales


@takes(codes="float rows columns", scales="float _ _")
def dequantize_tiles(codes: Tensor, scales: Tensor, tile: tuple[int, int] = (1, 128)) -> Tensor:
    """Return codes * scales in FP32, each scale over its own tile."""
    refuse_scales(codes, scales, tile)
    codes, scales = codes.detach().float(), scales.float()
    wide = scales.repeat_interleave(tile[1], 1)[:, : codes.shape[1]]
    return codes * wide.repeat_interleave(tile[0], 0)[: codes.shape[0]]


@takes(x="float rows columns")
def round_tiles(
    x: Tensor, tile: tuple[int, int], fmt: Format = E4M3, ue8m0: bool = False, name: str = "x"
) -> Tensor:
    """Return `dequantize_tiles(*quantize_tiles(x))` without making codes, which is faster.

    As with codes, no gradient passes. `name` stands in the error for infinities and NaN.
    """
    refuse_tile(tile)
    _refuse_format(fmt, ue8m0)
    return round_matrix(x.detach().float(), tile, fmt, ue8m0, name)


def round_matrix(x: Tensor, tile: tuple[int, int], fmt: Format, ue8m0: bool, name: str) -> Tensor:
    """Return what `round_tiles` returns, for an FP32 matrix without gradient and a tile that fit."""
    if x.numel() == 0:
        return torch.empty_like(x)
    if x.stride(0) < x.stride(1):  # a transposed matrix is read in the order in which it lies
        return round_matrix(x.T, tile[::-1], fmt, ue8m0, name).T
    out, scales = torch.empty_like(x), []
    for where, pieces, own, scratch in _pieces(x, tile, fmt, ue8m0):
        here = out[where].view(pieces.shape)
        torch.div(pieces, own, out=here)
        round_inside_(here, fmt, scratch).mul_(own)
        scales.append(own.flatten())
    _refuse_infinite(x, torch.cat(scales), name)
    return out


def _pieces(
    x: Tensor, tile: tuple[int, int], fmt: Format, ue8m0: bool
) -> Iterator[tuple[tuple[slice, slice], Tensor, Tensor, Tensor]]:
    """Yield a place in x (rows, columns), the tiles there (R, a, C, b), their scales (R, 1, C, 1), scratch.

    The last is memory of the tiles' shape, free to be written over.
    """
    for columns, b in _stretches(x.shape[1], tile[1]):
        width = columns.stop - columns.start
        for rows, a in _stretches(x.shape[0], tile[0]):
            step = max(1, PIECE // (a * width)) * a
            for start in range(rows.start, rows.stop, step):
                where = slice(start, min(start + step, rows.stop)), columns
                pieces = x[where].view(-1, a, width // b, b)
                sizes = pieces.abs()
                yield where, pieces, tile_scales(sizes, fmt, ue8m0), sizes


def _stretches(size: int, side: int) -> Iterator[tuple[slice, int]]:
    """Cut an axis into what whole tiles cover, and an edge that is one smaller tile."""
    whole = size // side * side
    if whole:
        yield slice(0, whole), side
    if whole < size:
        yield slice(whole, size), size - whole


def tile_scales(sizes: Tensor, fmt: Format, ue8m0: bool) -> Tensor:
    """Return the scale of each tile (R, 1, C, 1) for magnitudes laid out as tiles (R, a, C, b)."""
    amax = sizes
    for axis in (3, 1):
        if amax.shape[axis] > 1:  # a maximum over one number would still read them all
            amax = amax.amax(axis, keepdim=True)
    scales = amax.clamp(min=SMALLEST_AMAX).div_(fmt.largest)
    return next_power_of_two(scales) if ue8m0 else scales


def refuse_tile(tile: tuple[int, int], name: str = "tile") -> None:
    """Raise unless `tile` is a pair of whole numbers of at least 1."""
    instance((tuple, list), **{name: tile})
    if len(tile) != 2 or not all(type(side) is int and side > 0 for side in tile):
        raise ValueError(f"{name} has two whole numbers, at least 1 row and 1 column, got {tile}")


def refuse_scales(codes: Tensor, scales: Tensor, tile: tuple[int, int]) -> None:
    """Raise ValueError unless `scales` are those of `codes` cut into tiles of this size."""
    refuse_tile(tile)
    grid = tuple(-(-size // side) for size, side in zip(codes.shape, tile))
    if scales.shape != grid:
        raise ValueError(
            f"codes of shape {tuple(codes.shape)} in tiles of {tile[0]} x {tile[1]} have "
            f"{grid[0]} x {grid[1]} scales, got {tuple(scales.shape)}"
        )
    if not ((values := scales.float()) > 0).all() or values.isinf().any():
        raise ValueError(f"a scale is above 0 and finite, got {values.amin():g} to {values.amax():g}")


def _refuse_format(fmt: Format, ue8m0: bool) -> None:
    instance(Format, fmt=fmt)
    instance(bool, ue8m0=ue8m0)
    if fmt not in (E4M3, E5M2):
        raise ValueError(f"tiles with scales hold E4M3 or E5M2, got {fmt.name}")


def _refuse_infinite(x: Tensor, scales: Tensor, name: str = "x") -> None:
    """Raise ValueError if `x` holds infinities or NaN; its scales show that at no cost."""
    if scales.numel() == 0 or scales.amax() < torch.inf:  # NaN is not below infinity
        return
    row, column = (int(i) for i in (~x.isfinite()).nonzero()[0])
    raise ValueError(
        f"{name} of shape {tuple(x.shape)} holds {int(x.isinf().sum())} infinities and "
        f"{int(x.isnan().sum())} NaN, the first in row {row}, column {column}: no scale fits them"
    )
