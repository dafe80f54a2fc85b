"""Screens beyond the hull: what survives, what is magnetic, what nests."""
