"""The simulator of pipelines, against closed formulas and timelines made by hand."""

import pytest

from lessons_lib.parallel.actions import Action, Pair
from lessons_lib.parallel.pipeline import Costs, Timeline, needs, simulate
from lessons_lib.parallel.schedules import SCHEDULES, make_schedule, one_f_one_b

RANKS = (2, 4, 8, 16)
ODD_COSTS = Costs(forward=1.0, input=1.25, weight=0.5)  # F + I + W is no whole number, all differ


def bubble(name, ranks, costs):
    """Return what papers give as the bubble; for DualPipeV half of DualPipe's on twice as many ranks."""
    f, b, w, both = costs.forward, costs.backward, costs.weight, costs.together
    return {
        "GPipe": (ranks - 1) * (f + b),
        "1F1B": (ranks - 1) * (f + b),
        "interleaved": (ranks - 1) * (f + b) / 2,
        "ZB1P": (ranks - 1) * (f + b - 2 * w),
        "ZBV": (ranks - 1) * (f + b - 2 * w) / 2,
        "DualPipe": (ranks / 2 - 1) * (both + b - 3 * w),
        "DualPipeV": (ranks - 1) * (both + b - 3 * w) / 2,
    }[name]


def batches(ranks):
    """Return three numbers of micro-batches that every schedule can have."""
    return 2 * ranks, 4 * ranks, 6 * ranks


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_bubble_is_the_formulas_at_any_number_of_micro_batches(name, ranks):
    for micro_batches in batches(ranks):
        timeline = simulate(make_schedule(name, ranks, micro_batches))
        assert timeline.makespan - 3 * micro_batches == bubble(name, ranks, Costs())
        assert timeline.waiting == [bubble(name, ranks, Costs())] * ranks


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("name", ["GPipe", "1F1B", "interleaved", "ZB1P"])
def test_formulas_of_one_direction_hold_for_other_costs(name, ranks):
    for micro_batches in batches(ranks):
        timeline = simulate(make_schedule(name, ranks, micro_batches), ODD_COSTS)
        assert timeline.waiting == pytest.approx([bubble(name, ranks, ODD_COSTS)] * ranks, rel=1e-12)


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("name", ["DualPipe", "DualPipeV"])
def test_dualpipes_formula_is_the_wait_of_the_rank_that_waits_longest(name, ranks):
    """With other weights' and pairs' costs, as long as F and I are equal; a pair as dear as F + B: of all."""
    for costs in (Costs(weight=0.5), Costs(weight=0.75), Costs(pair=2.5), Costs(weight=0.5, pair=2.0)):
        for micro_batches in batches(ranks):
            waiting = simulate(make_schedule(name, ranks, micro_batches), costs).waiting
            assert max(waiting) == pytest.approx(bubble(name, ranks, costs), rel=1e-12, abs=1e-9)
            if costs.pair is None:
                assert min(waiting) == pytest.approx(max(waiting), rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("ranks", RANKS)
def test_peaks_of_activations(ranks):
    """GPipe holds all; 1F1B as many as ranks are still to come; DualPipe ranks + 1 of whole stages."""
    for micro_batches in batches(ranks):
        peaks = {name: simulate(make_schedule(name, ranks, micro_batches)).peaks for name in SCHEDULES}
        assert peaks["GPipe"] == [micro_batches] * ranks
        assert peaks["1F1B"] == [ranks - rank for rank in range(ranks)]
        assert peaks["ZB1P"] == [ranks] * ranks
        assert peaks["ZBV"] == [2 * ranks] * ranks  # of half the size
        assert peaks["DualPipe"] == [ranks + 1] * ranks
        assert peaks["DualPipeV"] == [2 * ranks + 1] * ranks  # of half the size
        assert max(peaks["interleaved"]) == peaks["interleaved"][0] > ranks


def test_zero_bubble_is_true_of_each_rank_and_not_of_the_step():
    timeline = simulate(make_schedule("ZBV", 8, 20))
    assert timeline.waiting_inside == [0.0] * 8
    assert timeline.makespan == 63.5 and timeline.waiting == [3.5] * 8


def test_numbers_of_the_comparison_with_experts_traffic():
    """FACTS: 8 ranks, 20 micro-batches; torch's lists in another simulator gave the same."""
    expected = {
        0.0: {"1F1B": 81.0, "interleaved": 70.5, "ZBV": 63.5, "DualPipeV": 67.0},
        0.5: {"1F1B": 121.5, "interleaved": 105.75, "ZBV": 96.125, "DualPipeV": 82.375},
        1.0: {"1F1B": 162.0, "interleaved": 141.0, "ZBV": 130.5, "DualPipeV": 101.5},
    }
    for ratio, row in expected.items():
        for name, makespan in row.items():
            got = simulate(make_schedule(name, 8, 20), Costs().with_traffic(ratio)).makespan
            assert got == pytest.approx(makespan, abs=1e-9), (name, ratio)


@pytest.mark.parametrize(("stages_per_rank", "at_1_1"), [(1, 108.5), (2, 99.25)])
def test_forwards_and_backwards_in_pairs_keep_the_bubble_and_hide_traffic(stages_per_rank, at_1_1):
    """Without traffic nothing is won; with as much as computation, interleaved pairs beat DualPipeV."""
    schedule = one_f_one_b(8, 20, stages_per_rank, in_pairs=True)
    assert simulate(schedule).waiting == [21 / stages_per_rank] * 8
    assert simulate(schedule, Costs().with_traffic(1)).makespan == at_1_1
    assert sum(isinstance(step, Pair) for step in schedule[7]) == 20 * stages_per_rank - (
        1 if stages_per_rank == 1 else 11
    )
    with pytest.raises(ValueError, match="no weights to put off"):
        one_f_one_b(8, 20, put_off_weights=True, in_pairs=True)


def test_a_timeline_by_hand():
    """Two ranks, two micro-batches, GPipe with F = 1, B = 2 and a quarter for every message."""
    timeline = simulate(make_schedule("GPipe", 2, 2), Costs(send=0.25))
    assert [tuple(span[1:]) for span in timeline.spans[1]] == [
        (1.25, 2.25),
        (2.25, 3.25),
        (3.25, 5.25),
        (5.25, 7.25),
    ]
    assert [tuple(span[1:]) for span in timeline.spans[0]] == [(0, 1), (1, 2), (5.5, 7.5), (7.5, 9.5)]
    assert timeline.makespan == 9.5 and timeline.busy == [6, 6] and timeline.waiting == [3.5, 3.5]
    assert timeline.waiting_inside == [3.5, 0.0]


def test_a_message_inside_a_rank_costs_nothing():
    """In a V the last rank holds two neighbours: nothing is sent between them."""
    spans = simulate(make_schedule("ZBV", 1, 2), Costs(send=100.0))
    assert spans.makespan == 6.0


def test_pairs_take_the_time_of_a_pair():
    both = [[Action("F", 0, 0), Pair(Action("F", 0, 1), Action("B", 0, 0)), Action("B", 0, 1)]]
    assert simulate(both).makespan == 6.0
    assert simulate(both, Costs(pair=2.0)).makespan == 5.0
    assert Costs(pair=0.0).together == 0.0 and Costs().together == 3.0


def test_traffic_waits_outside_of_pairs_and_hides_inside():
    half = Costs().with_traffic(0.5)
    assert (half.forward, half.input, half.weight, half.together) == (1.75, 1.75, 1.0, 3.0)
    assert Costs(send=0.5).with_traffic(2.0) == Costs(4.0, 4.0, 1.0, 6.0, 0.5)


def test_what_each_action_needs():
    assert needs(Action("F", 0, 3), 2) == []
    assert needs(Action("F", 2, 3), 2) == [("F", 1, 3)]
    assert needs(Action("B", 2, 3), 2) == [("F", 2, 3)]
    assert needs(Action("I", 1, 3), 2) == [("F", 1, 3), ("B", 2, 3)]
    assert needs(Action("W", 1, 3), 2) == [("B", 1, 3)]


def test_ranks_that_wait_for_each_other_are_named():
    crossed = [[Action("B", 0, 0), Action("F", 0, 0)], [Action("F", 1, 0), Action("B", 1, 0)]]
    with pytest.raises(ValueError, match="rank 0 waits for ever before B0@0"):
        simulate(crossed)


@pytest.mark.parametrize("twice", ["F", "B", "W"])
def test_work_that_stands_twice_is_refused(twice):
    steps = [Action("F", 0, 0), Action("B", 0, 0), Action(twice, 0, 0)]
    with pytest.raises(ValueError, match=f"{twice} of stage 0, micro-batch 0 stands twice"):
        simulate([steps])


@pytest.mark.parametrize("name", ["forward", "input", "weight", "pair", "send"])
def test_costs_are_not_negative(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 0"):
        Costs(**{name: -1.0})
    with pytest.raises(ValueError, match="ratio must be at least 0"):
        Costs().with_traffic(-0.5)


def test_idle_at_the_start_is_not_inside_a_ranks_own_time():
    timeline = simulate(make_schedule("1F1B", 4, 8))
    assert isinstance(timeline, Timeline) and timeline.waiting_inside[-1] == 0.0
    assert timeline.spans[3][0].start == 3.0
