"""What a phase near the hull is good for: decompression, barriers, elasticity."""
