"""Electron–phonon couplings and Tc of exported candidates."""
