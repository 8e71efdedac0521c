"""Checks for the exercises of lesson 12: parameters at work, hours, utilisation, and dollars."""

from lessons_lib.checks.the_bill.forecast import FORECAST
from lessons_lib.checks.the_bill.hours import TRAINING_HOURS
from lessons_lib.checks.the_bill.parameters import COUNT_MODEL
from lessons_lib.checks.the_bill.what_if import WHAT_IF

EXERCISES = (COUNT_MODEL, TRAINING_HOURS, FORECAST, WHAT_IF)

check_count_model, passes_count_model = COUNT_MODEL.check, COUNT_MODEL.passes
check_training_hours, passes_training_hours = TRAINING_HOURS.check, TRAINING_HOURS.passes
check_forecast_hours, passes_forecast_hours = FORECAST.check, FORECAST.passes
check_what_if_dollars, passes_what_if_dollars = WHAT_IF.check, WHAT_IF.passes

__all__ = [
    "check_count_model",
    "check_forecast_hours",
    "check_training_hours",
    "check_what_if_dollars",
    "passes_count_model",
    "passes_forecast_hours",
    "passes_training_hours",
    "passes_what_if_dollars",
]
