"""Checks for the exercises of lesson 01, the parts of a small GPT and what is done with it.

A file for each part; every exercise has an oracle that is a plain loop or torch's own function, and
its known mistakes as functions of the same arguments.
"""
