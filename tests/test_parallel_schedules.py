"""Schedules of a pipeline: equal to torch's lists, complete, and refused where they can't be."""

import warnings

import pytest

from lessons_lib.parallel.actions import Action, Pair, Writer, actions, n_stages
from lessons_lib.parallel.pipeline import simulate
from lessons_lib.parallel.schedules import SCHEDULES, gpipe, make_schedule, one_f_one_b

IN_TORCH = {
    "GPipe": ("GPipe", None),
    "1F1B": ("1F1B", None),
    "interleaved": ("Interleaved1F1B", 2),
    "ZBV": ("ZBVZeroBubble", 2),
    "DualPipeV": ("DualPipeV", 2),
}
SIZES = [(2, 4), (2, 6), (4, 8), (4, 12), (8, 16), (8, 24)]


def torch_lists(name, ranks, micro_batches, stages_per_rank):
    """Return torch's own lists in our form, idle slots and the reduction of gradients left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.distributed.pipelining._schedule_visualizer import get_schedule_ops

        lists = get_schedule_ops(name, ranks, micro_batches, stages_per_rank)

    def ours(theirs):
        if theirs.sub_actions:
            return Pair(*map(ours, theirs.sub_actions))
        return Action(theirs.computation_type.value, theirs.stage_index, theirs.microbatch_index)

    skip = ("REDUCE_GRAD", "UNSHARD", "RESHARD")
    return [
        [ours(a) for a in steps if a is not None and a.computation_type.value not in skip] for steps in lists
    ]


@pytest.mark.parametrize(("ranks", "micro_batches"), SIZES)
@pytest.mark.parametrize("name", [name for name in IN_TORCH if name != "1F1B"])
def test_lists_equal_torchs(name, ranks, micro_batches):
    expected = torch_lists(IN_TORCH[name][0], ranks, micro_batches, IN_TORCH[name][1])
    assert make_schedule(name, ranks, micro_batches) == expected


@pytest.mark.parametrize(("ranks", "micro_batches"), SIZES)
def test_1f1b_equals_torchs_but_for_the_last_ranks_forwards_which_torch_numbers_one_too_high(
    ranks, micro_batches
):
    """torch 2.13's list for pictures counts 1, 2, ... there; what it runs is right. Not copied."""
    *others, last = torch_lists("1F1B", ranks, micro_batches, None)
    ours = make_schedule("1F1B", ranks, micro_batches)
    assert ours[:-1] == others
    shifted = [a._replace(micro=a.micro - 1) if a.kind == "F" else a for a in last]
    assert ours[-1] == shifted and ours[-1] != last


@pytest.mark.parametrize(("ranks", "micro_batches"), SIZES)
def test_interleaved_zero_bubble_equals_torchs(ranks, micro_batches):
    """With one stage a rank the same function is ZB1P, which torch does not offer."""
    ours = one_f_one_b(ranks, micro_batches, stages_per_rank=2, put_off_weights=True)
    assert ours == torch_lists("InterleavedZeroBubble", ranks, micro_batches, 2)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_stage_sees_every_micro_batch_once(name):
    """A forward, a backward for the input, a gradient of the weights: no more, no less."""
    ranks, micro_batches = 4, 12
    schedule = make_schedule(name, ranks, micro_batches)
    for kinds in ("F", "BI", "BW"):
        found = [a[1:] for steps in schedule for step in steps for a in actions(step) if a.kind in kinds]
        wanted = [(stage, micro) for stage in range(n_stages(schedule)) for micro in range(micro_batches)]
        assert sorted(found) == wanted


def test_the_ranks_of_a_v_hold_its_two_arms():
    for name in ("ZBV", "DualPipeV"):
        for rank, steps in enumerate(make_schedule(name, 4, 8)):
            assert {a.stage for step in steps for a in actions(step)} == {rank, 7 - rank}


def test_dualpipe_is_dualpipev_with_a_copy_of_its_own_in_each_half_of_the_ranks():
    """So the numbers of DualPipe on 8 ranks are those of DualPipeV on 4, whose stages take as long."""
    both, cut = make_schedule("DualPipe", 8, 32), make_schedule("DualPipeV", 4, 16)
    ours, theirs = simulate(both), simulate(cut)
    for rank in range(4):
        assert [(2 * s.start, 2 * s.end) for s in theirs.spans[rank]] == [s[1:] for s in ours.spans[rank]]
        assert [s[1:] for s in ours.spans[rank]] == [s[1:] for s in ours.spans[7 - rank]]


def test_dualpipes_micro_batches_enter_at_both_ends():
    schedule = make_schedule("DualPipe", 4, 8)
    assert schedule[0][0] == Action("F", 0, 0) and schedule[3][0] == Action("F", 0, 4)
    for rank, steps in enumerate(schedule):
        held = {(a.stage, a.micro < 4) for step in steps for a in actions(step)}
        assert held == {(rank, True), (3 - rank, False)}


def test_zb1p_computes_weights_later_the_later_the_rank():
    """Rank r does its first weight gradient after r + 1 backwards: none waits on rank 0."""
    for rank, steps in enumerate(make_schedule("ZB1P", 4, 8)):
        first = next(i for i, step in enumerate(steps) if step.kind == "W")
        assert sum(step.kind == "I" for step in steps[:first]) == rank + 1


def test_zbv_strikes_out_what_a_small_batch_does_not_have():
    schedule = make_schedule("ZBV", 4, 3)
    micros = {a.micro for steps in schedule for step in steps for a in actions(step)}
    assert micros == {0, 1, 2}
    assert simulate(schedule).makespan >= 9


def test_actions_read_like_a_sentence():
    assert str(Action("F", 2, 5)) == "F5@2" and str(Pair(Action("F", 0, 3), Action("B", 1, 2))) == "F3@0&B2@1"


def test_a_writer_takes_the_oldest_weight_gradient_of_the_stage_asked_for():
    write = Writer(first={1: 7})
    for stage in (0, 1, 0):
        write.add("I", stage)
    write.weight(1)
    write.weight()
    assert write.steps[3:] == [Action("W", 1, 7), Action("W", 0, 0)]
    write.weight(1)  # none is left: nothing is written
    assert len(write.steps) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pipedream", 2, 4), 'schedule must be "GPipe"'),
        (("1F1B", 0, 4), "ranks must be at least 1, got 0"),
        (("1F1B", 2, 0), "micro_batches must be at least 1"),
        (("interleaved", 16, 120), "120 micro-batches can't be dealt out in 7 equal rounds"),
        (("DualPipe", 3, 8), "even number of ranks"),
        (("DualPipe", 4, 6), "2 or more a rank; got 4 and 6"),
        (("DualPipe", 2, 7), "got 2 and 7"),
        (("DualPipeV", 4, 7), "needs 2 micro-batches a rank, 8, got 7"),
    ],
)
def test_what_a_schedule_can_not_have_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        make_schedule(*arguments)


def test_gpipe_by_hand():
    assert gpipe(1, 2) == [[Action("F", 0, 0), Action("F", 0, 1), Action("B", 0, 0), Action("B", 0, 1)]]
    with pytest.raises(ValueError, match="at least one step"):
        n_stages([[], []])
