"""Write many answers at once: prompts read once per group, finished rows dropped, each draw scored.

Four ideas:
  shared    the G samples of a problem start from one reading of its prompt, whose cache is copied;
  dropped   a row that has written <eos> leaves the batch once enough others have too, so that the longest
            answer does not keep everybody computing;
  scored    the log-probability of a token is that of the very distribution it was drawn from: after the
            temperature, and after `edit` has changed the logits;
  own luck  row i's token t is decided by one number u[i, t], drawn beforehand. So a slow loop that reads
            the whole text again for every token, and drops nobody, draws the same tokens; a test does.

`edit(logits, step, history)` may change the logits (rows, vocabulary) before the temperature, given the
tokens written so far (rows, step): it can forbid the end of a thought, or force it (a budget).
Letters: Q problems, G samples of each, P prompt length, n new tokens, V vocabulary.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.model import Transformer
from lessons_lib.model.cache import Cache
from lessons_lib.model.generation import refuse_writing
from lessons_lib.reasoning.hunts import EOS, PAD
from lessons_lib.signatures import checked

Edit = Callable[[Tensor, int, Tensor], Tensor]
KEEP = 0.75  # rows are dropped when no more than this share of them still writes


@dataclass(frozen=True, eq=False)
class Rollout:
    """Samples of one call; the rows of a group are neighbours. Behind <eos> is padding, where mask is 0."""

    prompts: Tensor  # (Q, P) int64
    tokens: Tensor  # (Q * G, n) int64, <eos> included
    mask: Tensor  # (Q * G, n) bool
    logps: Tensor  # (Q * G, n), 0 behind <eos>
    entropies: Tensor  # (Q * G, n) in nats, of the distribution that each token was drawn from

    @property
    def lengths(self) -> Tensor:
        """Tokens written by each row, <eos> included, (Q * G,) int64."""
        return self.mask.sum(1)

    def rows(self) -> list[list[int]]:
        """Each row's tokens as a list, without padding."""
        return [row[:n] for row, n in zip(self.tokens.tolist(), self.lengths.tolist(), strict=True)]


class Sampler:
    """One run of sampling; iterate over it to get, for each step, (rows that write, their new tokens).

    Stop whenever you like: `rollout()` returns what has been written so far.
    """

    @checked(prompts="whole problems prompt", group_size="1..", max_new="1..", temperature="0..", stop="0..")
    def __init__(
        self,
        model: Transformer,
        prompts: Tensor,
        group_size: int = 1,
        *,
        max_new: int = 64,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        edit: Edit | None = None,
        stop: int = EOS,
    ) -> None:
        """Prompts (Q, P) have one length. Temperature 0 is greedy, and scores what it takes with 0."""
        refuse_writing(model, prompts, max_new, temperature)
        rows = len(prompts) * group_size
        self.model, self.prompts, self.group_size = model, prompts, group_size
        self.temperature, self.edit, self.stop = temperature, edit, stop
        self.luck = torch.rand(rows, max_new, generator=generator, dtype=torch.float64)
        self.tokens = torch.full((rows, max_new), PAD)
        self.mask = torch.zeros(rows, max_new, dtype=torch.bool)
        self.logps, self.entropies = torch.zeros(2, rows, max_new, dtype=model.embed.weight.dtype)
        self.done = 0  # steps taken

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rows = torch.arange(len(self.tokens))
        logits, cache = self._read_prompts()  # (Q * G, V)
        alive = torch.ones(len(rows), dtype=torch.bool)  # of the rows still in the batch
        for step in range(self.tokens.shape[1]):
            new = self._draw(logits, step, rows, alive)  # (rows,)
            self.done = step + 1
            yield rows[alive], new[alive]
            alive = alive & (new != self.stop)
            left = int(alive.sum())
            if left == 0 or self.done == self.tokens.shape[1]:
                return
            if left <= KEEP * len(rows):
                keep = alive.nonzero()[:, 0]
                rows, new, alive, cache = rows[keep], new[keep], alive[keep], take_rows(cache, keep)
            with torch.inference_mode():
                logits = self.model(new[:, None], cache)[:, -1]

    def rollout(self) -> Rollout:
        """Return what has been written so far, cut to the longest row."""
        n = self.done
        cut = (t[:, :n].clone() for t in (self.tokens, self.mask, self.logps, self.entropies))
        return Rollout(self.prompts, *cut)

    def _read_prompts(self) -> tuple[Tensor, Cache]:
        """Read every prompt once; return the logits and the cache, each repeated for its group."""
        length = self.prompts.shape[1]
        with torch.inference_mode():
            cache = self.model.new_cache(len(self.prompts), length)
            logits = self.model(self.prompts, cache)[:, -1]
            room = self.model.new_cache(len(self.tokens), length + self.tokens.shape[1])
            for name, held in vars(cache).items():
                if isinstance(held, Tensor):  # (layers, rows, ..., position, width)
                    repeated = held.repeat_interleave(self.group_size, dim=1)
                    getattr(room, name)[..., :length, :] = repeated
            room.advance(length)
            return logits.repeat_interleave(self.group_size, dim=0), room

    def _draw(self, logits: Tensor, step: int, rows: Tensor, alive: Tensor) -> Tensor:
        """Draw a token for each row, and note it for those that are alive."""
        with torch.inference_mode():
            if self.edit is not None:
                logits = self.edit(logits, step, self.tokens[rows, :step])
            if self.temperature == 0:
                new = logits.argmax(-1)
                logps = torch.zeros_like(logits)
            else:
                logps = (logits / self.temperature).log_softmax(-1)  # (rows, V)
                new = pick(logps, self.luck[rows, step])
            chosen = logps.gather(1, new[:, None])[:, 0]
            entropy = -(logps.exp() * logps.clamp(min=-1e4)).sum(-1)  # a forbidden token adds 0, not nan
        at = rows[alive]
        self.tokens[at, step], self.mask[at, step] = new[alive].clone(), True
        self.logps[at, step], self.entropies[at, step] = chosen[alive], entropy[alive]
        return new


def sample(model: Transformer, prompts: Tensor, group_size: int = 1, **settings) -> Rollout:
    """Write `group_size` answers to each of `prompts` (Q, P); settings are those of `Sampler`."""
    sampler = Sampler(model, prompts, group_size, **settings)
    for _ in sampler:
        pass
    return sampler.rollout()


@checked(logps="float rows vocabulary", luck="float rows")
def pick(logps: Tensor, luck: Tensor) -> Tensor:
    """Return the token at which the cumulative probability passes `luck` in [0, 1), (rows,) int64."""
    cumulative = logps.double().exp().cumsum(-1)
    target = luck[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, target, right=True)[:, 0].clamp(max=logps.shape[1] - 1)


def take_rows(cache: Cache, rows: Tensor) -> Cache:
    """Return a cache that holds the given rows of `cache` only."""
    taken = copy.copy(cache)
    taken.batch = len(rows)
    for name, held in vars(cache).items():
        if isinstance(held, Tensor):
            setattr(taken, name, held.index_select(1, rows))
    return taken
