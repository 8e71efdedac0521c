"""Checks for the exercises of lesson 06: V3's router, its layer, its balance, and who learned what."""
