"""Checks for the exercises of lesson 04: absorbed matrices, what they cost, and YaRN."""
