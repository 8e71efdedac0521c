"""Rotary position embedding: turn each pair of channels by an angle that grows with the position.

Two ideas:
  turn      pair i of a query or key at position p is turned by the angle p * theta^(-2i / D);
  relative  a dot product of two turned vectors depends on the difference of their positions only.

A pair is read as one complex number, and turning is a multiplication by cos + i sin: one product
instead of six operations, as in DeepSeek's released `inference/model.py`. As there, neighbours are
paired: (x_0, x_1), (x_2, x_3), ... Many other models pair half against half, (x_i, x_{i + D/2}).
The two layouts differ only by an order of channels. Reorder queries and keys alike and every score
stays as it was, a sum in another order; but a key that lies in a cache shows the order, so cached
keys can only be compared after reordering one of them.
Source: Su et al., RoFormer, arXiv:2104.09864, section 3.2.2. Shape letters: T positions, D head width.
"""

import torch
from torch import Tensor

from lessons_lib.arguments import instance, number, takes, whole


def rope_frequencies(head_dim: int, theta: float) -> Tensor:
    """Return the angle per position of every pair, theta^(-2i / D), (D/2,) float64."""
    whole(head_dim=head_dim)
    number(above=0, theta=theta)
    if head_dim % 2:
        raise ValueError(f"rotary embedding turns pairs, so the head width must be even, got {head_dim}")
    return theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)


@takes(frequencies="float pairs")
def rope_table(n_positions: int, head_dim: int, theta: float, frequencies: Tensor | None = None) -> Tensor:
    """Return cosine and sine of every angle, (T, D/2, 2) float64, for positions 0 .. T - 1.

    In float64, since position times frequency loses digits in float32; rounded where it is used.
    `frequencies` (D/2,) take the place of the usual ones, for instance those of YaRN.
    """
    whole(n_positions=n_positions)
    usual = rope_frequencies(head_dim, theta)
    if frequencies is None:
        frequencies = usual
    if len(frequencies) != len(usual):
        raise ValueError(f"head_dim={head_dim} has {len(usual)} pairs, got {len(frequencies)} frequencies")
    angles = torch.outer(torch.arange(n_positions, dtype=torch.float64), frequencies)  # (T, D/2)
    return torch.stack([angles.cos(), angles.sin()], dim=-1)


@takes(x="float ... position width", table="float position pairs 2")
def apply_rope(x: Tensor, table: Tensor, *, interleaved: bool = True) -> Tensor:
    """Turn x (..., T, D) by `table` (T, D/2, 2), whose row t belongs to x's position t.

    `interleaved` pairs neighbours; otherwise channel i goes with channel i + D/2. Channels come back
    in the order in which they went in. Types of 16 bits are turned in float32 and rounded once.
    """
    if x.shape[-1] != 2 * table.shape[1]:
        raise ValueError(
            f"a table of {table.shape[1]} pairs turns a width of {2 * table.shape[1]}, x has {x.shape[-1]}"
        )
    instance(bool, interleaved=interleaved)
    return turn(x, table, interleaved)


def turn(x: Tensor, table: Tensor, interleaved: bool = True) -> Tensor:
    """Return what `apply_rope` returns, for arguments that fit."""
    dtype = x.dtype
    if dtype.itemsize < 4:
        x = x.float()
    if not interleaved:
        x = x.unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)  # make the halves neighbours
    if x.storage_offset() % 2 or any(stride % 2 for stride in x.stride()[:-1]):
        x = x.clone(memory_format=torch.contiguous_format)  # cut from an odd width: pairs lie askew
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))  # (..., T, D/2) complex
    turned = pairs * torch.view_as_complex(table.to(x.dtype))
    turned = torch.view_as_real(turned)  # (..., T, D/2, 2)
    if not interleaved:
        turned = turned.transpose(-1, -2)
    return turned.flatten(-2).to(dtype)


def on_device(table: Tensor, device: torch.device) -> Tensor:
    """Return `table` on a device, in float64 unless the device knows no such numbers: then in float32."""
    try:
        return table.to(device)
    except (TypeError, RuntimeError):
        return table.float().to(device)
