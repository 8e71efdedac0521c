"""What is said of wrong answers that nobody foresaw: right for other arguments, right where, off by what."""

import random
import time
from functools import partial

import pytest
import torch

from lessons_lib.checks.as_if import _changes
from lessons_lib.checks.balancing.bias import MOVE_BIAS
from lessons_lib.checks.checker import Exercise
from lessons_lib.checks.generic import Seen
from lessons_lib.checks.probing import _alone, without_effect
from lessons_lib.checks.where import ENOUGH, beyond


def draw(rng):
    rows, columns = rng.randint(2, 4), rng.randint(2, 3)

    def numbers():
        return torch.tensor([[rng.uniform(1, 2) for _ in range(columns)] for _ in range(rows)])

    signs = torch.tensor([[rng.choice((-1.0, 1.0)) for _ in range(columns)] for _ in range(rows)])
    return {
        "x": numbers(),
        "y": numbers() * signs,
        "k": rng.randint(2, 5),
        "n": rng.randint(6, 9),
        "mask": torch.tensor([rng.random() < 0.5 for _ in range(rows)]),
    }


def trial(oracle, **more):
    return Exercise("trial", draw, oracle, (), **more)


def told(oracle, attempt, **more):
    verdict = trial(oracle, **more).judge(attempt)
    return verdict.diagnosis, "\n".join(verdict.lines)


def powers(x, y, k, n, mask):
    return x.double() ** k + y


def difference(x, y, k, n, mask):
    return x.double().square() - y


def mean_of_written(x, y, k, n, mask):
    return (x.sum(1) * mask).sum() / mask.sum().clamp(min=1)


def cumulative(x, y, k, n, mask):
    return x.cumsum(1)


WORDS = Exercise(
    "words",
    lambda rng: {
        "texts": tuple(rng.choice(("Ab", "ab", " ab", "a b", "b")) for _ in range(9)),
        "k": rng.randint(1, 9),
    },
    lambda texts, k: torch.tensor([sum(map(ord, text)) for text in texts]),
    (),
)


