"""Checks for the exercises of lesson 10: products, the backward pass, weights and gradients in FP8."""
