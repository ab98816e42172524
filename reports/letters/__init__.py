"""Letters: written from facts for many readers at once, sent by their way out, checked afterwards."""
