"""Checks for the exercises of lesson 02: heads, shared keys and values, and the cache that holds them."""
