"""The structural type, and what follows from it alone."""
