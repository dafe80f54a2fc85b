"""Executors: serial, MPI, clusters; and other programs as processes."""
