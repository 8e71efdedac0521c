"""What a corpus refuses, each with one sentence that holds the numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor


def check_seed(seed: int) -> int:
    """Return `seed`; raise unless it is a whole number from 0 up to 2**63 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed must be a whole number, got {seed!r}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must be between 0 and 2**63 - 1, got {seed}")
    return seed


def check_names(names: Sequence[str], known: Sequence[str]) -> None:
    """Raise unless `names` are some of the `known` ones, each once."""
    listed = ", ".join(known)
    if not names:
        raise ValueError(f"a corpus needs a domain; there are {listed}")
    for name in names:
        if name not in known:
            raise ValueError(f"no domain is called {name!r}; there are {listed}")
        if names.count(name) > 1:
            raise ValueError(f"domain {name!r} is named {names.count(name)} times; once is enough")


def check_windows(tokens: Tensor, domain_ids: Tensor, n_domains: int) -> None:
    """Raise unless `tokens` (size, length + 1) and `domain_ids` (size,) fit together, both int64."""
    for name, value in (("tokens", tokens), ("domain ids", domain_ids)):
        if not isinstance(value, Tensor) or value.dtype != torch.int64:
            kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
            raise TypeError(f"{name} must be an int64 tensor, got {kind}")
    if tokens.ndim != 2 or tokens.shape[1] < 2:
        raise ValueError(
            f"tokens must be (size, length + 1) with length at least 1, got {tuple(tokens.shape)}"
        )
    if domain_ids.shape != tokens.shape[:1]:
        raise ValueError(
            f"{len(tokens)} windows need as many domain ids, got shape {tuple(domain_ids.shape)}"
        )
    if len(domain_ids) and not 0 <= domain_ids.min() <= domain_ids.max() < n_domains:
        raise ValueError(
            f"domain ids must be in 0..{n_domains - 1}, "
            f"got {int(domain_ids.min())} to {int(domain_ids.max())}"
        )
