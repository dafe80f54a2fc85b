"""Enthalpies turned into comparisons."""
