"""Checks for the exercises of lesson 12: parameters at work, hours, utilisation, and dollars."""
