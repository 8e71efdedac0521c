"""Checks for the exercises of lesson 05: routing, dispatch, load, its loss, and what a layer holds."""
