"""Lesson 11: answers to the exercises on pipelines."""

import torch

from lessons_lib.checks.filling_the_pipeline.ends import FORWARDS_END
from lessons_lib.checks.filling_the_pipeline.kept import ACTIVATIONS_KEPT
from lessons_lib.checks.filling_the_pipeline.order import ORDER_1F1B
from lessons_lib.checks.filling_the_pipeline.share import WAITING_SHARE
from wrong_answers import refused, right, wrong

# --- forwards_end


@right(FORWARDS_END)
def row_by_row(times, micro_batches):
    free, rows = torch.zeros(len(times)), []
    for _ in range(micro_batches):
        here, row = torch.tensor(0.0), []
        for rank in range(len(times)):
            here = max(here, free[rank]) + times[rank]
            row.append(here)
        free = torch.stack(row)
        rows.append(free)
    return torch.stack(rows)


@right(FORWARDS_END)
def along_the_longest_way(times, micro_batches):
    """The last to come is behind the slowest rank passed so far: it holds up all but the first."""
    first, slowest = times.cumsum(0), times.cummax(0).values
    return first + slowest * torch.arange(micro_batches).unsqueeze(1)


@wrong(FORWARDS_END, "a rank does not wait for the one before")
def each_for_itself(times, micro_batches):
    return torch.arange(1, micro_batches + 1).unsqueeze(1) * times


@wrong(FORWARDS_END, "a rank does not wait for the one before")
def each_for_itself_in_a_loop(times, micro_batches):
    end = torch.zeros(micro_batches, len(times))
    for i in range(micro_batches):
        end[i] = times + (end[i - 1] if i else 0)
    return end


@wrong(FORWARDS_END, "a rank does several micro-batches at once")
def all_at_once(times, micro_batches):
    return times.cumsum(0).repeat(micro_batches, 1)


@wrong(FORWARDS_END, "a rank does several micro-batches at once")
def all_at_once_in_a_loop(times, micro_batches):
    rows = []
    for _ in range(micro_batches):
        clock, row = 0.0, []
        for time in times.tolist():
            clock += time
            row.append(clock)
        rows.append(row)
    return torch.tensor(rows)


@wrong(FORWARDS_END, "one micro-batch after the other")
def never_two_in_the_pipeline(times, micro_batches):
    return times.repeat(micro_batches).cumsum(0).view(micro_batches, -1)


@wrong(FORWARDS_END, "one micro-batch after the other")
def one_clock(times, micro_batches):
    clock, end = 0.0, torch.zeros(micro_batches, len(times))
    for i in range(micro_batches):
        for rank in range(len(times)):
            clock = clock + times[rank].item()
            end[i, rank] = clock
    return end


@wrong(FORWARDS_END, "both waits added up")
def sum_of_waits(times, micro_batches):
    end = torch.zeros(micro_batches + 1, len(times) + 1)
    for i in range(micro_batches):
        for rank in range(len(times)):
            end[i + 1, rank + 1] = end[i, rank + 1] + end[i + 1, rank] + times[rank]
    return end[1:, 1:]


@wrong(FORWARDS_END, "both waits added up")
def running_sums(times, micro_batches):
    free, rows = torch.zeros(len(times)), []
    for _ in range(micro_batches):
        free = (free + times).cumsum(0)
        rows.append(free)
    return torch.stack(rows)


@wrong(FORWARDS_END, "all ranks taken as equally fast")
def by_the_formula(times, micro_batches):
    i, rank = torch.meshgrid(torch.arange(micro_batches), torch.arange(len(times)), indexing="ij")
    return (i + rank + 1) * times


@wrong(FORWARDS_END, "all ranks taken as equally fast")
def by_the_formula_in_a_loop(times, micro_batches):
    return torch.tensor(
        [[(i + r + 1) * t for r, t in enumerate(times.tolist())] for i in range(micro_batches)]
    )


@wrong(FORWARDS_END, "when they begin")
def beginnings(times, micro_batches):
    return along_the_longest_way(times, micro_batches) - times


