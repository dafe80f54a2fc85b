"""Screens beyond the hull: what survives decompression, and behind which barriers; what is magnetic, what nests."""
