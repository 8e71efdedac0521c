"""What a public function's annotations ask for, and what its specs add; whole numbers read as ids."""

import inspect
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lessons_lib.arguments import whole_ids
from lessons_lib.signatures import checked


@checked(n="1..", x="float rows width", y="float rows width", share="0<..1", words="1..", most="0..inf")
def looked(
    n: int,
    x: Tensor,
    y: Tensor | None = None,
    share: float = 0.5,
    words: Sequence[str] = ("a",),
    kind: Literal["one", "two"] = "one",
    table: Mapping[str, int] | None = None,
    call: Callable[[int], int] = abs,
    path: str | os.PathLike[str] = ".",
    *,
    model: nn.Module | None = None,
    pair: tuple[int, float] = (1, 1.0),
    rows: list[list[int]] | None = None,
    most: float = 1.0,
    flag: bool = False,
    some: Iterable[int] = (),
    anything: Any = None,
    **rest: float,
):
    """Return what was handed in first."""
    return n


class Made:
    @checked(n="1..")
    def __init__(self, n: int) -> None:
        self.n = n

    @classmethod
    @checked()
    def of(cls, text: str) -> "Made":
        return cls(len(text))


X = torch.zeros(2, 3)


def test_what_fits_passes_in_any_form():
    assert looked(1, X) == looked(n=1, x=X) == 1 and looked.__name__ == "looked"
    assert list(inspect.signature(looked).parameters)[:2] == ["n", "x"]
    fine = dict(
        y=X, share=1, words=["a", "b"], kind="two", table={"a": 1}, call=lambda i: i, model=nn.Linear(1, 1)
    )
    assert looked(np.int64(3), X, **fine) == 3
    assert looked(2, X, share=np.float32(0.5), pair=(1, 2), rows=[[1], []], most=float("inf"), flag=True) == 2
    assert looked(2, X, some=(i for i in "read once only"), anything=object(), odd=float("nan")) == 2


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (dict(n=0), ValueError, "looked: n must be at least 1, got 0"),
        (dict(n=1.0), TypeError, "looked: n must be a whole number, got 1.0"),
        (dict(n=-(10**5000)), ValueError, "n must be below 9.22e+18 in size, got a value that cannot"),
        (dict(share=10**400), ValueError, "share must be below 1e+300 in size, got 1000"),
        (dict(most=1e308), ValueError, "most must be below 1e+300 in size, got 1e+308"),
        (dict(most=-1e301), ValueError, "most must be below 1e+300 in size, got -1e+301"),
        (dict(n=2**63), ValueError, "n must be below 9.22e+18 in size, got 9223372036854775808"),
        (dict(n=True), TypeError, "n must be a whole number, got True"),
        (dict(x=[1.0]), TypeError, "x must be a tensor (rows, width), got list"),
        (dict(y=torch.zeros(3, 3)), ValueError, "rows 3, but it is 2 in x"),
        (dict(share=0), ValueError, "share must be above 0 and at most 1, got 0"),
        (dict(share=1.5), ValueError, "share must be above 0 and at most 1, got 1.5"),
        (dict(share=float("nan")), ValueError, "share must be finite, got nan"),
        (dict(share="1"), TypeError, "share must be a number, got '1'"),
        (dict(share=torch.tensor(0.5)), TypeError, "share must be a number, got a tensor of shape ()"),
        (dict(most=float("-inf")), ValueError, "most must be finite, got -inf"),
        (dict(words="text"), TypeError, "words must be a sequence of text, got 'text'"),
        (dict(words=[]), ValueError, "the length of words must be at least 1, got 0"),
        (dict(words=["a", 1]), TypeError, "words must be a sequence of text, got list ['a', 1]"),
        (dict(kind="three"), ValueError, 'kind must be "one" or "two", got \'three\''),
        (dict(kind=["one"]), TypeError, 'kind must be "one" or "two", got list [\'one\']'),
        (dict(table={1: 1}), TypeError, "table must be a mapping from text to a whole number or None"),
        (dict(table={"a": "b"}), TypeError, "table must be a mapping from text to a whole number or None"),
        (dict(call=3), TypeError, "call must be a function, got 3"),
        (dict(path=3), TypeError, "path must be text or a PathLike, got 3"),
        (dict(model="a"), TypeError, "model must be a Module or None, got 'a'"),
        (dict(pair=(1,)), TypeError, "pair must be a tuple of a whole number, a number, got tuple (1,)"),
        (dict(pair=(1.5, 1)), TypeError, "pair must be a tuple of a whole number, a number"),
        (dict(rows=[1]), TypeError, "rows must be a list of a list of a whole number or None"),
        (dict(flag=1), TypeError, "flag must be True or False, got 1"),
        (dict(some=torch.tensor(3)), TypeError, "some must be an iterable of a whole number, got a tensor"),
        (dict(some=3), TypeError, "some must be an iterable of a whole number, got 3"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given, kind, words):
    with pytest.raises(kind) as caught:
        looked(**{"n": 1, "x": X, **given})
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_place_and_a_name_are_looked_at_alike():
    with pytest.raises(ValueError, match="share must be above 0"):
        looked(1, X, None, -1.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        looked(1)
    with pytest.raises(ValueError, match="n must be at least 1"):
        looked(0)


def test_a_class_is_named_by_itself():
    assert Made(2).n == Made.of("ab").n == 2
    with pytest.raises(ValueError, match=r"^Made: n must be at least 1, got 0$"):
        Made(0)
    with pytest.raises(TypeError, match=r"^of: text must be text, got 3$"):
        Made.of(3)


def test_looking_takes_microseconds():
    looked(1, X)
    began = time.process_time()
    for _ in range(1000):
        looked(1, X, None, 0.5, ("a",))
    assert (time.process_time() - began) / 1000 < 100e-6  # 8e-6 where nothing else runs; a step takes 1e-2


@pytest.mark.parametrize(
    "ids", [[0, 2], (0, 2), torch.tensor([0, 2]), np.array([0, 2]), iter([0, np.int32(2)])]
)
def test_ids_are_whole_numbers_of_any_row(ids):
    assert whole_ids(ids, 3, "this vocabulary") == [0, 2]


@pytest.mark.parametrize(
    ("ids", "kind", "words"),
    [
        ([1.9], TypeError, "id 1.9 at position 0 is no whole number"),
        ([0, True], TypeError, "id True at position 1 is no whole number"),
        ([0, "1"], TypeError, "id '1' at position 1 is no whole number"),
        ([-1], ValueError, "id -1 at position 0 is outside this vocabulary of 3 tokens"),
        ([0, 3], ValueError, "id 3 at position 1 is outside this vocabulary of 3 tokens"),
        (torch.tensor([1.0]), TypeError, "float32"),
        (torch.tensor([True]), TypeError, "bool"),
        (torch.tensor(1), TypeError, "shape ()"),
        (torch.zeros(2, 2).long(), TypeError, "shape (2, 2)"),
        ("01", TypeError, "ids must be a list or a 1-D tensor of whole numbers, got '01'"),
        (1, TypeError, "got 1"),
        (None, TypeError, "got None"),
    ],
)
def test_no_id_is_cut_off_or_counted_from_the_end(ids, kind, words):
    with pytest.raises(kind) as caught:
        whole_ids(ids, 3, "this vocabulary")
    assert words in str(caught.value)


def test_only_an_argument_that_must_be_a_float_has_a_largest():
    @checked()
    def kept(value: Any) -> Any:
        return value

    @checked()
    def used(value: float) -> float:
        return value

    assert kept(3.3e301) == 3.3e301  # a finding may be any finite number, for instance of operations
    with pytest.raises(ValueError, match="below 1e\\+300"):
        used(3.3e301)
