"""One stopwatch: what is compared takes turns, so that whatever else the machine does slows all alike."""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from lessons_lib.signatures import checked

Name = TypeVar("Name", bound=Hashable)


@checked(rounds="1..", warmup="0..")
def in_turn(
    works: Mapping[Name, Callable[[], object]],
    rounds: int,
    warmup: int = 1,
    *,
    before: Callable[[], object] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Name, list[float]]:
    """Return the seconds of each work in each of `rounds` rounds, {name: [seconds, ...]}.

    In every round each is called once, and each round begins with the next one, so that no one always
    follows the same or is always first. Every work is first called `warmup` times without the clock.
    `before` is called before each measured call, unmeasured, to empty the processor's caches for
    example. Use `time.process_time` as `clock` where waiting must not count.
    """
    names = list(works)
    for name in names * warmup:
        works[name]()
    seconds: dict[Name, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % max(1, len(names))
        for name in names[first:] + names[:first]:
            if before is not None:
                before()
            start = clock()
            works[name]()
            seconds[name].append(clock() - start)
    return seconds
