"""The review of the portfolio, and what people took home from it."""
