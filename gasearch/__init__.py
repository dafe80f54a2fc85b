"""gasearch: from chemical elements and a pressure to predicted superconductors."""
