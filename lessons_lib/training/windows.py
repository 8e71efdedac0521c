"""Which windows of the corpus a run sees, and which it never sees.

Three ideas:
  by number   the windows of step s depend on the run's seed and on s alone, so a resumed run needs no
              memory of what was drawn before it;
  disjoint    the generators of training and of testing never share a seed (see `runs.randomness`);
  paired      held-out windows are the same for every run that asks with the same seed, so two models
              are compared on the same text, and each window's own true log-probability is kept with it.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.config import TrainConfig
from lessons_lib.corpus import Corpus
from lessons_lib.corpus.checking import check_windows
from lessons_lib.runs.randomness import make_generator
from lessons_lib.signatures import checked

BLOCK = 32  # steps whose windows are drawn together: a corpus is faster in large batches


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a corpus with what is known of them."""

    tokens: Tensor  # (size, length + 1) int64
    domain_ids: Tensor  # (size,) int64
    domains: tuple[str, ...]  # names, by id
    log_probs: Tensor | None  # (size, length) float64, the process's own; None where nobody knows them

    def __post_init__(self) -> None:
        check_windows(self.tokens, self.domain_ids, len(self.domains))
        wanted = (len(self.tokens), self.tokens.shape[1] - 1)
        if self.log_probs is not None and tuple(self.log_probs.shape) != wanted:
            raise ValueError(f"log_probs must have shape {wanted}, got {tuple(self.log_probs.shape)}")


@checked(windows="1..", length="1..")
def held_out_windows(corpus: Corpus, windows: int, length: int, seed: int = 0) -> Windows:
    """Draw `windows` windows of `length` scored tokens that no training run draws."""
    return _draw(corpus, windows, length, make_generator(seed, "held-out windows", held_out=True))


@checked()
def pool_windows(corpus: Corpus, config: TrainConfig, seed: int) -> Windows:
    """Return the fixed windows that a run with `config.pool` and `seed` trains on, and no others."""
    if config.pool is None:
        raise ValueError("this configuration has pool=None: it trains on fresh windows, not on a pool")
    return _draw(corpus, config.pool, config.length, make_generator(seed, "pool of windows"))


@checked()
def training_batches(corpus: Corpus, config: TrainConfig, seed: int) -> Callable[[int], Tensor]:
    """Return a function from a step's number to its tokens, int64.

    They are (batch_size, length + 1), or with `config.context` as many pieces (see `cut_pieces`) of those
    windows as together have about the same number of tokens.
    """
    pool = None if config.pool is None else pool_windows(corpus, config, seed).tokens

    @functools.lru_cache(maxsize=1)
    def block(number: int) -> tuple[Tensor, ...]:
        generator = make_generator(seed, f"training windows, block {number}")
        size = BLOCK * config.batch_size
        if pool is None:
            tokens = corpus.batch(size, config.length, generator)[0]
        else:
            tokens = pool[torch.randint(len(pool), (size,), generator=generator)]
        if config.context is not None and config.context < config.length:
            tokens = cut_pieces(tokens, config.context, generator)
        return tokens.chunk(BLOCK)

    return lambda step: block(step // BLOCK)[step % BLOCK]


@checked(tokens="whole size window", context="0..")
def cut_pieces(tokens: Tensor, context: int, generator: torch.Generator) -> Tensor:
    """Cut pieces (size * n, context + 2) out of windows (size, length + 1), at random places.

    A piece is the window's token 0 (the tag) and context + 1 tokens in a row, n of them per window; so
    the last token of a piece is predicted from the tag and `context` tokens, the others from fewer.
    """
    stream = tokens[:, 1:].unfold(1, context + 1, 1)  # (size, places, context + 1)
    size, places = stream.shape[:2]
    n = max(1, (tokens.shape[1] - 1) // (context + 1))
    place = torch.randint(places, (size, n, 1), generator=generator)
    pieces = stream.gather(1, place.expand(-1, -1, context + 1))  # (size, n, context + 1)
    return torch.cat([tokens[:, :1].repeat_interleave(n, 0), pieces.flatten(0, 1)], 1)


def _draw(corpus: Corpus, windows: int, length: int, generator: torch.Generator) -> Windows:
    tokens, domain_ids = corpus.batch(windows, length, generator)
    known = corpus.entropy_floor(length) is not None
    log_probs = corpus.log_probs(tokens, domain_ids) if known else None
    return Windows(tokens, domain_ids, tuple(corpus.domains), log_probs)
