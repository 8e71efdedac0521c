"""Checks for the exercises of lesson 11: pipelines."""
