"""Checks for the exercises of lesson 16: traces kept, learned and translated, language, held-out scores."""
