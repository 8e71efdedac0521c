"""Checks for the exercises of lesson 20: beyond one laptop."""
