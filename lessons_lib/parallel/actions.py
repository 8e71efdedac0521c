"""What a rank of a pipeline does, one piece of work after the other.

A model of many layers is cut into stages, a batch into micro-batches. A schedule is a list for each rank of
what it does in which order; when it does it follows from what each piece of work has to wait for.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lessons_lib.arguments import choice, whole
from lessons_lib.axes import text

Kind = Literal["F", "B", "I", "W"]


class Action(NamedTuple):
    """One stage's work on one micro-batch: forward F, or backward B, which is I and W together.

    I is the backward for the input, which the stage before waits for; W is the gradient of the weights,
    which nobody waits for.
    """

    kind: Kind
    stage: int
    micro: int  # the micro-batch

    def __str__(self) -> str:
        return f"{self.kind}{self.micro}@{self.stage}"


class Pair(NamedTuple):
    """A forward and a backward done at once, each hiding the other's communication."""

    forward: Action
    backward: Action

    def __str__(self) -> str:
        return f"{self.forward}&{self.backward}"


Step = Action | Pair
Schedule = list[list[Step]]  # for each rank, in its order


def actions(step: Step) -> tuple[Action, ...]:
    """Return the one or two actions of a step."""
    return (step,) if isinstance(step, Action) else (step.forward, step.backward)


def check_schedule(schedule: Schedule) -> None:
    """Raise, with the place, unless a schedule is a list of steps for each rank, of things that there are."""
    if not isinstance(schedule, (list, tuple)) or not schedule:
        raise TypeError(f"a schedule must be a list of steps for each rank, got {text(schedule)}")
    for rank, steps in enumerate(schedule):
        if not isinstance(steps, (list, tuple)):
            raise TypeError(f"what rank {rank} does must be a list of steps, got {text(steps)}")
        for place, step in enumerate(steps):
            at = f"step {place} of rank {rank}"
            if not isinstance(step, (Action, Pair)):
                raise TypeError(f"{at} must be an Action or a Pair, got {text(step)}")
            for action in actions(step):
                if not isinstance(action, Action):
                    raise TypeError(f"{at} must be a pair of Actions, got {text(action)}")
                choice(("F", "B", "I", "W"), **{f"the kind of {at}": action.kind})
                whole(0, 10**6, **{f"the stage of {at}": action.stage})
                whole(0, **{f"the micro-batch of {at}": action.micro})


def n_stages(schedule: Schedule) -> int:
    """Return how many stages the schedule's model is cut into; ValueError for an empty schedule."""
    stages = [action.stage for steps in schedule for step in steps for action in actions(step)]
    if not stages:
        raise ValueError("a schedule needs at least one step")
    return max(stages) + 1


@dataclass
class Writer:
    """Writes one rank's list; the next micro-batch of a kind and a stage follows by itself.

    `first` is {stage: its first micro-batch}, where that is not 0. A weight gradient put off by an `I` waits
    until `weight` takes the oldest.
    """

    first: dict[int, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    _next: dict[tuple[str, int], int] = field(default_factory=dict)
    _put_off: deque[tuple[int, int]] = field(default_factory=deque)  # (stage, micro-batch)

    def _action(self, kind: Kind, stage: int) -> Action:
        key = ("F" if kind == "F" else "B", stage)
        micro = self._next.get(key, self.first.get(stage, 0))
        self._next[key] = micro + 1
        if kind == "I":
            self._put_off.append((stage, micro))
        return Action(kind, stage, micro)

    def add(self, kind: Kind, stage: int) -> None:
        """Append a forward or backward."""
        self.steps.append(self._action(kind, stage))

    def pair(self, forward_stage: int, backward_stage: int) -> None:
        """Append a forward and a full backward done at once."""
        self.steps.append(Pair(self._action("F", forward_stage), self._action("B", backward_stage)))

    def backward(self, stage: int) -> None:
        """Append a backward for the input, and the stage's oldest weight gradient behind it."""
        self.add("I", stage)
        self.weight(stage)

    def weight(self, stage: int | None = None) -> None:
        """Append the oldest weight gradient that was put off, of this stage if one is named; or nothing."""
        waiting = [of for of in self._put_off if stage is None or of[0] == stage]
        if waiting:
            self._put_off.remove(waiting[0])
            self.steps.append(Action("W", *waiting[0]))
