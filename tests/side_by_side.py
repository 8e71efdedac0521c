"""Run lessons' checks side by side: each trains in one process then, so that two cores always have work.

One after the other, a lesson's two worker processes leave a core idle a fifth of the time: at the end of
every pool, and in all cells that train nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from calling import Interrupted, Result, end_all

GLANCE = 1.0  # seconds; Windows hears Ctrl-C between two waits only


@dataclass(frozen=True)
class Task:
    """One check; it is begun when those named in `after` are over, and nothing runs beside one `alone`."""

    name: str
    run: Callable[[], Result]
    seconds: float = 0.0  # about; what holds up most work begins first
    after: frozenset[str] = frozenset()
    alone: bool = False


def side_by_side(tasks: Iterable[Task], places: int) -> Iterator[Result]:
    """Run tasks, up to `places` at a time, and yield each result as it comes.

    A name in `after` that is no task's is no hindrance. At Ctrl-C all calls under way are ended, and
    Interrupted is raised with what they had come to. ValueError where tasks wait for each other.
    """
    waiting = first_first(list(tasks))
    under_way: dict[Future, Task] = {}
    with ThreadPoolExecutor(places) as pool:
        try:
            while waiting or under_way:
                while task := _next(waiting, list(under_way.values()), places):
                    waiting.remove(task)
                    under_way[pool.submit(task.run)] = task
                if not under_way:
                    raise ValueError(f"{', '.join(task.name for task in waiting)} wait for each other")
                over, _ = wait(under_way, timeout=GLANCE, return_when=FIRST_COMPLETED)
                for future in over:
                    result = future.result()
                    del under_way[future]
                    yield result
        except KeyboardInterrupt:
            end_all()
            raise Interrupted(*(result for future in under_way for result in _left(future))) from None
        finally:
            end_all()


def first_first(tasks: list[Task]) -> list[Task]:
    """Order tasks by how much time hangs on them: their own, and that of the longest chain behind them."""

    def behind(task: Task, seen: frozenset[str] = frozenset()) -> float:
        followers = [t for t in tasks if task.name in t.after and t.name not in seen]
        return task.seconds + max((behind(t, seen | {task.name}) for t in followers), default=0.0)

    return sorted(tasks, key=behind, reverse=True)


def _next(waiting: list[Task], under_way: list[Task], places: int) -> Task | None:
    """Return the first task that may begin now."""
    if len(under_way) == places or any(task.alone for task in under_way):
        return None
    held_up = {task.name for task in [*waiting, *under_way]}
    free = [task for task in waiting if not task.after & held_up]
    if not under_way:
        return free[0] if free else None
    return next((task for task in free if not task.alone), None)


def _left(future: Future) -> tuple[Result, ...]:
    """Return what a call had come to that was ended early."""
    try:
        return (future.result(),)
    except Interrupted as stop:
        return stop.results