@pytest.mark.parametrize(
    "oracle, attempt, sort, words",
    [
        (powers, lambda x, y, k, n, mask: x ** (k + 1) + y, "as if", "with k + 1 in place of k"),
        (powers, lambda x, y, k, n, mask: x**n + y, "as if", "with n in place of k"),
        (powers, lambda x, y, k, n, mask: x**k - y, "as if", "with -y in place of y"),
        (powers, lambda x, y, k, n, mask: y**k + x, "as if", "if x and y changed places"),
        (
            lambda x, y, k, n, mask: x.sum() + k,
            lambda x, y, k, n, mask: x[0].sum() * len(x) + k,
            "as if",
            "with the first row of x for every row in place of x",
        ),
        (powers, lambda x, y, k, n, mask: x.flip(0) ** k + y, "as if", "the rows of x in reverse order"),
        (powers, lambda x, y, k, n, mask: x.roll(1, -1) ** k + y, "as if", "x moved on by one place"),
        (
            lambda x, y, k, n, mask: x * mask[:, None] + y,
            lambda x, y, k, n, mask: x * ~mask[:, None] + y,
            "as if",
            "a mask that is true where mask is false",
        ),
        (
            lambda x, y, k, n, mask: x.sum() + k**2,
            lambda x, y, k, n, mask: x.sum() + (len(x) // k) ** 2,
            "as if",
            "len(x) / k in place of k",
        ),
        (
            powers,
            lambda x, y, k, n, mask: x**k + y * n,
            "effect",
            "changes with n, and the right one does not",
        ),
        (powers, lambda x, y, k, n, mask: x**7 + y, "no effect", "the same whatever k is"),
        (powers, lambda x, y, k, n, mask: y.square(), "no effect", "the same whatever x and k are"),
        (
            lambda x, y, k, n, mask: (x * y).softmax(1),
            lambda x, y, k, n, mask: (x * y).exp() / (x * y).exp().sum(1).mean(),
            "rows",
            "right when it is given alone",
        ),
        (
            lambda x, y, k, n, mask: (x * y).softmax(1),
            lambda x, y, k, n, mask: (x * y).softmax(0) * 0.9,
            "rows",
            "changes with the other rows, and the right one does not",
        ),
        (
            lambda x, y, k, n, mask: x / y.abs(),
            lambda x, y, k, n, mask: x / (y.abs() + x.sin() ** 2),
            "doubled",
            "when x is doubled, result doubles; yours does not",
        ),
        (difference, lambda x, y, k, n, mask: torch.where(y < 0, x, x * x - y), "beyond", "in y is at least"),
        (
            difference,
            lambda x, y, k, n, mask: (x * x - y).clamp(max=3.0),
            "beyond",
            "where what result should be is at most 2.",
        ),
        (
            lambda x, y, k, n, mask: k + x.long().double() * 0 + (y > 0),
            lambda x, y, k, n, mask: k + x.long().double() * 0 + (y > 0) + (k + (y > 0) == 5) * 7,
            "beyond",
            "wrong exactly where what result should be is 5",
        ),
        (difference, lambda x, y, k, n, mask: (x * x - y) * (1 + 0.001 * x), "nearly", "nearly right"),
        (
            powers,
            lambda x, y, k, n, mask: x**k + y - (x - 0.9),
            "sided",
            "all numbers of result are too small",
        ),
        (
            mean_of_written,
            lambda x, y, k, n, mask: (x.sum(1) * mask).sum() / len(x),
            "factor",
            "what it should be times mask.sum() / x.shape[0]",
        ),
        (
            mean_of_written,
            lambda x, y, k, n, mask: (x.sum(1) * mask).sum(),
            "factor",
            "too large by a factor: mask.sum()",
        ),
        (
            lambda x, y, k, n, mask: 3 * k * n + n * n,
            lambda x, y, k, n, mask: k * n + n * n,
            "amount",
            "too small by 2 * k * n",
        ),
        (difference, lambda x, y, k, n, mask: x * x, "amount", "result is too large by y in every case"),
        (
            cumulative,
            lambda x, y, k, n, mask: x.cumsum(1).cumsum(1),
            "function",
            "the sum up to each place of",
        ),
        (
            cumulative,
            lambda x, y, k, n, mask: x.cumsum(1).roll(1, 0),
            "order",
            "one place too late along axis 0",
        ),
        (cumulative, lambda x, y, k, n, mask: x.cumsum(1).flip(0), "order", "in reverse order along axis 0"),
        (
            lambda x, y, k, n, mask: torch.tensor(n - k),
            lambda x, y, k, n, mask: torch.tensor(k),
            "amount",
            "in every case result is n less what it should be",
        ),
        (
            cumulative,
            lambda x, y, k, n, mask: torch.cat([x.cumsum(1)[:-1], x.cumsum(1)[-1:] * (1 if k > 3 else 2)]),
            "place",
            "is right in every case but for result[-1], wrong in",
        ),
        (
            cumulative,
            lambda x, y, k, n, mask: torch.cat([y, x.cumsum(1)], 1),
            "place",
            "what stands before is too much",
        ),
        (cumulative, lambda x, y, k, n, mask: x.cumsum(1)[:, 1:], "place", "the beginning is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_answer_is_described_by_what_holds_of_all_its_results(oracle, attempt, sort, words):
    diagnosis, text = told(oracle, attempt)
    assert diagnosis == sort and words in text, (diagnosis, text)


def test_each_wrong_part_is_described():
    diagnosis, text = told(
        lambda x, y, k, n, mask: (x * k, y + k),
        lambda x, y, k, n, mask: (x * k * 2, y),
        returns=("product", "sum"),
    )
    assert diagnosis == "factor" and "product is 2 times" in text and "sum is too small by k" in text


def test_parts_that_are_right_are_named():
    diagnosis, text = told(
        lambda x, y, k, n, mask: (x * k, y + (3 * x).sin(), x + k),
        lambda x, y, k, n, mask: (x * k, y + (3 * x).cos() * y.abs(), x + k),
        returns=("product", "root", "sum"),
    )
    assert diagnosis == "part", (diagnosis, text)
    assert "Hint: right in every case: product and sum. Wrong: root." in text


def test_result_that_changes_from_call_to_call_is_said_to():
    calls = iter(range(10_000))
    diagnosis, text = told(powers, lambda x, y, k, n, mask: x**k + y * next(calls))
    assert diagnosis == "two results" and "What outlives a call?" in text


def test_a_change_must_fit_every_case():
    """Where k is 3, k + 1 in its place would do; elsewhere it would not."""
    diagnosis, text = told(powers, lambda x, y, k, n, mask: x ** (k + 1 if k == 3 else k + 2) + y)
    assert diagnosis != "as if", text


def test_whole_numbers_are_only_put_in_another_order():
    """Twice an id is no id, though a result may happen to be right for it."""
    case = {"ids": torch.tensor([0, 1]), "x": torch.tensor([0.0, 1.0])}
    said = [sentence for sentence, _ in _changes(case)]
    assert any("2 * x" in words for words in said) and not any("2 * ids" in words for words in said)


def test_texts_read_otherwise_are_said_to_be():
    def small(texts, k):
        return torch.tensor([sum(map(ord, text.lower())) for text in texts])

    assert "texts in small letters" in "\n".join(WORDS.judge(small).lines)


def test_exchanged_results_of_two_types_are_said_to_be():
    diagnosis, text = told(
        lambda x, y, k, n, mask: (x.argmax(1), x.sum(1)),
        lambda x, y, k, n, mask: (x.sum(1), x.argmax(1)),
        returns=("ids", "sums"),
    )
    assert diagnosis == "swapped" and "ids should hold torch.int64" in text and "each other's place" in text


def test_what_is_wrong_in_extremes_only_is_said_to_be():
    edges = {"nothing": lambda c: {"x": c["x"] * 0}, "k is 1": lambda c: {"k": 1}}
    diagnosis, text = told(powers, lambda x, y, k, n, mask: x**k + y + (k == 1) * x, edges=edges)
    assert diagnosis == "extreme" and "40 drawn cases came out right. What is special here: k is 1." in text


def test_rows_whose_right_result_depends_on_others_are_not_said_to_be_mixed():
    """Two biases may stay as they are, alone and among others, by chance."""
    for _ in range(3):
        verdict = MOVE_BIAS.judge(lambda bias, ids, speed: bias * (1 - speed))
        assert verdict.diagnosis != "rows"


def test_one_case_in_which_rows_depend_on_each_other_is_enough():
    task = trial(lambda x, y, k, n, mask: x[:, 0] - x[:, 0].mean())
    equal = [{"x": torch.ones(2, 2) * k, "y": 0, "k": 0, "n": 0, "mask": 0} for k in range(9)]
    seen = [Seen(case, torch.ones(2), torch.zeros(2)) for case in equal]
    ask = lambda cases: [torch.zeros(1) for _ in cases]  # noqa: E731
    assert _alone(task, seen, ask) is not None
    apart = {**equal[0], "x": torch.tensor([[1.0, 0], [2, 0]])}
    assert _alone(task, [*seen, Seen(apart, torch.ones(2), torch.tensor([-0.5, 0.5]))], ask) is None


def test_reference_that_never_ends_for_other_arguments_is_given_up():
    def oracle(x, y, k, n, mask):
        while k not in (2, 3, 4, 5):
            time.sleep(0.001)
        return x + k

    began = time.process_time()
    verdict = trial(oracle).judge(lambda x, y, k, n, mask: x + k - y.abs() * x)
    assert verdict.kind == "wrong value" and time.process_time() - began < 3


def test_only_zeros_that_are_right_are_said_to_be():
    task = trial(lambda x, y, k, n, mask: x)
    said = [
        Seen({"x": torch.ones(3)}, torch.tensor([0.0, n, n + 1]), torch.tensor([0.0, 1, 2]))
        for n in (2, 3, 4, 5)
    ]
    hint = beyond(task, said)
    assert hint is not None and "only what should be 0 is right" in hint.lines[0]


def test_one_row_of_numbers_has_no_first_row():
    changes = dict(_changes({"x": torch.ones(3)}))
    change = next(change for words, change in changes.items() if "first row of x" in words)
    with pytest.raises(ValueError):
        change({"x": torch.ones(3)})


def test_bound_that_few_numbers_hold_is_not_told():
    """Five right and five wrong numbers lie on two sides of something now and then."""
    task = trial(lambda x, y, k, n, mask: x)
    few = [Seen({}, torch.ones(1) * n * (n > 5), torch.ones(1) * n) for n in range(1, 11)]
    assert beyond(task, few) is None
    many = [Seen({}, torch.ones(1) * n * (n > 9), torch.ones(1) * n) for n in range(1, 2 * ENOUGH + 4)]
    assert "is at least 10, and wrong below" in beyond(task, many).lines[0]


def test_an_effect_is_missing_only_if_three_changes_show_it():
    same = [(torch.ones(1), torch.ones(1))]
    task = trial(powers)
    assert without_effect(task, {"k": 2 * same}) is None and without_effect(task, {"k": 3 * same}) is not None


def test_hints_hold_in_cases_that_are_drawn_afresh():
    """A hint says something of all that was tried: a hundred judgements of one attempt say the same."""
    attempt = partial(lambda x, y, k, n, mask: x**k - y)
    assert {told(powers, attempt)[0] for _ in range(20)} == {"as if"}
    assert random.random() < 1