@wrong(FORWARDS_END, "when they begin")
def beginnings_in_a_loop(times, micro_batches):
    begin = torch.zeros(micro_batches, len(times))
    for i in range(micro_batches):
        for rank in range(len(times)):
            before = begin[i, rank - 1] + times[rank - 1] if rank else 0.0
            own = begin[i - 1, rank] + times[rank] if i else 0.0
            begin[i, rank] = max(before, own)
    return begin


# --- order_1f1b


def written(ahead, micro_batches):
    """Return a list with so many forwards ahead."""
    work = [i + 1 for i in range(ahead)]
    for i in range(micro_batches):
        if ahead + i < micro_batches:
            work.append(ahead + i + 1)
        work.append(-(i + 1))
    return torch.tensor(work)


def counted(ahead, micro_batches):
    """Return the same from two counters."""
    forwards = backwards = 0
    work = []
    while backwards < micro_batches:
        if forwards < micro_batches and forwards - backwards <= ahead:
            forwards += 1
            work.append(forwards)
        else:
            backwards += 1
            work.append(-backwards)
    return torch.tensor(work)


@right(ORDER_1F1B)
def ahead_then_in_turns(rank, ranks, micro_batches):
    return written(min(ranks - 1 - rank, micro_batches), micro_batches)


@right(ORDER_1F1B)
def by_two_counters(rank, ranks, micro_batches):
    return counted(ranks - 1 - rank, micro_batches)


@wrong(ORDER_1F1B, "one too many ahead")
def last_rank_too(rank, ranks, micro_batches):
    return written(min(ranks - rank, micro_batches), micro_batches)


@wrong(ORDER_1F1B, "one too many ahead")
def last_rank_too_counted(rank, ranks, micro_batches):
    return counted(ranks - rank, micro_batches)


@wrong(ORDER_1F1B, "one too few ahead")
def ranks_between(rank, ranks, micro_batches):
    return written(min(max(ranks - rank - 2, 0), micro_batches), micro_batches)


@wrong(ORDER_1F1B, "one too few ahead")
def ranks_between_counted(rank, ranks, micro_batches):
    return counted(max(ranks - rank - 2, 0), micro_batches)


@wrong(ORDER_1F1B, "counted from the first rank")
def upside_down(rank, ranks, micro_batches):
    return written(min(rank, micro_batches), micro_batches)


@wrong(ORDER_1F1B, "counted from the first rank")
def upside_down_counted(rank, ranks, micro_batches):
    return counted(rank, micro_batches)


@wrong(ORDER_1F1B, "as far ahead on every rank")
def all_like_the_first(rank, ranks, micro_batches):
    return written(min(ranks - 1, micro_batches), micro_batches)


@wrong(ORDER_1F1B, "as far ahead on every rank")
def all_like_the_first_counted(rank, ranks, micro_batches):
    return counted(ranks - 1, micro_batches)


@wrong(ORDER_1F1B, "all forwards first")
def gpipe(rank, ranks, micro_batches):
    numbers = torch.arange(1, micro_batches + 1)
    return torch.cat([numbers, -numbers])


@wrong(ORDER_1F1B, "all forwards first")
def gpipe_counted(rank, ranks, micro_batches):
    return counted(micro_batches, micro_batches)


@wrong(ORDER_1F1B, "micro-batches that are not there")
def not_capped(rank, ranks, micro_batches):
    return written(ranks - 1 - rank, micro_batches)


@wrong(ORDER_1F1B, "micro-batches that are not there")
def not_capped_by_slices(rank, ranks, micro_batches):
    ahead = ranks - 1 - rank
    forwards = [ahead + i for i in range(1, max(micro_batches - ahead, 0) + 1)]
    backwards = [-i for i in range(1, micro_batches + 1)]
    turns = [x for pair in zip(forwards, backwards) for x in pair]
    return torch.tensor([*range(1, ahead + 1), *turns, *backwards[len(forwards) :]])


@wrong(ORDER_1F1B, "micro-batches counted from 0")
def ranges_that_begin_at_0(rank, ranks, micro_batches):
    ahead = min(ranks - 1 - rank, micro_batches)
    work = [*range(ahead)]
    for i in range(micro_batches - ahead):
        work += [ahead + i, -i]
    return torch.tensor(work + [-i for i in range(micro_batches - ahead, micro_batches)])


