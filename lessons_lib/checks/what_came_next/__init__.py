"""Checks for the exercises of lesson 19: what came next."""
