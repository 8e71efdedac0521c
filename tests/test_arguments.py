"""What a public function may be handed: named axes, kinds of numbers, single values."""

import math
import time

import pytest
import torch

from lessons_lib.arguments import choice, number, takes, whole


@takes(
    q="float batch heads query width",
    k="float batch heads key width",
    ids="whole batch",
    mask="mask ... key",
    pair="_ 2",
)
def looked(q, k, ids=None, *, mask=None, pair=None):
    """Return the sizes of the scores."""
    return tuple(q.shape[:3]) + (k.shape[2],)


Q, K = torch.zeros(2, 3, 4, 8), torch.zeros(2, 3, 5, 8)


def test_what_fits_passes_in_any_form():
    assert looked(Q, K) == looked(q=Q, k=K) == looked(Q, k=K, ids=None) == (2, 3, 4, 5)
    assert looked(Q, K, torch.zeros(2, dtype=torch.int64), mask=torch.ones(7, 5), pair=torch.zeros(9, 2))
    assert looked.__name__ == "looked" and "sizes" in looked.__doc__


@pytest.mark.parametrize(
    ("kwargs", "kind", "words"),
    [
        ({"k": torch.zeros(2, 3, 5, 6)}, ValueError, ["looked: k", "(2, 3, 5, 6)", "width 6", "8 in q"]),
        (
            {"k": torch.zeros(3, 5, 8)},
            ValueError,
            ["k must have shape (batch, heads, key, width)", "(3, 5, 8)"],
        ),
        ({"k": [1.0]}, TypeError, ["k must be a tensor", "list [1.0]"]),
        ({"k": K.long()}, TypeError, ["k must hold floating-point numbers", "int64"]),
        ({"k": K, "ids": torch.zeros(2)}, TypeError, ["ids must hold whole numbers", "float32"]),
        ({"k": K, "ids": torch.zeros(3).long()}, ValueError, ["batch 3", "2 in q"]),
        ({"k": K, "mask": torch.ones(2, 4)}, ValueError, ["(..., key)", "key 4", "5 in k"]),
        ({"k": K, "mask": torch.tensor(1)}, ValueError, ["mask must have shape (..., key)", "()"]),
        ({"k": K, "pair": torch.ones(2, 3)}, ValueError, ["pair", "an axis of 3", "2"]),
        ({"k": None}, TypeError, ["k must be a tensor", "NoneType"]),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_the_numbers(kwargs, kind, words):
    with pytest.raises(kind) as caught:
        looked(Q, **kwargs)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


@takes(x="a", ids="whole b")
def picked(x, ids):
    return (x + x.sum().item())[ids]


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"x": torch.eye(3).to_sparse()[0]}, "x must be an ordinary tensor, got a sparse one"),
        ({"x": torch.zeros(3, device="meta")}, "got one without numbers, on the device meta"),
        (
            {"ids": torch.zeros(2, dtype=torch.int8)},
            "ids must be an ordinary tensor, got whole numbers of few bits",
        ),
    ],
)
def test_a_tensor_that_is_no_ordinary_one_is_refused_by_us(kwargs, words):
    assert picked(torch.ones(3), torch.tensor([0, 1])).tolist() == [4, 4]
    with pytest.raises(TypeError, match=words):
        picked(**{"x": torch.ones(3), "ids": torch.tensor([0, 1])} | kwargs)


def test_a_method_may_ask_for_the_size_of_its_object_which_may_change():
    class Box:
        width = 3

        @takes(x="float ... self.width")
        def hold(self, x):
            return len(x)

    box = Box()
    assert box.hold(torch.zeros(2, 3)) == 2 and box.hold(x=torch.zeros(3)) == 3
    with pytest.raises(ValueError, match="Box.hold: x of shape .4,., .* has width 4, but it is 3 in the obj"):
        box.hold(torch.zeros(4))
    box.width = 4
    assert box.hold(torch.zeros(4)) == 4
    with pytest.raises(ValueError, match="has width 3, but it is 4 in the object called"):
        box.hold(torch.zeros(2, 3))


def test_types_that_torch_refuses_are_named_with_whose_they_are():
    @takes(a="float n n", b="float n n")
    def product(a, b):
        return a @ b

    @takes(a="float n n")
    def odd(a):
        raise RuntimeError("odd")

    a = torch.eye(2)
    with pytest.raises(
        TypeError, match="product: one dtype is needed for all, but a has float32, b has float64"
    ):
        product(a, a.double())
    with pytest.raises(RuntimeError, match="odd"):  # what has another reason stays as it is
        odd(a)


def test_a_missing_argument_is_pythons_own_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'k'"):
        looked(Q)


def test_a_check_costs_microseconds():
    rounds = 2000
    bare = looked.__wrapped__
    spent = {}
    for name, call in {"bare": bare, "checked": looked}.items():
        start = time.perf_counter()
        for _ in range(rounds):
            call(Q, K)
        spent[name] = (time.perf_counter() - start) / rounds
    assert spent["checked"] - spent["bare"] < 50e-6  # measured: 3; a busy machine gets room


def test_whole_number_and_choice_name_the_value():
    whole(least=0, k=0)
    number(0, 1, share=0.5)
    choice(("a", "b"), way="a")
    for call, kind, words in [
        (lambda: whole(k=0), ValueError, "k must be at least 1, got 0"),
        (lambda: whole(most=4, k=5), ValueError, "k must be at most 4, got 5"),
        (lambda: whole(k=1.0), TypeError, "k must be a whole number, got 1.0"),
        (lambda: whole(k=True), TypeError, "got True"),
        (lambda: number(0, 1, share=1.5), ValueError, "share must be at most 1, got 1.5"),
        (lambda: number(0, share=-1), ValueError, "share must be at least 0, got -1"),
        (lambda: number(above=0, eps=0.0), ValueError, "eps must be above 0, got 0.0"),
        (lambda: number(share=math.nan), ValueError, "share must be finite, got nan"),
        (lambda: number(share="1"), TypeError, "share must be a number, got '1'"),
        (lambda: choice(("a", "b"), way="c"), ValueError, 'way must be "a" or "b", got \'c\''),
    ]:
        with pytest.raises(kind) as caught:
            call()
        assert words in str(caught.value)
