"""Checks for the exercises of lesson 15: is my run broken."""
