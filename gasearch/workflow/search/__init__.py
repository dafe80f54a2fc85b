"""A search with a potential: from the plan to its hull."""
