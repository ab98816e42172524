"""One letter: what its audience is told, in its reader's order, written out as text and HTML."""
