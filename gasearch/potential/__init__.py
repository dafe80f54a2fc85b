"""Energy models on batches of crystals, and relaxation at pressure."""
