"""Results by seed: what they hold, how they differ, and how often the one rule for "clear" errs."""

import math

import pytest
import torch

from lessons_lib.runs import Seeds
from lessons_lib.runs.seeds import Difference
from lessons_lib.runs.student_t import threshold

THREE = Seeds({5: 0.10, 0: 0.20, 2: 0.15})


def test_values_stand_with_their_seeds_in_the_order_given():
    assert THREE.seeds == (5, 0, 2) and THREE.values == (0.10, 0.20, 0.15) and len(THREE) == 3
    assert list(THREE) == [0.10, 0.20, 0.15] and THREE[0] == 0.20
    assert THREE.items() == ((5, 0.10), (0, 0.20), (2, 0.15))
    with pytest.raises(KeyError, match="no seed 7; there are 5, 0, 2"):
        THREE[7]


def test_nothing_changes_them():
    given = {0: 1.0, 1: 2.0}
    seeds = Seeds(given)
    given[0] = 9.0
    assert seeds[0] == 1.0
    with pytest.raises(AttributeError):
        seeds.anything = 3
    with pytest.raises(TypeError):
        seeds[0] = 3.0
    with pytest.raises(TypeError):
        seeds._by_seed[0] = 3.0


def test_map_keeps_the_seeds_and_takes_any_value():
    runs = Seeds({3: {"loss": 0.5}, 1: {"loss": 0.7}})
    losses = runs.map(lambda run: run["loss"])
    assert losses.items() == ((3, 0.5), (1, 0.7))
    with pytest.raises(TypeError, match="dicts are no numbers: choose one of each with map first"):
        runs.mean  # noqa: B018


def test_mean_range_and_spread_of_numbers_and_of_tensors():
    for seeds in (THREE, THREE.map(torch.tensor)):
        assert seeds.mean == pytest.approx(0.15)
        assert (seeds.low, seeds.high) == pytest.approx((0.10, 0.20))
        assert seeds.spread == pytest.approx(0.10)


def test_each_number_in_the_words_has_a_sign_of_its_own():
    assert str(THREE) == "≈0.150 (≈0.100 to ≈0.200)"
    assert THREE.words(1) == "≈0.1 (≈0.1 to ≈0.2)"
    assert str(Seeds({4: -2.0})) == "≈-2.000"


def test_no_seeds_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        Seeds({})


def test_pairs_are_of_the_same_seed_whatever_the_order():
    difference = THREE.less(Seeds({0: 0.20, 2: 0.10, 5: 0.0}))
    assert difference.pairs.seeds == THREE.seeds
    assert difference.pairs.values == pytest.approx((0.10, 0.0, 0.05))
    with pytest.raises(ValueError, match="the same seeds, not 5, 0, 2 and 0, 1"):
        THREE.less(Seeds({0: 1.0, 1: 1.0}))


def test_thresholds_are_those_of_every_table_of_students_t():
    table = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262, 31: 2.042}
    for n, reach in table.items():
        assert threshold(n) == pytest.approx(reach, abs=6e-4)


def test_an_interval_worked_out_by_hand():
    """Three pairs, 1, 2 and 3: mean 2, standard deviation 1, standard error 1 / sqrt 3."""
    difference = Difference(Seeds({0: 1.0, 1: 2.0, 2: 3.0}))
    assert difference.mean == pytest.approx(2.0)
    assert difference.low == pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-4)
    assert difference.high == pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-4)
    assert tuple(difference) == (difference.mean, difference.low, difference.high, difference.detectable)
    assert difference.words(2) == "≈2.00 (95 % interval ≈-0.48 to ≈4.48; 3 pairs can show ≈3.26)"


@pytest.mark.parametrize(
    "values, margin, verdict",
    [
        ((1.0, 1.1, 0.9), None, "clear"),
        ((-1.0, -1.1, -0.9), 5.0, "clear"),  # a margin makes nothing unclear
        ((1.0, 2.0, 3.0), None, "unclear"),  # all of one sign, and yet
        ((0.1, -0.1, 0.05), None, "unclear"),  # without a margin nothing is equal
        ((0.1, -0.1, 0.05), 0.3, "equal"),
        ((0.1, -0.1, 0.05), 0.26, "unclear"),  # the interval reaches 0.28
        ((-0.1, 0.1, -0.05), 0.26, "unclear"),  # and on the other side -0.28
    ],
)
def test_the_verdict(values, margin, verdict):
    assert Difference(Seeds(dict(enumerate(values)))).verdict(margin) == verdict


def test_one_seed_has_a_mean_and_no_verdict():
    difference = Seeds({0: 1.0}).less(Seeds({0: 0.5}))
    assert difference.mean == 0.5 and str(difference) == "≈0.500 (1 pair, no interval)"
    for ask in (difference.verdict, lambda: difference.low, lambda: difference.detectable):
        with pytest.raises(ValueError, match="one seed has no scatter") as error:
            ask()
        assert "\n" not in str(error.value)


def test_a_difference_that_is_not_finite_and_a_margin_of_nothing_are_refused():
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="difference of seed 2"):
            Seeds({1: 0.0, 2: bad}).less(Seeds({1: 0.0, 2: 0.0}))
    for margin in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="must be (above 0|finite)"):
            THREE.less(THREE).verdict(margin)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_equals_are_called_clear_in_one_of_twenty_comparisons_and_detectable_ones_in_four_of_five(n):
    """4,000 comparisons of normal noise; a rate's standard error is 0.0034, then 0.0063."""
    noise = torch.randn(4000, n, generator=torch.Generator().manual_seed(n)).double()
    example = torch.linspace(-1, 1, n).double()  # pairs whose scatter is exactly that of the noise
    detectable = Difference(Seeds(dict(enumerate((example / example.std()).tolist())))).detectable

    def clear_rate(shift):
        rows = (noise + shift).tolist()
        return sum(Difference(Seeds(dict(enumerate(row)))).verdict() == "clear" for row in rows) / 4000

    assert abs(clear_rate(0.0) - 0.05) < 0.012
    assert abs(clear_rate(detectable) - 0.80) < 0.022
