"""Seven schedules of a pipeline, as lists of actions for each rank.

  GPipe         all forwards, then all backwards
  1F1B          as few forwards ahead as keep the last rank busy, then one forward, one backward
  interleaved   1F1B with several thinner stages a rank
  ZB1P          1F1B whose weight gradients wait for idle time
  ZBV           two thin stages a rank, along a V: the last stage is back on the first rank; weights wait
  DualPipe      micro-batches from both ends, two whole stages a rank; forwards and backwards in pairs
  DualPipeV     DualPipe cut in half: two thin stages a rank along a V, so no weight is held twice

Sources: GPipe arXiv:1811.06965; 1F1B and interleaved arXiv:2104.04473; ZB1P and ZBV arXiv:2401.10241;
DualPipe DeepSeek-V3 report arXiv:2412.19437, section 3.2.1, and DeepSeek's code of the same name, whose
eight steps `_vee` follows. Left out: lists that change with measured times.
"""

from collections.abc import Callable
from functools import partial

from lessons_lib.arguments import choice, whole
from lessons_lib.parallel.actions import Action, Kind, Schedule, Step, Writer, actions


def gpipe(ranks: int, micro_batches: int) -> Schedule:
    """Return GPipe's lists: on each rank all forwards, then all backwards, in the same order."""
    kinds: tuple[Kind, ...] = ("F", "B")
    return [
        [Action(kind, rank, micro) for kind in kinds for micro in range(micro_batches)]
        for rank in range(ranks)
    ]


