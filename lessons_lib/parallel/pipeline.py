"""When each piece of work of a schedule begins and ends: a pipeline simulated exactly.

One rule: a rank does its list in order, each step as soon as the rank is free and all that it needs is
there. Left out: links that are busy, times that differ from stage to stage or vary.
"""

from dataclasses import dataclass
from typing import NamedTuple

from lessons_lib.arguments import instance, number
from lessons_lib.parallel.actions import Action, Pair, Schedule, Step, actions, check_schedule, n_stages


@dataclass(frozen=True)
class Costs:
    """Times for a rank's share of the model and one micro-batch; ValueError unless 0 or more."""

    forward: float = 1.0
    input: float = 1.0  # the backward for the input
    weight: float = 1.0  # the gradient of the weights
    pair: float | None = None  # forward and full backward done at once; None: one after the other
    send: float = 0.0  # from one rank to another, any size

    def __post_init__(self) -> None:
        number(0, forward=self.forward, input=self.input, weight=self.weight, send=self.send)
        if self.pair is not None:
            number(0, pair=self.pair)

    @property
    def backward(self) -> float:
        """Return the time of a full backward."""
        return self.input + self.weight

    @property
    def together(self) -> float:
        """Return the time of a pair, F&B in DeepSeek's formulas."""
        return self.forward + self.backward if self.pair is None else self.pair

    def with_traffic(self, ratio: float) -> "Costs":
        """Return the costs where experts' traffic takes `ratio` times as long as all the computation.

        Half of it comes with the forward, half with the backward for the input, and both have to wait. In a
        pair each hides behind the other's computation, so the longer of the two counts.
        """
        number(0, ratio=ratio)
        computed = self.forward + self.backward
        half = ratio * computed / 2
        pair = max(computed, ratio * computed)
        return Costs(self.forward + half, self.input + half, self.weight, pair, self.send)

    def of(self, step: Step) -> float:
        """Return the time of a step on a rank's whole share."""
        if isinstance(step, Pair):
            return self.together
        return {"F": self.forward, "B": self.backward, "I": self.input, "W": self.weight}[step.kind]


class Span(NamedTuple):
    """A step and when it was done."""

    step: Step
    start: float
    end: float


@dataclass(frozen=True)
class Timeline:
    """What `simulate` returns: for each rank its spans, in order."""

    spans: tuple[tuple[Span, ...], ...]

    @property
    def makespan(self) -> float:
        """Return when the last rank is done."""
        return max(spans[-1].end for spans in self.spans)

    @property
    def busy(self) -> list[float]:
        """Return how long each rank works."""
        return [sum(span.end - span.start for span in spans) for spans in self.spans]

    @property
    def waiting(self) -> list[float]:
        """Return how long each rank waits from the start of the step to its end: the bubble."""
        return [self.makespan - busy for busy in self.busy]

    @property
    def waiting_inside(self) -> list[float]:
        """Return how long each rank waits between its own first and last piece of work."""
        return [spans[-1].end - spans[0].start - busy for spans, busy in zip(self.spans, self.busy)]

    @property
    def peaks(self) -> list[int]:
        """Return for how many (stage, micro-batch) at most each rank holds activations at once.

        They are held from the forward to the backward, or until the weights have their gradient.
        """
        peaks = []
        for spans in self.spans:
            held = peak = 0
            for action in (action for span in spans for action in actions(span.step)):
                held += {"F": 1, "B": -1, "I": 0, "W": -1}[action.kind]
                peak = max(peak, held)
            peaks.append(peak)
        return peaks


def needs(action: Action, last: int) -> list[tuple[str, int, int]]:
    """Return what must be done before: (F or B, stage, micro-batch); `last` is the last stage."""
    kind, stage, micro = action
    if kind == "F":
        return [("F", stage - 1, micro)] if stage else []
    if kind == "W":
        return [("B", stage, micro)]
    return [("F", stage, micro)] + ([("B", stage + 1, micro)] if stage < last else [])


def simulate(schedule: Schedule, costs: Costs = Costs()) -> Timeline:
    """Return the timeline of a schedule, whose costs are for a rank's equal share of the model.

    A stage is ranks / stages of that share (with two thin stages a rank, half). Raises ValueError where a
    piece of work stands twice, and where ranks wait for each other for ever.
    """
    check_schedule(schedule)
    instance(Costs, costs=costs)
    last = n_stages(schedule) - 1
    share = len(schedule) / (last + 1)
    done: dict[tuple[str, int, int], tuple[float, int]] = {}  # -> (when, on which rank)
    spans: list[list[Span]] = [[] for _ in schedule]
    moved = True
    while moved:
        moved = False
        for rank, steps in enumerate(schedule):
            for step in steps[len(spans[rank]) :]:
                wanted = [key for action in actions(step) for key in needs(action, last)]
                if not all(key in done for key in wanted):
                    break
                arrived = [done[key][0] + costs.send * (done[key][1] != rank) for key in wanted]
                start = max([spans[rank][-1].end if spans[rank] else 0.0, *arrived])
                spans[rank].append(Span(step, start, start + share * costs.of(step)))
                for kind, stage, micro in actions(step):
                    for part in {"B": "BW", "I": "B"}.get(kind, kind):
                        if (part, stage, micro) in done:
                            raise ValueError(f"{part} of stage {stage}, micro-batch {micro} stands twice")
                        done[part, stage, micro] = (spans[rank][-1].end, rank)
                moved = True
    for rank, steps in enumerate(schedule):
        if len(spans[rank]) < len(steps):
            raise ValueError(f"rank {rank} waits for ever before {steps[len(spans[rank])]}")
    return Timeline(tuple(map(tuple, spans)))
