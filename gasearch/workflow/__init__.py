"""Stages composed into a run, and the run directory."""
