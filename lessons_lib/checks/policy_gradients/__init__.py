"""Checks for the exercises of lesson 13: from a reward to a gradient, and what keeps the step small."""
