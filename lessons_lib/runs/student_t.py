"""Student's t for a few pairs: how far its interval reaches, and how large a difference it can show.

Both numbers are where one chance, computed here by integration, reaches a stated value: no table is
needed, and none is typed in.
"""

import functools
import math
from collections.abc import Callable
from statistics import NormalDist

from lessons_lib.signatures import checked

CONFIDENCE = 0.95  # of the interval; a false "clear" comes in 1 of 20 comparisons of equals
POWER = 0.80  # the share of repetitions in which a difference of `detectable` would be called clear


@checked(n="2..")
@functools.cache
def threshold(n: int) -> float:
    """Return how many standard errors the interval of `n` pairs reaches to each side (Student's t)."""
    return _solve(lambda t: 1 - _clear_rate(n, t, 0.0), CONFIDENCE)


@checked(n="2..")
@functools.cache
def shift(n: int) -> float:
    """Return how many standard errors away from 0 a difference is called clear with the chance POWER."""
    return _solve(lambda distance: _clear_rate(n, threshold(n), distance), POWER)


def _clear_rate(n: int, limit: float, distance: float) -> float:
    """Return the chance that |mean| > limit * its measured standard error, of `n` normal numbers.

    Their mean lies `distance` true standard errors from 0. The measured one is u times the true one, with
    u^2 (n - 1) chi-square of n - 1 degrees of freedom: integrated over u by Simpson's rule.
    """
    df, points, normal = n - 1, 600, NormalDist().cdf
    end = math.sqrt(df) + 8.0  # of x = u sqrt(df), whose standard deviation is below 1
    total = weights = 0.0
    for i in range(points + 1):
        x = max(end * i / points, 1e-9)
        simpson = 1 if i % points == 0 else 2 + 2 * (i % 2)
        weight = simpson * math.exp((df - 1) * math.log(x) - x * x / 2 - math.lgamma(df / 2))
        u = x / math.sqrt(df)
        total += weight * (normal(distance - limit * u) + normal(-distance - limit * u))
        weights += weight
    return total / weights


def _solve(rising: Callable[[float], float], target: float) -> float:
    """Return where a function that rises from 0 on reaches `target`, by halving."""
    low, high = 0.0, 64.0  # with two pairs they are 12.7 and 16.3
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2
