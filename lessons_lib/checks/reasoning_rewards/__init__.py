"""Checks for the exercises of lesson 14: what earns a reward, and which tokens are blamed for it."""
