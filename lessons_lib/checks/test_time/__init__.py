"""Checks for the exercises of lesson 17: pass@k, votes, best-of-n, budgets of tokens, verdicts."""
