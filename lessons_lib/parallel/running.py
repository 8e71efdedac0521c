"""Real processes that do the lists of a schedule: the ones that `simulate` reads, on a model that learns.

A stage's output goes to the rank of the next one, its input's gradient back. Each rank holds its own stages'
parameters and no others. A pair's two halves are done one after the other: a processor has no links to hide.
Letters: M micro-batches, N texts in one of them, T tokens of a text.
"""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from lessons_lib.arguments import takes, whole
from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer
from lessons_lib.parallel.actions import Action, Schedule, actions, n_stages
from lessons_lib.parallel.pipeline import Span, Timeline
from lessons_lib.parallel.processes import run_processes
from lessons_lib.parallel.put_off import Job, PutOff, compute
from lessons_lib.parallel.stages import keep_stages, layers_of, stage_forward

Place = tuple[int, int]  # stage, micro-batch
TOWARDS = {"F": 1, "B": -1, "I": -1, "W": 0}  # to the next stage, or back


class Ran(NamedTuple):
    """What a step of a pipeline gave: the mean loss, {name: gradient}, and how it went."""

    loss: float
    gradients: dict[str, Tensor]
    timeline: Timeline  # measured, in seconds
    parameters: list[int]  # that each rank holds
    sent: list[int]  # bytes that each rank sent
    held: list[int]  # most (stage, micro-batch) whose activations each rank held


@dataclass
class Rank:
    """One rank at work: its part of the model, what it holds, and its messages."""

    model: Transformer
    schedule: Schedule
    micro_batches: Tensor  # (M, N, T + 1)
    put_off: PutOff
    rank: int
    loss: float = 0.0
    sent: int = 0
    held: int = 0
    spans: list[Span] = field(default_factory=list)
    _kept: dict[Place, tuple[Tensor, Tensor]] = field(default_factory=dict)  # input and output
    _jobs: dict[Place, list[Job]] = field(default_factory=dict)
    _letters: dict[int, Tensor] = field(default_factory=dict)  # to itself
    _sending: list = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stages = n_stages(self.schedule)
        ranks = enumerate(self.schedule)
        self.home = {a[1:]: rank for rank, steps in ranks for step in steps for a in actions(step)}

    def step(self) -> None:
        """Do the whole list; gradients are those of the mean over all micro-batches."""
        for step in self.schedule[self.rank]:
            received = [self._receive(action) for action in actions(step)]  # waits until it is there
            start = time.perf_counter()
            letters = [self._compute(action, x) for action, x in zip(actions(step), received)]
            self.spans.append(Span(step, start, time.perf_counter()))
            for action, letter in zip(actions(step), letters):
                if letter is not None:
                    self._send(action, letter.detach())
        for work, _ in self._sending:
            work.wait()

    def _compute(self, action: Action, received: Tensor | None) -> Tensor | None:
        """Do one action with the message that it needed; return what it has to send."""
        kind, stage, micro = action
        place = (stage, micro)
        if kind == "W":
            compute(self._jobs.pop(place))
            return None
        if kind == "F":
            texts = self.micro_batches[micro]
            x = texts[:, :-1] if received is None else received.requires_grad_()
            out = stage_forward(self.model, stage, self.stages, x)
            if last := stage == self.stages - 1:
                out = F.cross_entropy(out.flatten(0, 1), texts[:, 1:].flatten()) / len(self.micro_batches)
                self.loss += out.item()
            self._kept[place] = (x, out)
            self.held = max(self.held, len(self._kept) + len(self._jobs))
            return None if last else out
        x, out = self._kept.pop(place)
        with self.put_off.collecting() as jobs:
            out.backward(received)
        if kind == "B":
            compute(jobs)
        else:
            self._jobs[place] = jobs
        return x.grad  # None for the tokens of the first stage

    def _receive(self, action: Action) -> Tensor | None:
        """Return what the stage before this action hands on, None where the action needs nothing."""
        kind, stage, micro = action
        sender = stage - TOWARDS[kind]
        if sender == stage or not 0 <= sender < self.stages:
            return None
        tag, origin = self._tag(kind, stage, micro), self.home[sender, micro]
        if origin == self.rank:
            return self._letters.pop(tag)
        n, length = self.micro_batches.shape[1], self.micro_batches.shape[2] - 1
        letter = torch.empty(n, length, self.model.config.dim, dtype=next(self.model.parameters()).dtype)
        dist.recv(letter, origin, tag=tag)
        return letter

    def _send(self, action: Action, letter: Tensor) -> None:
        """Send an output to the rank of the next stage, or an input's gradient to that of the one before."""
        receiver = action.stage + TOWARDS[action.kind]
        tag, to = self._tag(action.kind, receiver, action.micro), self.home[receiver, action.micro]
        if to == self.rank:
            self._letters[tag] = letter
            return
        self._sending.append((dist.isend(letter, to, tag=tag), letter))  # kept until it is sent
        self.sent += letter.nbytes

    def _tag(self, kind: str, receiver: int, micro: int) -> int:
        """Return a number that no other message has."""
        return 2 * (micro * self.stages + receiver) + (TOWARDS[kind] > 0)


def work(schedule: Schedule, config: ModelConfig, state: dict[str, Tensor], texts: Tensor) -> tuple:
    """Do this process's part of a step, twice: the first time warms up, the second is told of."""
    rank, put_off, stages = dist.get_rank(), PutOff(), n_stages(schedule)
    mine = {action.stage for step in schedule[rank] for action in actions(step)}
    model = Transformer(config, linear=put_off.linear).to(next(iter(state.values())).dtype)
    model.load_state_dict(state)
    keep_stages(model, mine, stages)
    for _ in range(2):
        model.zero_grad(set_to_none=True)
        dist.barrier()
        worker = Rank(model, schedule, texts, put_off, rank)
        worker.step()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    n_parameters = sum(weight.numel() for weight in model.parameters())
    return worker.loss, gradients, worker.spans, n_parameters, worker.sent, worker.held


@takes(tokens="whole texts length")
def step_in_pipeline(schedule: Schedule, model: Transformer, tokens: Tensor, micro_batches: int) -> Ran:
    """Compute loss and gradients of the mean loss over tokens (texts, length) in a process for each rank.

    Where two ranks hold a stage, as in DualPipe, their gradients are added. Raises ValueError where layers
    or texts can't be cut equally, or the schedule has another number of micro-batches.
    """
    whole(micro_batches=micro_batches)
    layers_of(model.config, 0, n_stages(schedule))
    known = {action.micro for steps in schedule for step in steps for action in actions(step)}
    if known != set(range(micro_batches)):
        raise ValueError(f"the schedule has {len(known)} micro-batches, asked for were {micro_batches}")
    if len(tokens) % micro_batches:
        raise ValueError(f"{len(tokens)} texts can't be dealt out to {micro_batches} micro-batches equally")
    pieces = tokens.unflatten(0, (micro_batches, -1))  # (M, N, T + 1)
    ranks = run_processes(work, schedule, model.config, model.state_dict(), pieces, n=len(schedule))
    losses, found, spans, parameters, sent, held = zip(*ranks)
    gradients: dict[str, Tensor] = {}
    for of in found:
        for name, grad in of.items():
            gradients[name] = gradients[name] + grad if name in gradients else grad
    begin = min(of[0].start for of in spans)
    measured = (tuple(Span(s.step, s.start - begin, s.end - begin) for s in of) for of in spans)
    return Ran(sum(losses), gradients, Timeline(tuple(measured)), list(parameters), list(sent), list(held))
