"""The parts of a letter, each with what it was read from."""
