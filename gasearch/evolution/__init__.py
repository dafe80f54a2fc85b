"""The grand-canonical genetic algorithm, with no physics engine inside."""
