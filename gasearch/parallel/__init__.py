"""Executors: serial and MPI."""
