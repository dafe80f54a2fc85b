"""Operators that make a new structure from parents; one a file."""
