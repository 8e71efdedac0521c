"""Checks for the exercises of lesson 07: letters, answers home, the node limit, replicas and wasted slots."""
