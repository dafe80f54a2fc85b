"""Several runs in one queue, and what they have found."""
