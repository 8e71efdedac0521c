"""Checks for the exercises of lesson 03: what latent attention remembers, contains, scores and weighs."""
