"""Checks for the exercises of lesson 04: absorbed matrices, and what they cost."""
