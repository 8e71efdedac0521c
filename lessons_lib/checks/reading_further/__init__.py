"""Checks for the exercises of lesson 18: what an indexer adds up, keeps and costs, scores of blocks, YaRN."""
