"""Results by seed, and the one rule by which two of them differ clearly.

A seed is one draw of many: another seed, or another processor, would have given another number. So a
comparison is made between pairs (the same seed in both: the same start, the same text), and judged by
Student's paired t-interval: a difference is *clear* where the interval of 95 % excludes 0. Where it does
not, the two may still differ, by less than so few pairs can show: `detectable` says how much that is.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

from lessons_lib.runs.approx import approx
from lessons_lib.runs.student_t import shift, threshold
from lessons_lib.signatures import checked

T = TypeVar("T")
U = TypeVar("U")
Clarity = Literal["clear", "unclear", "equal"]


class Seeds(Generic[T]):
    """An immutable mapping from seed to value; iterating gives the values, in the order of the seeds given.

    A value is a number or anything else, a trained run for example; mean, spread, low, high, words and
    less are for numbers and raise TypeError otherwise.
    """

    __slots__ = ("_by_seed",)
    _by_seed: Mapping[int, T]

    @checked()
    def __init__(self, by_seed: Mapping[int, T]) -> None:
        if not by_seed:
            raise ValueError("no seeds: at least one is needed")
        object.__setattr__(self, "_by_seed", MappingProxyType(dict(by_seed)))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("Seeds do not change: make new ones, for example with map")

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self._by_seed)

    @property
    def values(self) -> tuple[T, ...]:
        return tuple(self._by_seed.values())

    def items(self) -> tuple[tuple[int, T], ...]:
        """Return (seed, value) pairs."""
        return tuple(self._by_seed.items())

    def __iter__(self) -> Iterator[T]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self._by_seed)

    def __getitem__(self, seed: int) -> T:
        if seed not in self._by_seed:
            raise KeyError(f"no seed {seed}; there are {_listed(self.seeds)}")
        return self._by_seed[seed]

    @checked()
    def map(self, function: Callable[[T], U]) -> "Seeds[U]":
        """Return the results of `function` on each value, for the same seeds."""
        return Seeds({seed: function(value) for seed, value in self.items()})

    @property
    def mean(self) -> float:
        return fmean(self._numbers())

    @property
    def low(self) -> float:
        return min(self._numbers())

    @property
    def high(self) -> float:
        return max(self._numbers())

    @property
    def spread(self) -> float:
        """The largest value less the smallest."""
        return self.high - self.low

    @checked(digits="0..50")
    def words(self, digits: int = 3) -> str:
        """Return mean and range as "≈0.843 (≈0.831 to ≈0.852)"; of one seed, its value."""
        mean, low, high = (approx(x, f".{digits}f") for x in (self.mean, self.low, self.high))
        return f"{mean} ({low} to {high})" if len(self) > 1 else mean

    def __str__(self) -> str:
        return self.words()

    def __repr__(self) -> str:
        return f"Seeds({dict(self._by_seed)!r})"

    @checked()
    def less(self, other: "Seeds") -> "Difference":
        """Return the paired difference, these less `other`; ValueError where their seeds differ."""
        if set(self.seeds) != set(other.seeds):
            raise ValueError(
                f"pairs need the same seeds, not {_listed(self.seeds)} and {_listed(other.seeds)}"
            )
        by_seed = dict(zip(other.seeds, other._numbers()))
        return Difference(Seeds({s: x - by_seed[s] for s, x in zip(self.seeds, self._numbers())}))

    def _numbers(self) -> list[float]:
        try:
            return [float(value) for value in self.values]  # type: ignore[arg-type]
        except (TypeError, ValueError):
            kind = type(self.values[0]).__name__
            raise TypeError(f"{kind}s are no numbers: choose one of each with map first") from None


class Difference:
    """The mean of paired differences, with its 95 % t-interval from `low` to `high`.

    Iterating gives the numbers that `words` shows, so that `within` can bound them.
    Raises ValueError for a difference that is not finite, and, where only one seed was run, for all but
    the mean: one pair has no scatter.
    """

    @checked()
    def __init__(self, pairs: Seeds[float]) -> None:
        for seed, value in pairs.items():
            if not math.isfinite(value):
                raise ValueError(f"the difference of seed {seed} is {value}: a run that fails is no pair")
        self.pairs = pairs

    def __iter__(self) -> Iterator[float]:
        return iter((self.mean, self.low, self.high, self.detectable))

    @property
    def mean(self) -> float:
        return self.pairs.mean

    @property
    def low(self) -> float:
        return self.mean - self._standard_error * threshold(len(self.pairs))

    @property
    def high(self) -> float:
        return self.mean + self._standard_error * threshold(len(self.pairs))

    @property
    def detectable(self) -> float:
        """The smallest true difference that 80 % of repetitions of so many pairs would have called clear.

        With n pairs whose differences scatter by the standard deviation s it is c s / sqrt(n): c is the
        shift of a t-variable of n - 1 degrees of freedom (a noncentral t) that puts 80 % of it beyond the
        limits of 95 %. For many pairs c = 1.96 + 0.84; for three it is larger than 5.
        """
        return self._standard_error * shift(len(self.pairs))

    @checked(margin="0<..")
    def verdict(self, margin: float | None = None) -> Clarity:
        """Return "clear" where the interval excludes 0, else "equal" or "unclear".

        "equal" is said only where a `margin` was stated and the whole interval lies within it on both
        sides: not to have found a difference is no evidence that there is none.
        """
        if self.low > 0 or self.high < 0:
            return "clear"
        return "equal" if margin is not None and -margin < self.low and self.high < margin else "unclear"

    @checked(digits="0..50")
    def words(self, digits: int = 3) -> str:
        """Return one line: mean, interval, number of pairs, and what so many pairs could have shown."""
        if len(self.pairs) == 1:
            return f"{approx(self.mean, f'.{digits}f')} (1 pair, no interval)"
        mean, low, high, least = (
            approx(x, f".{digits}f") for x in (self.mean, self.low, self.high, self.detectable)
        )
        return f"{mean} (95 % interval {low} to {high}; {len(self.pairs)} pairs can show {least})"

    def __str__(self) -> str:
        return self.words()

    @property
    def _standard_error(self) -> float:
        if len(self.pairs) < 2:
            raise ValueError("one seed has no scatter to judge a difference by: run two or more")
        return stdev(self.pairs) / len(self.pairs) ** 0.5


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))
