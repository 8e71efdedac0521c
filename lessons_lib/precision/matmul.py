"""Multiply matrices that are made of tiles with scales, and add up as coarsely as an H800 does.

Two ideas:
  scales outside  within a tile all numbers share a scale, so codes are multiplied and added first, and
                  each partial sum is multiplied by two scales once;
  promotion       an H800's FP8 units add 32 products at a time, shifted right until they line up with the
                  largest, and keep about 14 bits. The error grows with the length of the sum, so DeepSeek
                  moves the partial sum to an FP32 register every 128 products.

What the hardware does is known from the report's description only (arXiv:2412.19437, sections 3.3.2 and
3.5.2). That the running sum lines up with its 32 products, and is cut off like them, is our reading.
Letters: M rows, N rows of the other side, K the length of the sums, G numbers in a group.
"""

import torch
from torch import Tensor

from lessons_lib.arguments import takes, whole
from lessons_lib.precision.quantize import refuse_scales

DOUBLE = 53  # bits that a float64 keeps


@takes(
    a_codes="float rows_a length", a_scales="float _ _", b_codes="float rows_b length", b_scales="float _ _"
)
def multiply_tiles(
    a_codes: Tensor,
    a_scales: Tensor,
    b_codes: Tensor,
    b_scales: Tensor,
    a_tile: tuple[int, int] = (1, 128),
    b_tile: tuple[int, int] = (128, 128),
) -> Tensor:
    """Return A @ B^T (M, N) in FP32 for codes (M, K) and (N, K), one stretch of tiles after the other.

    Both are cut into stretches of the same length along K. Up to rounding in FP32 this is the product of
    the dequantised matrices, which is what `Fp8Linear` computes, in one go.
    """
    refuse_scales(a_codes, a_scales, a_tile)
    refuse_scales(b_codes, b_scales, b_tile)
    if a_tile[1] != b_tile[1]:
        raise ValueError(
            f"both sides need tiles of one length along the sum, got {a_tile[1]} and {b_tile[1]}"
        )
    a, b = a_codes.float(), b_codes.float()
    total = a.new_zeros(len(a), len(b))
    for i, start in enumerate(range(0, a.shape[1], a_tile[1])):
        here = slice(start, start + a_tile[1])
        of_row = a_scales[:, i].float().repeat_interleave(a_tile[0])[: len(a), None]  # (M, 1)
        of_column = b_scales[:, i].float().repeat_interleave(b_tile[0])[None, : len(b)]  # (1, N)
        total += (a[:, here] @ b[:, here].T) * of_row * of_column
    return total


@takes(a="float rows_a length", b="float rows_b length")
def multiply_limited(
    a: Tensor, b: Tensor, *, bits: int = 14, group: int = 32, promote_every: int | None = None
) -> Tensor:
    """Return A @ B^T (M, N), float64, for FP8 values a (M, K) and b (N, K) added up at limited precision.

    `group` products and the running sum are shifted right to line up with the largest of them; `bits` bits
    from its highest one on are kept, the rest is cut off. `promote_every` products (None: never) the running
    sum is added, whole, to one that loses nothing, and starts again at 0. Everything not cut off is exact.
    """
    whole(bits=bits, group=group)
    whole(promote_every=group if promote_every is None else promote_every)
    if promote_every is not None and promote_every % group:
        raise ValueError(f"promote_every={promote_every} is not a whole number of groups of {group}")
    if bits + group.bit_length() > DOUBLE:
        raise ValueError(f"sums of bits={bits} and group={group} would not be exact in float64")
    a, b = a.double(), b.double()
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError("infinities and NaN have no highest bit to line up with")
    promoted = a.new_zeros(len(a), len(b))
    running = torch.zeros_like(promoted)
    for start in range(0, a.shape[1], group):
        here = slice(start, start + group)
        products = a[:, None, here] * b[None, :, here]  # (M, N, G)
        addends = torch.cat([products, running.unsqueeze(-1)], dim=-1)
        highest = torch.frexp(addends.abs().amax(-1, keepdim=True)).exponent  # of the largest: < 2^highest
        unit = torch.ldexp(torch.ones_like(products[..., :1]), highest - bits)
        running = ((addends / unit).trunc() * unit).sum(-1)
        running = cut_off(running, bits)
        if promote_every is not None and (start + group) % promote_every == 0:
            promoted += running
            running = torch.zeros_like(running)
    return promoted + running


@takes(x="float ...")
def cut_off(x: Tensor, bits: int) -> Tensor:
    """Keep the highest `bits` bits of every number, and drop the rest: rounding towards 0."""
    whole(most=DOUBLE, bits=bits)
    wide = x.float() if x.dtype.itemsize < 4 else x
    mantissa, exponent = torch.frexp(wide)
    return torch.ldexp((mantissa * 2.0**bits).trunc(), exponent - bits).to(x.dtype)
