"""Domains that are a walk over finitely many states: what a state knows is all that matters next.

A language's state is its last two symbols, that of the brackets is what stands open. All odds are whole
numbers of 960ths, so that one whole random number below 960 and one look-up make one step, exactly (960
divides by 2, 3, 4, 5, 6, 8 and 10). Several domains are walked together, since the number of tensor
operations, not their size, is what a small batch costs. Shape letter: S states.
"""

from abc import abstractmethod
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from .process import Domain
from .tokenizer import Vocabulary

RESOLUTION = 960

Moves = dict[str, tuple[int, Hashable]]  # token -> (its probability in 960ths, the next state)


class AutomatonDomain(Domain):
    """A walk over the states that can be reached from a start; `moves` says what each may write."""

    steps: Tensor  # (S, 960) the next state for each ticket
    written: Tensor  # (S,) the token that is written on the way into a state

    @abstractmethod
    def moves(self, state: Hashable) -> Moves:
        """Return what may be written in `state`, how likely, and where it leads."""

    def tabulate(self, vocabulary: Vocabulary, start: Hashable) -> None:
        """Find all states and write the walk down as `steps` and `written`; a subclass calls this once."""
        # In the tables a state is paired with the token that led to it, so that it tells the token.
        numbers: dict[tuple[Hashable, str], int] = {(start, "<pad>"): 0}
        found, steps = [(start, "<pad>")], []
        for state, _ in found:  # which grows as we go
            step: list[int] = []
            for token, (weight, following) in self.moves(state).items():
                number = numbers.setdefault((following, token), len(numbers))
                if number == len(found):
                    found.append((following, token))
                step += [number] * weight
            if len(step) != RESOLUTION:
                raise ValueError(f"the odds in state {state!r} sum to {len(step)}, not {RESOLUTION}")
            steps.append(step)
        self.steps = torch.tensor(steps)
        self.written = vocabulary.tokens(token for _, token in found)

    def sample(self, n: int, length: int, generator: torch.Generator) -> Tensor:
        return Walk([self]).sample([n], length, generator)

    def entropy(self, length: int) -> float:
        n_states = len(self.steps)
        counts = torch.zeros(n_states, n_states, dtype=torch.float64)
        counts.scatter_add_(1, self.steps, counts.new_ones(self.steps.shape))
        # two tokens never lead to the same state (see `tabulate`), so these are a token's odds
        odds = counts / RESOLUTION  # (S, S), row: from, column: to
        surprise = -torch.special.xlogy(odds, odds).sum(1)  # (S,)
        occupied = torch.zeros(n_states, dtype=torch.float64)
        occupied[0] = 1.0
        total = 0.0
        for _ in range(length):
            total += (occupied @ surprise).item()
            occupied = occupied @ odds
        return total


class Walk:
    """Several automata on one table, walked side by side."""

    def __init__(self, domains: Sequence[AutomatonDomain]) -> None:
        sizes = [len(domain.steps) for domain in domains]
        self.starts = torch.tensor([sum(sizes[:i]) for i in range(len(sizes))])
        # A state is stored times 960, so that adding the ticket gives the place in the flat table.
        self.steps = torch.cat(
            [(d.steps + start) * RESOLUTION for d, start in zip(domains, self.starts, strict=True)]
        ).flatten()
        self.written = torch.cat([domain.written for domain in domains])

    def sample(self, counts: Sequence[int], length: int, generator: torch.Generator) -> Tensor:
        """Return `counts[i]` streams of each domain i, one domain after another: (sum, length)."""
        n = sum(counts)
        tickets = torch.randint(RESOLUTION, (length, n), generator=generator)
        state = self.starts.repeat_interleave(torch.tensor(counts)) * RESOLUTION
        states = []
        for ticket in tickets:
            state = self.steps[state + ticket]
            states.append(state)
        return self.written[torch.stack(states, dim=1) // RESOLUTION]
