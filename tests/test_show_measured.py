"""The sign before a measured number, and the bounds of a table."""

import math

import pytest
import torch

from lessons_lib.runs import Seeds
from lessons_lib.show import approx, within


@pytest.mark.parametrize(
    "written, text",
    [
        (approx(0.8432), "≈0.843"),
        (approx(-0.1, ".2f"), "≈-0.10"),
        (approx(12345.6, ",.0f", "steps"), "≈12,346 steps"),
        (approx(torch.tensor(0.5), ".1f"), "≈0.5"),
        (approx(3), "≈3.000"),
        (approx(math.nan), "nan"),
        (approx(-math.inf, unit="nats"), "-inf nats"),
    ],
)
def test_the_sign_stands_before_a_number_and_before_nothing_else(written, text):
    assert written == text


def test_a_table_within_its_bounds():
    table = {"GPT": 0.31, "MLP": Seeds({0: 0.5, 1: 0.9}), "all": torch.tensor(2.0).item()}
    assert within(table, {"MLP": (0.5, 0.9), "GPT": (0.2, 0.4), "all": (2, 2)}) is True


@pytest.mark.parametrize(
    "row, message",
    [
        (0.41, "GPT: 0.41 is not within 0.2 to 0.4"),
        (0.19, "GPT: 0.19 is not within 0.2 to 0.4"),
        (math.nan, "GPT: nan is not within"),
        (Seeds({0: 0.3, 7: 0.5}), "GPT: 0.5 is not within"),
        ([], "GPT: a row without values"),
    ],
)
def test_a_value_outside_is_named_with_its_row_and_bounds(row, message):
    with pytest.raises(AssertionError, match=message):
        within({"MLP": 1.0, "GPT": row}, {"MLP": (0.0, 2.0), "GPT": (0.2, 0.4)})


def test_a_row_without_bounds_and_bounds_without_a_row_are_named():
    with pytest.raises(AssertionError, match="not in both table and bounds: MLP, other"):
        within({"GPT": 1.0, "MLP": 1.0}, {"GPT": (0, 2), "other": (0, 2)})


def test_rows_may_have_any_names_and_values_be_tensors():
    assert within({96: torch.tensor(0.5), ("a", 1): [0.2]}, {96: (0, 1), ("a", 1): [0, 1]})