@wrong(ORDER_1F1B, "micro-batches counted from 0")
def two_counters_from_0(rank, ranks, micro_batches):
    forward = backward = 0
    work = []
    while backward < micro_batches:
        if forward < micro_batches and forward - backward < ranks - rank:
            work.append(forward)
            forward += 1
        else:
            work.append(-backward)
            backward += 1
    return torch.tensor(work)


# --- activations_kept


@right(ACTIVATIONS_KEPT)
def running_count(kinds):
    held = most = 0
    for kind in kinds.tolist():
        held += 1 if kind == 0 else 0 if kind == 2 else -1
        most = max(most, held)
    return most


@right(ACTIVATIONS_KEPT)
def running_sum(kinds):
    changes = torch.tensor([1, -1, 0, -1])[kinds]
    return max([0, *changes.cumsum(0).tolist()])


def peak(kinds, changes):
    return max([0, *torch.tensor(changes)[kinds].cumsum(0).tolist()])


def peak_by_loop(kinds, comes, goes):
    """Count up at these kinds and down at those."""
    held, seen = 0, [0]
    for kind in kinds.tolist():
        held = held + 1 if kind in comes else held - 1 if kind in goes else held
        seen.append(held)
    return max(seen)


@wrong(ACTIVATIONS_KEPT, "let go with the input's backward")
def without_weights(kinds):
    return peak(kinds, [1, -1, -1, 0])


@wrong(ACTIVATIONS_KEPT, "let go with the input's backward")
def without_weights_by_loop(kinds):
    return peak_by_loop(kinds, (0,), (1, 2))


@wrong(ACTIVATIONS_KEPT, "let go twice")
def every_backward(kinds):
    return peak(kinds, [1, -1, -1, -1])


@wrong(ACTIVATIONS_KEPT, "let go twice")
def every_backward_by_loop(kinds):
    return peak_by_loop(kinds, (0,), (1, 2, 3))


@wrong(ACTIVATIONS_KEPT, "only a full backward lets go")
def full_only(kinds):
    return peak(kinds, [1, -1, 0, 0])


@wrong(ACTIVATIONS_KEPT, "only a full backward lets go")
def full_only_by_loop(kinds):
    return peak_by_loop(kinds, (0,), (1,))


@wrong(ACTIVATIONS_KEPT, "never let go")
def all_forwards(kinds):
    return int((kinds == 0).sum())


@wrong(ACTIVATIONS_KEPT, "never let go")
def all_forwards_by_loop(kinds):
    return sum(kind == 0 for kind in kinds.tolist())


@wrong(ACTIVATIONS_KEPT, "only those before the first backward")
def the_beginning(kinds):
    for place, kind in enumerate(kinds.tolist()):
        if kind != 0:
            return place
    return len(kinds)


@wrong(ACTIVATIONS_KEPT, "only those before the first backward")
def the_beginning_by_product(kinds):
    return int((kinds == 0).int().cumprod(0).sum())


# --- waiting_share


@right(WAITING_SHARE)
def one_less_work(starts, ends):
    return 1 - (ends - starts).sum(dim=1) / ends.max()


@right(WAITING_SHARE)
def rank_by_rank(starts, ends):
    step = max(ends.flatten().tolist())
    return torch.tensor([(step - sum((e - s).tolist())) / step for s, e in zip(starts, ends)])


@wrong(WAITING_SHARE, "between a rank's own first and last piece")
def inside(starts, ends):
    span = ends[:, -1] - starts[:, 0]
    return (span - (ends - starts).sum(1)) / span


@wrong(WAITING_SHARE, "between a rank's own first and last piece")
def gaps_between(starts, ends):
    gaps = (starts[:, 1:] - ends[:, :-1]).sum(1)
    return gaps / (ends.max(1).values - starts.min(1).values)


@wrong(WAITING_SHARE, "to a rank's own end")
def own_end(starts, ends):
    return 1 - (ends - starts).sum(1) / ends[:, -1]


@wrong(WAITING_SHARE, "to a rank's own end")
def own_end_by_loop(starts, ends):
    return torch.stack([(e.max() - (e - s).sum()) / e.max() for s, e in zip(starts, ends)])


