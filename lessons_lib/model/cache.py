"""What a model remembers while it writes, so that no position is computed twice.

Plain attention remembers keys and values, latent attention one vector that all heads share. The
storage is laid out once for the longest text, so that appending copies only the new position.
"""

import copy

import torch
from torch import Tensor

from lessons_lib.arguments import instance, takes, takes_late, whole


class Cache:
    """Storage for `batch` texts of up to `max_len` positions, and how many of these are filled."""

    def __init__(self, batch: int, max_len: int) -> None:
        whole(batch=batch)
        whole(0, max_len=max_len)
        self.batch, self.max_len = batch, max_len
        self.length = 0  # positions filled so far, the same for every layer and row

    def advance(self, new: int) -> None:
        """Count `new` more positions as filled, once every layer has appended."""
        whole(0, new=new)
        self.refuse_too_long(new)
        self.length += new

    def refuse_too_long(self, new: int) -> None:
        """Raise ValueError unless `new` more positions fit."""
        if self.length + new > self.max_len:
            raise ValueError(
                f"{self.length} + {new} tokens do not fit the cache's room of {self.max_len} positions"
            )

    def rewind(self, length: int) -> None:
        """Forget all but the first `length` positions; what comes next is written over them."""
        instance(int, length=length)
        if not 0 <= length <= self.length:
            raise ValueError(f"the cache holds {self.length} positions and cannot be rewound to {length}")
        self.length = length

    def n_bytes(self) -> int:
        """Bytes that the positions filled so far take, all layers and rows."""
        if self.max_len == 0:
            return 0
        stored = (t for t in vars(self).values() if isinstance(t, Tensor))
        return sum(t.numel() // self.max_len * self.length * t.element_size() for t in stored)


class KVCache(Cache):
    """Keys and values, each (layers, batch, kv_heads, max_len, head_dim)."""

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
        super().__init__(batch, max_len)
        whole(n_layers=n_layers, n_kv_heads=n_kv_heads, head_dim=head_dim)
        self.n_layers, self.n_kv_heads, self.head_dim = n_layers, n_kv_heads, head_dim
        shape = (n_layers, batch, n_kv_heads, max_len, head_dim)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)

    @takes_late(
        keys="float self.batch self.n_kv_heads new self.head_dim",
        values="float self.batch self.n_kv_heads new self.head_dim",
    )
    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (batch, kv_heads, new, head_dim) behind those of `layer`.

        Returns all of them, (batch, kv_heads, length + new, head_dim). `length` moves only with
        `advance`.
        """
        shape = (self.batch, self.n_kv_heads, keys.shape[2], self.head_dim)
        if keys.shape != shape or values.shape != shape:
            raise TypeError("keys or values don't fit")
        _refuse_other(layer, self.n_layers, self.keys, keys, values)
        self.refuse_too_long(keys.shape[2])
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


class LatentCache(Cache):
    """Latent attention's memory: per position one latent and one rotary key, side by side.

    `vectors` is (layers, batch, max_len, kv_lora_rank + qk_rope_head_dim): one row is the key that
    all heads share in the absorbed form, and its first kv_lora_rank numbers are their value.
    """

    def __init__(
        self,
        n_layers: int,
        batch: int,
        max_len: int,
        width: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(batch, max_len)
        whole(n_layers=n_layers, width=width)
        self.n_layers, self.width = n_layers, width
        self.vectors = torch.zeros(n_layers, batch, max_len, width, dtype=dtype, device=device)

    @takes_late(vectors="float self.batch new self.width")
    def append(self, layer: int, vectors: Tensor) -> Tensor:
        """Store new vectors (batch, new, width) behind those of `layer`; return all filled ones."""
        if vectors.shape != (self.batch, vectors.shape[1], self.width):
            raise TypeError("vectors don't fit")
        _refuse_other(layer, self.n_layers, self.vectors, vectors)
        self.refuse_too_long(vectors.shape[1])
        end = self.length + vectors.shape[1]
        self.vectors[layer, :, self.length : end] = vectors
        return self.vectors[layer, :, :end]


class SharedPrompts(Cache):
    """What a model remembers of prompts, each read once for several texts, with gradients.

    Read the prompts with it, then the texts with `of(rows)`. Nothing is written in place, so what is learned
    from every text reaches its prompt. Serves plain attention and latent attention.
    """

    def __init__(self, batch: int, max_len: int) -> None:
        super().__init__(batch, max_len)
        self.held: dict[int, tuple[Tensor, ...]] = {}  # by layer, each (batch, ..., position, width)
        self.rows: Tensor | None = None

    @takes(rows="whole texts")
    def of(self, rows: Tensor) -> "SharedPrompts":
        """Return the memory in which text i goes on behind prompt rows[i]."""
        if not len(rows) or rows.min() < 0 or rows.max() >= self.batch:
            raise ValueError(f"a text needs one of the prompts 0 to {self.batch - 1}, got {rows.tolist()}")
        texts = copy.copy(self)
        texts.rows, texts.batch = rows, len(rows)
        return texts

    def append(self, layer: int, *new: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return what is new (batch, ..., new, width), behind what is held of each text's prompt."""
        for tensor in new:
            instance(Tensor, new=tensor)
            if len(tensor) != self.batch:
                raise ValueError(f"this memory is of {self.batch} texts, got {len(tensor)}")
        if self.rows is None:
            self.held[layer] = new
        elif layer not in self.held:
            raise ValueError(f"layer {layer!r} has read no prompts; layers that have: {list(self.held)}")
        else:
            held = (h.index_select(0, self.rows) for h in self.held[layer])
            new = tuple(torch.cat(both, dim=-2) for both in zip(held, new, strict=True))
        return new if len(new) > 1 else new[0]


def _refuse_other(layer: int, n_layers: int, held: Tensor, *new: Tensor) -> None:
    """Raise unless the cache has this layer and numbers of this type."""
    if type(layer) is not int or not 0 <= layer < n_layers:
        raise ValueError(f"the cache has the layers 0 to {n_layers - 1}, got {layer!r}")
    for tensor in new:
        if tensor.dtype != held.dtype:
            raise TypeError(f"the cache holds {held.dtype}, got {tensor.dtype}")
