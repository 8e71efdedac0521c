"""Checks for the exercises of lesson 18: what an indexer adds up, keeps and costs, and scores of blocks."""
