"""Phonons of any potential, and what they say of stability."""
