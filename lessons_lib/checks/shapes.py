"""What can be said of results whose numbers are right and lie elsewhere, or are too few or too many.

Each function tells in words what holds of one wrong part of the results in every case, or returns None. Cases
in which the part is right as it is don't speak against it: a sum over one number is that number.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

Column = list[tuple[Tensor, Tensor]]  # one part of the result, got and expected, of all cases
Same = Callable[[Tensor, Tensor], bool]


def moved(column: Column, same: Same) -> str | None:
    """Name a turn, a reversed or another order, or another shape, in which the same numbers stand."""
    ndim = column[0][1].ndim
    for i, j in combinations(range(ndim), 2):
        if all(g.ndim == ndim and same(g.transpose(i, j), e) for g, e in column):
            return "it is transposed" if ndim == 2 else f"its axes {i} and {j} are exchanged"
    if all(g.shape == e.shape and e.ndim for g, e in column):
        where = "in each row" if ndim > 1 else "in it"
        if all(same(g.flip(-1), e) for g, e in column):
            return f"they stand {where} in reverse order"
        for axis in range(ndim):
            for words, turned in TURNS.items():
                if all(same(turned(g, axis), e) for g, e in column):
                    return f"they stand {words} along axis {axis}"
        if _are_verdicts(column):  # ones and zeros are soon as many in another order, by chance
            return None
        if all(same(g.sort(-1).values, e.sort(-1).values) for g, e in column):
            return f"they stand {where} in another order than asked for"
        return None
    if all(same(g.reshape(e.shape), e) for g, e in column if g.numel() == e.numel()) and all(
        g.numel() == e.numel() for g, e in column
    ):
        ones = all([n for n in g.shape if n != 1] == [n for n in e.shape if n != 1] for g, e in column)
        return "it has an axis of size 1 too many or too few" if ones else "they lie in another shape"
    return None


TURNS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "in reverse order": lambda x, axis: x.flip(axis),
    "one place too early": lambda x, axis: x.roll(1, axis),
    "one place too late": lambda x, axis: x.roll(-1, axis),
}


def gathered(column: Column, same: Same, name: str) -> str | None:
    """Say over which axis was added up or averaged too much, or not yet."""
    for still_to_do in (True, False):  # the attempt's has an axis more than the right one, or one less
        pairs = column if still_to_do else [(expected, got) for got, expected in column]
        if any(wide.ndim - narrow.ndim != 1 for wide, narrow in pairs):
            continue
        for axis in range(pairs[0][0].ndim):
            for word, gather in WAYS.items():
                if all(_fits(gather, wide, narrow, axis, same) for wide, narrow in pairs):
                    if still_to_do:
                        return f"{name} would be right {word} over its axis {axis}."
                    return f"{name} is what is asked for, but {word} over its axis {axis}."
    return None


WAYS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "added up": lambda x, axis: x.sum(axis),
    "averaged": lambda x, axis: x.mean(axis),
}


def _fits(gather: Callable, wide: Tensor, narrow: Tensor, axis: int, same: Same) -> bool:
    found = gather(wide, axis) if wide.shape[axis] else None
    return found is not None and found.shape == narrow.shape and same(found, narrow)


def cut(column: Column, same: Same, name: str) -> str | None:
    """Say that all there is is right, and one end is missing, or that something stands there."""
    for axis in range(column[0][1].ndim):
        if any(g.ndim != e.ndim for g, e in column):
            return None
        sizes = [(g.shape[axis], e.shape[axis]) for g, e in column]
        short, long = all(a <= b for a, b in sizes), all(a >= b for a, b in sizes)
        if short == long:
            continue
        for turned, (found, missing, more) in ENDS.items():
            ends = [(g.flip(axis), e.flip(axis)) for g, e in column] if turned else column
            pairs = [(g.narrow(axis, 0, min(n)), e.narrow(axis, 0, min(n))) for (g, e), n in zip(ends, sizes)]
            if all(same(g, e) for g, e in pairs) and any(min(n) for n in sizes):
                return f"{name} {found} in every case, but {missing if short else more} (along axis {axis})."
    return None


ENDS = {  # are the numbers looked at from the other end? What is then right, missing, or too much
    False: ("begins rightly", "the end is missing", "what follows is too much"),
    True: ("ends rightly", "the beginning is missing", "what stands before is too much"),
}


def placed(column: Column, same: Same, name: str) -> str | None:
    """Name the one place along an axis that is always wrong, or the one that is always right."""
    if any(g.shape != e.shape for g, e in column):
        return None
    for axis in range(column[0][1].ndim):
        several = [(g.movedim(axis, 0), e.movedim(axis, 0)) for g, e in column if e.shape[axis] > 1]
        if len(several) < 4:
            continue
        for place in (0, -1):
            here = [same(g[place], e[place]) for g, e in several]
            others = [[same(a, b) for a, b in zip(g, e)] for g, e in several]
            others = [row[1:] if place == 0 else row[:-1] for row in others]
            at = f"{name}[{', '.join([':'] * axis + [str(place)])}]"
            if all(map(all, others)) and here.count(False) >= 4:
                often = "" if not any(here) else f", wrong in {here.count(False)} of {len(here)} cases"
                return f"{name} is right in every case but for {at}{often}."
            if all(here) and not any(map(any, others)):
                return f"{at} is right in every case; the rest is not."
    return None


def _above(x: Tensor) -> Tensor:
    return x > 0


def _below(x: Tensor) -> Tensor:
    return x < 0


def _all(parts: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])


def _are_verdicts(column: Column) -> bool:
    return all(bool(((x == 0) | (x == 1)).all()) for pair in column for x in pair)


def _both(x: Tensor) -> bool:
    return bool((x == 1).any() and (x == 0).any())


def one_sided(column: Column, same: Same, name: str, rows_of: list[dict[str, Any]]) -> str | None:
    """Say of verdicts, 1 or 0, that only one of the two is given wrongly, and show one that is."""
    if any(g.shape != e.shape or e.ndim != 1 for g, e in column):
        return None
    if not _are_verdicts(column):
        return None
    too_much, too_little = (any(sign(g - e).any() for g, e in column) for sign in (_above, _below))
    if too_much == too_little or not all(_both(x) for x in map(_all, zip(*column))):
        return None
    n = next(n for n, (g, e) in enumerate(column) if not same(g, e))
    place = int((column[n][0] != column[n][1]).nonzero()[0])
    texts = (
        v[place] for v in rows_of[n].values() if isinstance(v, (tuple, list)) and len(v) == len(column[n][1])
    )
    example = next((f", {text!r:.80} among them" for text in texts if isinstance(text, str)), "")
    if too_much:
        return f"{name} is 1 wherever it should be, and elsewhere too{example}."
    return f"{name} is 0 wherever it should be, and elsewhere too{example}."
