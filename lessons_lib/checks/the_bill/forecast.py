"""Check of forecasts of training hours, each from the other runs alone, against a loop over runs."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(3, 6)
    # No run is so large that in float32 the others would be lost in a sum from which it is taken off.
    active = [float(rng.randint(5, 60)) for _ in range(n)]
    tokens = [float(rng.randint(1_000, 9_000)) for _ in range(n)]
    peaks = [float(rng.choice((125, 312, 400, 990))) for _ in range(n)]
    hours = [
        round(6e6 * a * d / (p * rng.randint(15, 60) / 100) / 3600)
        for a, d, p in zip(active, tokens, peaks, strict=True)
    ]
    return {
        "active": torch.tensor(active),
        "tokens": torch.tensor(tokens),
        "hours": torch.tensor(hours, dtype=torch.float32),
        "peak": torch.tensor(peaks),
    }


def _run_by_run(active: Tensor, tokens: Tensor, hours: Tensor, peak: Tensor) -> tuple[Tensor, Tensor]:
    runs = list(zip(*(x.tolist() for x in (active, tokens, hours, peak)), strict=True))
    work = [6 * n * 1e9 * d * 1e9 for n, d, _, _ in runs]
    able = [h * 3600 * p * 1e12 for _, _, h, p in runs]
    utilisation = [w / a for w, a in zip(work, able, strict=True)]
    forecasts = []
    for i, (_, _, _, p) in enumerate(runs):
        of_others = sum(work[:i] + work[i + 1 :]) / sum(able[:i] + able[i + 1 :])
        forecasts.append(work[i] / (p * 1e12 * of_others) / 3600)
    return torch.tensor(utilisation, dtype=torch.float64), torch.tensor(forecasts, dtype=torch.float64)


def _others(work: Tensor, able: Tensor) -> Tensor:
    return (work.sum() - work) / (able.sum() - able)


def _all(work: Tensor, able: Tensor) -> Tensor:
    return (work.sum() / able.sum()).expand_as(work)


def _own(work: Tensor, able: Tensor) -> Tensor:
    return work / able


def _mean_of_others(work: Tensor, able: Tensor) -> Tensor:
    each = work / able
    return (each.sum() - each) / (len(each) - 1)


def _mean_of_all(work: Tensor, able: Tensor) -> Tensor:
    return (work / able).mean().expand_as(work)


def _forecast(
    active: Tensor,
    tokens: Tensor,
    hours: Tensor,
    peak: Tensor,
    *,
    used: Callable[[Tensor, Tensor], Tensor] = _others,  # the utilisation that a forecast is made with
    said: Callable[[Tensor], Tensor] = lambda u: u,  # what becomes of the utilisation that is returned
    unit: float = 1.0,  # of the forecasts, in hours
) -> tuple[Tensor, Tensor]:
    """Forecast with one thing (or none) done the wrong way."""
    work, able = 6e6 * active.double() * tokens.double(), hours.double() * 3600 * peak.double()
    return said(work / able), work / (peak.double() * 3600 * used(work, able)) / unit


def _hours_of_others(active: Tensor, tokens: Tensor, hours: Tensor, peak: Tensor) -> tuple[Tensor, Tensor]:
    utilisation, _ = _forecast(active, tokens, hours, peak)
    return utilisation, (hours.double().sum() - hours.double()) / (len(hours) - 1)


FORECAST = Exercise(
    "forecast_hours",
    _draw,
    _run_by_run,
    (
        Misconception(
            "derived from the run itself",
            "Your forecasts are the hours that were given, all of them, to the last digit. From which hours "
            "does the utilisation come that you make them with?",
            (partial(_forecast, used=_own),),
        ),
        Misconception(
            "its own run among the others",
            "The utilisation that you forecast with is the same for all runs. So each run has a part in its "
            "own forecast.",
            (partial(_forecast, used=_all), partial(_forecast, used=_mean_of_all)),
        ),
        Misconception(
            "runs weighted alike",
            "You take a mean of utilisations, in which a small run weighs as much as a large one. The text "
            "adds up work and hours first.",
            (partial(_forecast, used=_mean_of_others),),
        ),
        Misconception(
            "hours of the others",
            "Your forecast does not know how large the model is that it is for. Which two arguments say "
            "how much work a run is?",
            (_hours_of_others,),
        ),
        Misconception(
            "utilisation inverted",
            "Your utilisation goes up when a run takes longer. Which of the two is the part, and which the "
            "whole?",
            (
                partial(_forecast, said=lambda u: 1 / u),
                partial(_forecast, said=lambda u: 1 / u, used=lambda w, a: 1 / _others(w, a)),
                partial(_forecast, said=lambda u: 1 / u, used=lambda w, a: _others(a, w)),
            ),
        ),
        Misconception(
            "seconds and hours mixed",
            "One of your results is off by a factor of seconds in an hour. A peak counts operations in a "
            "second.",
            (
                partial(_forecast, said=lambda u: u * 3600),
                partial(_forecast, said=lambda u: u * 3600, unit=1 / 3600),
                partial(_forecast, unit=1 / 3600),
            ),
        ),
        Misconception(
            "forward pass alone",
            "Your forecasts are right, your utilisations too small by one factor: it is in the forecast "
            "twice, and cancels. What does a training do besides the forward pass?",
            (partial(_forecast, said=lambda u: u / 3), partial(_forecast, said=lambda u: u / 6)),
        ),
    ),
    lesson="12",
    edges={
        "two runs": lambda c: {n: c[n][:2] for n in c},
        "equal runs": lambda c: {n: c[n][:1].repeat(3) for n in c},
    },
    returns=("utilisation", "forecast"),
)