@wrong(WAITING_SHARE, "from a rank's own start")
def own_start(starts, ends):
    span = ends.max() - starts[:, 0]
    return (span - (ends - starts).sum(1)) / span


@wrong(WAITING_SHARE, "from a rank's own start")
def own_start_by_loop(starts, ends):
    last = ends.max()
    return torch.stack([1 - (e - s).sum() / (last - s.min()) for s, e in zip(starts, ends)])


@wrong(WAITING_SHARE, "the share of work")
def work(starts, ends):
    return (ends - starts).sum(1) / ends.max()


@wrong(WAITING_SHARE, "the share of work")
def work_by_loop(starts, ends):
    return torch.stack([(e - s).sum() / ends.max() for s, e in zip(starts, ends)])


@wrong(WAITING_SHARE, "relative to the work")
def beside_the_work(starts, ends):
    busy = (ends - starts).sum(1)
    return (ends.max() - busy) / busy


@wrong(WAITING_SHARE, "relative to the work")
def beside_the_work_by_loop(starts, ends):
    return torch.stack([ends.max() / (e - s).sum() - 1 for s, e in zip(starts, ends)])


@wrong(FORWARDS_END, "all ranks in step")
def all_ranks_in_step(times, micro_batches):
    step = torch.arange(micro_batches)[:, None] + torch.arange(len(times)) + 1
    return step * times.max().float()


@wrong(FORWARDS_END, "all ranks in step")
def steps_of_the_slowest(times, micro_batches):
    ends = torch.zeros(micro_batches, len(times))
    for m in range(micro_batches):
        for r in range(len(times)):
            ends[m, r] = (m + r + 1) * max(times.tolist())
    return ends


@wrong(FORWARDS_END, "only the first rank is ever busy")
def only_the_first_rank_is_ever_busy(times, micro_batches):
    return times.cumsum(0) + torch.arange(micro_batches)[:, None] * times[0].float()


@wrong(FORWARDS_END, "only the first rank is ever busy")
def later_by_the_first_ranks_time(times, micro_batches):
    ends = torch.zeros(micro_batches, len(times))
    for m in range(micro_batches):
        ends[m] = m * times[0] + torch.cumsum(times, 0)
    return ends


@wrong(ACTIVATIONS_KEPT, "the longest run of forwards")
def the_longest_run_of_forwards(kinds):
    run = most = 0
    for kind in kinds.tolist():
        run = run + 1 if kind == 0 else 0
        most = max(most, run)
    return most


@wrong(ACTIVATIONS_KEPT, "the longest run of forwards")
def longest_run(kinds):
    most, now = 0, 0
    for kind in kinds:
        now = now + 1 if kind == 0 else 0
        most = max(most, now)
    return most


@wrong(ACTIVATIONS_KEPT, "where the most are held")
def where_the_most_are_held(kinds):
    return torch.tensor([1, -1, 0, -1])[kinds].cumsum(0).argmax()


@wrong(ACTIVATIONS_KEPT, "where the most are held")
def place_of_the_most(kinds):
    held, best, place = 0, 0, 0
    for i, kind in enumerate(kinds.tolist()):
        held += (1, -1, 0, -1)[kind]
        if held > best:
            best, place = held, i
    return place


@wrong(WAITING_SHARE, "time for share")
def time_for_share(starts, ends):
    return ends.max() - (ends - starts).sum(1)


@wrong(WAITING_SHARE, "time for share")
def waiting_in_seconds(starts, ends):
    return torch.stack([ends.max() - sum(e - s) for s, e in zip(starts, ends)])


@right(ACTIVATIONS_KEPT)
def most_of_a_running_sum(kinds):
    change = torch.tensor([1, -1, 0, -1])[kinds]
    return change.cumsum(0).max()


@right(ACTIVATIONS_KEPT)
def largest_running_count(kinds):
    steps = (kinds == 0).int() - (kinds == 1).int() - (kinds == 3).int()
    return int(torch.cumsum(steps, 0).max())


@refused(WAITING_SHARE, "nobody works before 1")
def from_the_first_start(starts, ends):
    return 1 - (ends - starts).sum(1) / (ends.max() - starts.min())
