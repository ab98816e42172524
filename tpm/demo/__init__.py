"""A believable infrastructure portfolio for a first look: its plan, and fourteen weeks of life replayed through it."""
