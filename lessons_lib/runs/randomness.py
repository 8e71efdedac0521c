"""Where a run's random numbers come from: a seed and a purpose, hashed, so that no two purposes share one.

A generator for training starts from an even number, one for testing from an odd number: no seed of ours
can make the two streams the same. torch's CPU generator reads only the low 32 bits of its seed, so seeds
here are hashed to 32 bits.
"""

import hashlib

import torch

from lessons_lib.signatures import checked


@checked()
def make_generator(seed: int, purpose: str, *, held_out: bool = False) -> torch.Generator:
    """Return a generator for `purpose`, unlike that of any other purpose or seed."""
    return torch.Generator().manual_seed(seed_for(seed, purpose, held_out=held_out))


@checked()
def seed_for(seed: int, purpose: str, *, held_out: bool = False) -> int:
    """Return a 32-bit seed hashed from `seed` and `purpose`; odd where `held_out`, else even."""
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & ~1 | int(held_out)
