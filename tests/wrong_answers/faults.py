"""Answers to `rms_norm` that go wrong before any number can be compared, and odd ones that are right.

Each fault names the kind of verdict that it must get and words that the reader must then see.
"""

import functools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Fault:
    attempt: Callable
    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind}-{getattr(self.attempt, '__name__', 'no_function')}"


FAULTS: list[Fault] = []
ODD_BUT_RIGHT: list[Callable] = []


def fault(kind: str, words: str = "") -> Callable[[Callable], Callable]:
    """Keep the decorated function as one that gets a verdict of this kind, with these words."""

    def keep(attempt: Callable) -> Callable:
        FAULTS.append(Fault(attempt, kind, words))
        return attempt

    return keep


def odd_but_right(attempt: Callable) -> Callable:
    """Keep the decorated function as a right answer, however odd."""
    ODD_BUT_RIGHT.append(attempt)
    return attempt


def norm(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight


# --- not started


@fault("not started")
def stub(x, weight, eps):
    raise NotImplementedError("write your answer here")


@fault("not started", "It calls stub, which is not written yet")
def calls_a_stub(x, weight, eps):
    return stub(x, weight, eps) * 2


# --- crashed


@fault("crashed", "in line 4 of divides_by_zero:  return rms / 0")
def divides_by_zero(x, weight, eps):
    rms = 1
    return rms / 0


@fault("crashed", "in line 3 of misspelt:  return x * wieght")
def misspelt(x, weight, eps):
    return x * wieght  # noqa: F821


@fault("crashed", "in line 3 of wrong_shapes:  return x @ x")
def wrong_shapes(x, weight, eps):
    return x @ x[..., None, None, None]


@fault("crashed", "in line 2 of divide:  return 1 / number")
def crashes_in_a_function_of_its_own(x, weight, eps):
    def divide(number):
        return 1 / number

    return divide(0)


@fault("crashed", "not implemented for 'Long'")
def torch_says_not_implemented(x, weight, eps):
    return x.long().softmax(-1)


@fault("crashed", "(your function takes: x, weight)")
def one_argument_missing(x, weight):
    return x * weight


@fault("crashed", "RecursionError")
def calls_itself(x, weight, eps):
    return calls_itself(x, weight, eps)


@fault("crashed", "SystemExit")
def leaves(x, weight, eps):
    raise SystemExit


@fault("crashed", "KeyboardInterrupt")
def interrupts(x, weight, eps):
    raise KeyboardInterrupt


@fault("crashed", "OnlyWhenWide: too wide")
def crashes_on_wide_vectors_and_is_wrong_on_others(x, weight, eps):
    class OnlyWhenWide(Exception):
        pass

    if x.numel() >= 6:  # the smallest case has at least 4 numbers, the others nearly always 6 or more
        raise OnlyWhenWide("too wide")
    return x


# --- too slow; the test gives these a tenth of a second


@fault("too slow", "of never_ends:  ")
def never_ends(x, weight, eps):
    while True:
        pass


@fault("too slow", "the limit is 0.1 s")
def swallows_every_error(x, weight, eps):
    while True:
        try:
            x = norm(x, weight, eps)
        except:  # noqa: E722
            pass


@fault("too slow", "the limit is 0.1 s")
def swallows_and_goes_on_waiting(x, weight, eps):
    while True:
        try:
            threading.Event().wait(0.01)
        except BaseException:
            continue


@fault("too slow", "the limit is 0.1 s")
def fills_memory(x, weight, eps):
    kept = []
    while True:
        kept.append(x)


@fault("too slow", "the limit is 0.1 s")
def prints_for_ever(x, weight, eps):
    while True:
        print("still here")


@fault("too slow", "the limit is 0.1 s")
def long_call_that_returns(x, weight, eps):
    time.sleep(0.5)
    return norm(x, weight, eps)


@fault("too slow", "the limit is 0.1 s")
def turns_the_stop_into_another_error(x, weight, eps):
    try:
        while True:
            pass
    except BaseException as stop:
        raise ValueError("not my fault") from stop


# --- changed what is not its own


@fault("changed its inputs", "wrote into its argument x")
def in_place(x, weight, eps):
    return x.div_((x.square().mean(-1, keepdim=True) + eps).sqrt()).mul_(weight)


@fault("changed its inputs", "wrote into its argument weight")
def turns_the_weight_into_another_shape(x, weight, eps):
    result = norm(x, weight, eps)
    weight.unsqueeze_(0)
    return result


@fault("changed its inputs", "wrote into its argument x")
def in_place_through_a_view_and_then_a_wrong_shape(x, weight, eps):
    x.view(-1)[0] = 7.0
    return x.sum()


@fault("changed the seed", "sets torch's global seed")
def sets_the_seed(x, weight, eps):
    torch.manual_seed(0)
    return norm(x, weight, eps)


# --- wrong type or shape


@fault("wrong type", "is None (is a return missing?)")
def forgets_to_return(x, weight, eps):
    norm(x, weight, eps)


@fault("wrong type", "is a list")
def returns_a_list(x, weight, eps):
    return norm(x, weight, eps).tolist()


@fault("wrong type", "torch.from_numpy makes a tensor of it")
def returns_an_array(x, weight, eps):
    return norm(x, weight, eps).numpy()


@fault("wrong type", "is a tuple")
def returns_two_things(x, weight, eps):
    return norm(x, weight, eps), weight


@fault("wrong type", "and holds torch.int64")
def returns_whole_numbers(x, weight, eps):
    return norm(x, weight, eps).long()


@fault("wrong type", "and holds torch.bfloat16")
def returns_half_the_bits(x, weight, eps):
    return norm(x, weight, eps).bfloat16()


@fault("wrong type", "and holds torch.complex64")
def returns_complex_numbers(x, weight, eps):
    return torch.complex(norm(x, weight, eps), x)


@fault("wrong type", "is a generator")
def yields(x, weight, eps):
    yield norm(x, weight, eps)


@fault("wrong type", "is a coroutine")
async def is_asynchronous(x, weight, eps):
    return norm(x, weight, eps)


@fault("wrong shape", "result should have the shape (")
def sums_up(x, weight, eps):
    return norm(x, weight, eps).sum(-1)


@fault("wrong shape", "and has (1, 1, ")
def one_axis_more(x, weight, eps):
    return norm(x[:1], weight, eps).unsqueeze(0)


FAULTS.append(Fault(torch.ones(2), "wrong type", "Hand over the function itself"))
FAULTS.append(Fault(None, "wrong type", "Hand over the function itself"))

# --- wrong values of which nobody knows the reason


@fault("wrong value", "is nan, and should be")
def not_a_number(x, weight, eps):
    return norm(x, weight, eps) * float("nan")


@fault("wrong value", "is inf, and should be")
def infinite(x, weight, eps):
    return torch.full_like(x, torch.inf)


@fault("wrong value", "result[0, 1, 0] is 5, and should be")
def one_number_wrong(x, weight, eps):
    result = norm(x, weight, eps)
    result[0, 1, 0] = 5
    return result


@fault("wrong value", "result[0, 0, 0] is")
def a_little_off(x, weight, eps):
    return norm(x, weight, eps) + 1e-3


@fault("wrong value", "result[0, 0, 0] is")
def always_the_same(x, weight, eps):
    return torch.full_like(x, 3.0)


# --- right, in odd ways


@odd_but_right
def with_a_gradient(x, weight, eps):
    return norm(x, torch.nn.Parameter(weight), eps)


@odd_but_right
def a_view_of_something_larger(x, weight, eps):
    return torch.stack([norm(x, weight, eps), x], -1)[..., 0]


@odd_but_right
def that_prints_and_warns(x, weight, eps):
    import sys
    import warnings

    print("mean square:", x.square().mean(-1))
    print("a warning", file=sys.stderr)
    warnings.warn("this is not worth a point less", stacklevel=1)
    return norm(x, weight, eps)


@odd_but_right
def with_the_gradient_switched_off_for_good(x, weight, eps):
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    return norm(x, weight, eps)


kept = torch.empty(0)


@odd_but_right
def in_one_buffer_for_all_calls(x, weight, eps):
    return kept.resize_(x.shape).copy_(norm(x, weight, eps))


@odd_but_right
def that_catches_its_own_errors(x, weight, eps):
    try:
        return x.no_such_method()
    except Exception:
        return norm(x, weight, eps)


@odd_but_right
def with_a_generator_of_its_own(x, weight, eps):
    noise = torch.rand(1, generator=torch.Generator().manual_seed(1))
    return norm(x, weight, eps) + 0 * noise


@odd_but_right
def draws_globally(x, weight, eps):
    return norm(x, weight, eps) + 0 * torch.rand(1) * random.random()


ODD_BUT_RIGHT.append(functools.partial(lambda scale, x, weight, eps: scale * norm(x, weight, eps), 1))


class Module(torch.nn.Module):
    def forward(self, x, weight, eps):
        return norm(x, weight, eps)


ODD_BUT_RIGHT.append(Module())
