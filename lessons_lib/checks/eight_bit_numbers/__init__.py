"""Checks for the exercises of lesson 09: bytes read, numbers rounded, tiles scaled, products added up."""
