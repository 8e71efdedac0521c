"""What can be said of a case in one number: an argument, how long it is, the size of one of its axes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.checks.exercise import Case


@dataclass(frozen=True)
class Feature:
    """`words` name it in a sentence, `whole` if it is a whole number."""

    words: str
    value: float
    whole: bool


def sizes_and_numbers(case: Case) -> list[Feature]:
    """Return the features of a case, numbers first, in the order of the arguments."""
    single, sizes = [], []
    for name, value in case.items():
        if isinstance(value, (int, float)):
            single.append(Feature(name, float(value), isinstance(value, int)))
        elif isinstance(value, Tensor):
            sizes += [Feature(f"{name}.shape[{i}]", float(n), True) for i, n in enumerate(value.shape)]
        elif isinstance(value, (tuple, list)):
            sizes.append(Feature(f"len({name})", float(len(value)), True))
    return single + sizes


def mixed_cases(cases: list[Case], each: int = 20) -> list[tuple[str, int, Case]]:
    """Return cases with one argument from another case: (its name, the case's number, the mixture).

    Only arguments of one type and shape are exchanged, for a different value.
    """
    found = []
    for name in cases[0]:
        n = 0
        for i, case in enumerate(cases):
            others = (c[name] for c in cases[i + 1 :] + cases[:i])
            other = next((o for o in others if _exchangeable(case[name], o)), None)
            if other is not None and n < each:
                found.append((name, i, case | {name: other}))
                n += 1
    return found


def _exchangeable(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and one.dtype == other.dtype and not torch.equal(one, other)
    return type(one) is type(other) and isinstance(one, (int, float)) and one != other


def with_counts(case: Case) -> list[Feature]:
    """Return the features of a case, and how many numbers of each mask are true."""
    counts = [
        Feature(f"{name}.sum()", float(value.sum()), True)
        for name, value in case.items()
        if isinstance(value, Tensor) and value.dtype == torch.bool
    ]
    return sizes_and_numbers(case) + counts
