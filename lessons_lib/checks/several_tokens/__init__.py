"""Checks for the exercises of lesson 08: an MTP module, its targets and loss, and speculative decoding."""
