"""Checks for the exercises of lesson 10: products, the backward pass, weights and gradients in FP8."""

from lessons_lib.checks.fp8_training.backward import BACKWARD_PRODUCTS
from lessons_lib.checks.fp8_training.carry import CARRY_GRADIENT
from lessons_lib.checks.fp8_training.master import MASTER_STEPS
from lessons_lib.checks.fp8_training.products import MULTIPLY_SCALED

EXERCISES = (MULTIPLY_SCALED, BACKWARD_PRODUCTS, MASTER_STEPS, CARRY_GRADIENT)

check_multiply_scaled, passes_multiply_scaled = MULTIPLY_SCALED.check, MULTIPLY_SCALED.passes
check_backward_products, passes_backward_products = BACKWARD_PRODUCTS.check, BACKWARD_PRODUCTS.passes
check_master_steps, passes_master_steps = MASTER_STEPS.check, MASTER_STEPS.passes
check_carry_gradient, passes_carry_gradient = CARRY_GRADIENT.check, CARRY_GRADIENT.passes

__all__ = [
    "check_backward_products",
    "check_carry_gradient",
    "check_master_steps",
    "check_multiply_scaled",
    "passes_backward_products",
    "passes_carry_gradient",
    "passes_master_steps",
    "passes_multiply_scaled",
]
