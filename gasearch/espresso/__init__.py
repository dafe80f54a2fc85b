"""Quantum ESPRESSO: text in, text out; the runner alone touches files and processes."""
