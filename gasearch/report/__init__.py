"""Figures of what a run found."""