def one_f_one_b(
    ranks: int,
    micro_batches: int,
    stages_per_rank: int = 1,
    put_off_weights: bool = False,
    in_pairs: bool = False,
) -> Schedule:
    """Return 1F1B's lists; with several stages a rank, s on rank s modulo ranks, the interleaved form.

    `put_off_weights` gives ZB1P: on rank r the weight gradients come r backwards late. `in_pairs` does each
    forward at once with the backward that would follow it, for which ranks go further ahead. Raises
    ValueError for both together, and where the micro-batches of the interleaved form can't be dealt out in
    equal rounds of at least `ranks`.
    """
    whole(stages_per_rank=stages_per_rank)
    if put_off_weights and in_pairs:
        raise ValueError("a pair's backward is a full one: no weights to put off")
    rounds = max(1, micro_batches // ranks) if stages_per_rank > 1 else 1
    if micro_batches % rounds:
        raise ValueError(f"{micro_batches} micro-batches can't be dealt out in {rounds} equal rounds")
    a_round, total = micro_batches // rounds, micro_batches * stages_per_rank
    per_rank = 2 if in_pairs or (stages_per_rank > 1 and not put_off_weights) else 1  # there and back
    schedule: Schedule = []
    for rank in range(ranks):
        layer = [i // a_round % stages_per_rank for i in range(total)]  # a round each, then the next stage
        ahead = min((stages_per_rank - 1) * a_round + per_rank * (ranks - 1 - rank) + in_pairs, total)
        write = Writer()
        for i in range(total + ahead):
            forward = layer[i] * ranks + rank if i < total else None
            back = (stages_per_rank - 1 - layer[i - ahead]) * ranks + rank if i >= ahead else None
            if in_pairs and forward is not None and back is not None:
                write.pair(forward, back)
                continue
            if forward is not None:
                write.add("F", forward)
            if back is not None:
                write.add("I" if put_off_weights else "B", back)
                if i - ahead >= rank:
                    write.weight()
        for _ in range(rank):
            write.weight()
        schedule.append(write.steps)
    return schedule


def zbv(ranks: int, micro_batches: int) -> Schedule:
    """Return ZBV's lists: rank r holds stages r and 2 * ranks - 1 - r."""
    enough = max(2 * ranks - 1, micro_batches)  # where that is more, the rest is struck out below
    schedule: Schedule = []
    for rank in range(ranks):
        down, up, write = rank, 2 * ranks - 1 - rank, Writer()
        for _ in range(2 * (ranks - rank) - 1):  # the way down fills
            write.add("F", down)
        for _ in range(rank):  # the first ones come up again
            write.add("F", up)
            write.add("F", down)
        for _ in range(ranks - rank):
            write.add("F", up)
            write.backward(up)
        for i in range(enough - ranks):  # one of each
            if 2 * ranks - 1 - rank + i < enough:
                write.add("F", down)
            write.backward(down)
            write.add("F", up)
            write.backward(up)
        for _ in range(rank):  # the last ones hurry on, their weights wait
            write.add("I", down)
            write.add("I", up)
        for _ in range(ranks - rank):
            write.backward(down)
        for stage in (up, down):
            for _ in range(rank):
                write.weight(stage)
        schedule.append([step for step in write.steps if actions(step)[0].micro < micro_batches])
    return schedule


def _vee(rank: int, ranks: int, micro_batches: int, write: Writer, down: int, up: int) -> list[Step]:
    """Return the list of one rank of DualPipeV, whose two stages are `down` and `up`: eight steps."""
    to_go = ranks - 1 - rank  # ranks further down
    for _ in range(2 * to_go):
        write.add("F", down)
    for _ in range(rank + 1):
        write.add("F", down)
        write.add("F", up)
    for _ in range(to_go):
        write.add("I", up)
        write.weight()
        write.add("F", up)
    for i in range(micro_batches - 2 * ranks + rank + 1):  # the main part: all in pairs
        if i == 0 and to_go == 0:  # but this one, whose backward would start later in a pair
            write.add("F", down)
            write.add("B", up)
        else:
            write.pair(down, up)
        write.pair(up, down)
    for _ in range(to_go):
        write.add("B", up)
        write.pair(up, down)
    for i in range(2 * (rank + 1)):  # of these backwards the later half put their weights off
        write.add("B" if i <= rank else "I", down if i % 2 else up)
    for _ in range(to_go):
        write.weight()
        write.add("I", down)
    for _ in range(rank + 1):
        write.weight()
    return write.steps


def dualpipev(ranks: int, micro_batches: int) -> Schedule:
    """Return DualPipeV's lists: rank r holds stages r and 2 * ranks - 1 - r.

    Raises ValueError for fewer micro-batches than stages.
    """
    if micro_batches < 2 * ranks:
        raise ValueError(f"DualPipeV needs 2 micro-batches a rank, {2 * ranks}, got {micro_batches}")
    return [_vee(rank, ranks, micro_batches, Writer(), rank, 2 * ranks - 1 - rank) for rank in range(ranks)]


def dualpipe(ranks: int, micro_batches: int) -> Schedule:
    """Return DualPipe's lists: rank r holds stages r and ranks - 1 - r.

    The first half of the micro-batches enters at rank 0, the second at the last rank. Each half of the
    ranks does what DualPipeV does on as many. Raises ValueError unless ranks and micro-batches are even,
    and the micro-batches at least 2 a rank.
    """
    if ranks % 2 or micro_batches % 2 or micro_batches < 2 * ranks:
        raise ValueError(
            f"DualPipe needs an even number of ranks and of micro-batches, 2 or more a rank; "
            f"got {ranks} and {micro_batches}"
        )
    half, schedule = micro_batches // 2, []
    for rank in range(ranks):
        near = min(rank, ranks - 1 - rank)  # how far from its end of the pipeline
        far = ranks - 1 - near
        first = {far: half} if rank == near else {near: half}
        schedule.append(_vee(near, ranks // 2, half, Writer(first), near, far))
    return schedule


MOST = 10**5  # ranks or micro-batches of a schedule
SCHEDULES: dict[str, Callable[[int, int], Schedule]] = {
    "GPipe": gpipe,
    "1F1B": one_f_one_b,
    "interleaved": partial(one_f_one_b, stages_per_rank=2),
    "ZB1P": partial(one_f_one_b, put_off_weights=True),
    "ZBV": zbv,
    "DualPipe": dualpipe,
    "DualPipeV": dualpipev,
}


def make_schedule(name: str, ranks: int, micro_batches: int) -> Schedule:
    """Return the lists of the schedule `name`, one of `SCHEDULES`; interleaved has two stages a rank.

    Raises ValueError for an unknown name, and where the schedule can't have so many ranks or micro-batches.
    """
    choice(SCHEDULES, schedule=name)
    whole(1, MOST, ranks=ranks, micro_batches=micro_batches)
    return SCHEDULES[name](ranks, micro_batches)
