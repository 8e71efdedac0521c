"""What a model remembers while it writes: the keys and values of all earlier positions.

The storage is laid out once for the longest text, so that appending copies only the new position.
"""

import torch
from torch import Tensor


class KVCache:
    """Keys and values, each (layers, batch, kv_heads, max_len, head_dim), and how many are filled."""

    def __init__(
        self,
        n_layers: int,
        batch: int,
        n_kv_heads: int,
        max_len: int,
        head_dim: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (n_layers, batch, n_kv_heads, max_len, head_dim)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0  # positions filled so far, the same for every layer and row

    @property
    def batch(self) -> int:
        return self.keys.shape[1]

    @property
    def max_len(self) -> int:
        return self.keys.shape[3]

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (batch, kv_heads, new, head_dim) behind those of `layer`.

        Returns all of them, (batch, kv_heads, length + new, head_dim). `length` moves only with
        `advance`, once every layer has appended.
        """
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, new: int) -> None:
        """Count `new` more positions as filled."""
        self.length += new

    def n_bytes(self) -> int:
        """Bytes that the positions filled so far take, keys and values, all layers and rows."""
        if self.max_len == 0:
            return 0
        per_position = (self.keys.numel() + self.values.numel()) // self.max_len
        return per_position * self.length * self.keys.element_size()
